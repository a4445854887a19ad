"""Heat and full disks, with thresholds that do not flutter."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.config.settings import LimitSettings
from local_rag.monitor.governor import Governor
from local_rag.monitor.sensors import Disk, DiskGate, MeanTemperature, read_disk, read_temperature


def zone(root: Path, number: int, kind: str, temp: str) -> None:
    place = root / f"thermal_zone{number}"
    place.mkdir(parents=True)
    (place / "type").write_text(kind + "\n")
    (place / "temp").write_text(temp + "\n")


class Machine:
    """A machine whose sensors say what a test wants."""

    def __init__(self) -> None:
        self.celsius: float | None = 50.0
        self.disk: Disk | None = Disk(total=100, free=50)
        self.now = 0.0
        self.governor = Governor(
            LimitSettings(),
            Path("/data"),
            threads=4,
            temperature=lambda: self.celsius,
            disk=lambda _: self.disk,
            clock=lambda: self.now,
        )

    def at(self, celsius: float | None, polls: int = 3) -> Governor:
        self.celsius = celsius
        for _ in range(polls):
            self.governor.poll()
        return self.governor

    def free(self, percent: int) -> tuple[bool, str | None]:
        self.disk = Disk(total=100, free=percent)
        self.now += 10
        return self.governor.may_import()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_the_processor_zone_counts_and_not_the_disk(tmp_path: Path) -> None:
    zone(tmp_path, 0, "nvme", "95000")
    zone(tmp_path, 1, "cpu-thermal", "61234")
    zone(tmp_path, 2, "x86_pkg_temp", "63000")
    assert read_temperature(tmp_path) == 63.0


def test_any_zone_is_better_than_none(tmp_path: Path) -> None:
    zone(tmp_path, 0, "acpitz", "41000")
    assert read_temperature(tmp_path) == 41.0


@pytest.mark.parametrize("text", ["", "abc", "999000", "-273000"])
def test_nonsense_is_not_a_temperature(tmp_path: Path, text: str) -> None:
    zone(tmp_path, 0, "cpu-thermal", text)
    assert read_temperature(tmp_path) is None


def test_no_sensor(tmp_path: Path) -> None:
    assert read_temperature(tmp_path / "none") is None


def test_the_mean_is_of_the_last_three() -> None:
    mean = MeanTemperature()
    assert [mean.add(t) for t in (60.0, 70.0, 80.0, 90.0)] == [60.0, 65.0, 70.0, 80.0]
    assert mean.add(None) is None
    assert mean.add(50.0) == 50.0


def test_cool(machine: Machine) -> None:
    governor = machine.at(60)
    assert governor.threads() == 4
    assert governor.may_generate() == (True, None)
    assert governor.state().heat == "ok"


def test_warm_takes_half_the_threads_until_it_is_below_70(machine: Machine) -> None:
    assert machine.at(76).threads() == 2
    assert machine.at(76).may_generate()[0]
    assert machine.at(72).threads() == 2
    assert machine.at(69).threads() == 4
    assert machine.at(72).threads() == 4


def test_hot_stops_until_it_is_below_70(machine: Machine) -> None:
    allowed, reason = machine.at(86).may_generate()
    assert not allowed
    assert reason == ("the processor is at 86 C; answers are not written until it is below 70 C")
    assert not machine.governor.may_import()[0]
    assert not machine.at(80).may_generate()[0]
    assert not machine.at(71).may_generate()[0]
    assert machine.at(69).may_generate() == (True, None)
    assert machine.governor.may_import() == (True, None)


@pytest.mark.parametrize(("celsius", "heat"), [(75, "ok"), (75.5, "throttled"), (85, "throttled")])
def test_at_the_thresholds_themselves(machine: Machine, celsius: float, heat: str) -> None:
    assert machine.at(celsius).state().heat == heat


def test_one_spike_does_not_stop_an_answer(machine: Machine) -> None:
    machine.at(60)
    assert machine.at(95, polls=1).may_generate()[0]


def test_a_lost_sensor_stops_nothing(machine: Machine) -> None:
    machine.at(90)
    governor = machine.at(None)
    assert governor.may_generate()[0]
    assert governor.state().temperature is None
    assert governor.threads() == 4


@given(st.lists(st.floats(30, 100), max_size=60))
def test_generation_never_flutters_between_70_and_85(readings: list[float]) -> None:
    machine = Machine()
    was = True
    for celsius in readings:
        machine.celsius = celsius
        machine.governor.poll()
        mean = machine.governor.state().temperature
        now = machine.governor.may_generate()[0]
        assert mean is not None
        if 70 <= mean <= 85:
            assert now == was
        assert now or mean >= 70
        assert not now or mean <= 85
        was = now


def test_imports_halt_under_5_percent_and_go_on_above_10(machine: Machine) -> None:
    assert machine.free(5)[0]
    allowed, reason = machine.free(4)
    assert not allowed
    assert reason == "the disk of /data has 4.0 % free; imports go on above 10 %"
    assert not machine.free(9)[0]
    assert not machine.free(10)[0]
    assert machine.free(11) == (True, None)
    assert machine.free(6)[0]


def test_an_unreadable_disk_stops_nothing(machine: Machine) -> None:
    machine.disk = None
    assert machine.governor.may_import() == (True, None)
    assert machine.governor.state().disk is None


def test_the_disk_is_not_asked_all_the_time(machine: Machine) -> None:
    machine.free(50)
    machine.disk = Disk(total=100, free=1)
    machine.now += 1
    assert machine.governor.may_import()[0]
    machine.now += 1.5
    assert not machine.governor.may_import()[0]


def test_a_gate_can_be_closed_from_the_start() -> None:
    gate = DiskGate(5, 10)
    assert not gate.update(1)
    assert not gate.update(7)
    assert gate.update(12)


def test_the_real_disk_of_a_directory_to_come(tmp_path: Path) -> None:
    disk = read_disk(tmp_path / "not" / "yet")
    assert disk is not None
    assert 0 < disk.free <= disk.total
    assert 0 < disk.percent_free <= 100


def test_it_watches_by_itself() -> None:
    readings: Iterator[float] = iter([90.0] * 1000)
    governor = Governor(
        LimitSettings(), Path("/"), threads=2, temperature=lambda: next(readings),
        poll_seconds=0.01,
    )  # fmt: skip
    governor.start()
    try:
        deadline = time.monotonic() + 30
        while governor.may_generate()[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not governor.may_generate()[0]
    finally:
        governor.stop()


def test_a_failing_sensor_does_not_end_the_watch() -> None:
    calls = 0

    def sensor() -> float:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("bus error")
        return 90.0

    governor = Governor(
        LimitSettings(), Path("/"), temperature=sensor, poll_seconds=0.01, threads=1
    )
    governor.start()
    try:
        deadline = time.monotonic() + 30
        while governor.may_generate()[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert calls > 1
        assert not governor.may_generate()[0]
        assert governor.threads() == 1
    finally:
        governor.stop()
