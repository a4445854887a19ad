"""The budget of targets that are checked side by side."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.config import Config
from debwright.host import process
from debwright.host.process import Interrupted
from debwright.pipeline.capacity import Budget, available_mb, budget_for, need_mb


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(1, 1000), min_size=1, max_size=8),
    st.floats(100, 2000),
    st.integers(1, 4),
)
def test_shares_never_exceed_what_there_is(needs: list[float], memory: float, cores: int) -> None:
    budget = Budget(memory_mb=memory, cores=cores)
    lock, held, seen = threading.Lock(), [], []

    def work(need: float) -> None:
        with budget.share(need):
            with lock:
                held.append(need)
                seen.append(list(held))
            with lock:
                held.remove(need)

    threads = [threading.Thread(target=work, args=(n,)) for n in needs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(seen) == len(needs), "everyone had a turn"
    for together in seen:
        assert len(together) <= cores
        assert len(together) == 1 or sum(together) <= memory


def test_who_waits_is_told_why_and_comes_next() -> None:
    budget = Budget(memory_mb=1000, cores=4)
    order: list[str] = []
    told: list[str] = []
    waits = threading.Event()

    def second() -> None:
        def waiting(text: str) -> None:
            told.append(text)
            waits.set()

        with budget.share(800, waiting=waiting) as waited:
            order.append("second")
            assert waited > 0

    def third() -> None:
        with budget.share(100):
            order.append("third")

    with budget.share(500):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        # A small one must not overtake for ever: the large one would starve.
        late = threading.Thread(target=third)
        late.start()
        order.append("first")
    thread.join(10)
    late.join(10)
    assert order[0] == "first"
    assert sorted(order[1:]) == ["second", "third"]
    assert told == ["waiting for 800 MB of memory"]


def test_a_share_is_given_back_after_a_failure() -> None:
    budget = Budget(memory_mb=10, cores=1)
    with pytest.raises(ValueError, match="x"), budget.share(10):
        raise ValueError("x")
    with budget.share(10) as waited:
        assert waited < 5


def test_a_waiting_one_hears_that_it_shall_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(cores=1)

    def stop() -> None:
        raise Interrupted("stop")

    with budget.share(1):
        monkeypatch.setattr(process, "go_on", stop)
        with pytest.raises(Interrupted), budget.share(1):
            pass
        monkeypatch.undo()
    with budget.share(1):
        pass


def test_the_machine_is_asked(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 4000000 kB\n")
    assert available_mb(meminfo, tmp_path) == pytest.approx(4096)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5\n")
    assert available_mb(meminfo, tmp_path) == pytest.approx(4096)
    (tmp_path / "memory.max").write_text("2000000005\n")
    assert available_mb(meminfo, tmp_path) == pytest.approx(2000)
    assert available_mb(tmp_path / "no", tmp_path / "no") is None


def test_the_configuration_decides() -> None:
    config = Config.model_validate(
        {"resources": {"memory_mb": 700, "cores": 3}, "service": {"unit": "x", "memory_mb": 64}}
    )
    budget = budget_for(config)
    assert (budget.memory_mb, budget.cores) == (700, 3)
    assert need_mb(config, emulated=True) == need_mb(config, emulated=False) + 400
    assert need_mb(Config(), emulated=False) + 64 == need_mb(config, emulated=False)
    fixed = Config.model_validate({"resources": {"check_memory_mb": 50}})
    assert need_mb(fixed, emulated=True) == 50
    assert budget_for(Config()).memory_mb is not None


def test_what_others_will_need_is_not_spare() -> None:
    budget = Budget(memory_mb=1000, cores=2)
    budget.expect(["one", "two"])
    with budget.share(300):
        budget.arrived("one")
        with budget.spare(300) as second:
            assert not second, "the other target has not begun"
        budget.arrived("two")
        with budget.spare(300) as second:
            assert second, "it has no need of checks"
            with budget.spare(300) as third:
                assert not third, "there are two cores"
        with budget.spare(800) as second:
            assert not second, "there is no memory for it"
        with budget.spare(300) as second:
            assert second, "it was given back"


def test_one_core_is_never_spare() -> None:
    budget = Budget(memory_mb=None, cores=1)
    with budget.share(1), budget.spare(1) as second:
        assert not second
