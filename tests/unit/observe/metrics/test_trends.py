"""Spread, success, overhead and comparison, on builds whose answer is known."""

import random
from pathlib import Path

import pytest
from tests.kit.records import BEGIN, CROSS, NATIVE, failed, run, target

from debwright.model.errors import UsageError
from debwright.observe.metrics import query, trends
from debwright.observe.metrics.compare import compare
from debwright.observe.metrics.model import RunRecord, StageRecord
from debwright.observe.metrics.query import Filter
from debwright.observe.metrics.store import Store


def stored(*records: RunRecord) -> Store:
    store = Store.open(Path(":memory:"))
    store.put(records)
    return store


def test_the_spread_is_that_of_the_newest_level() -> None:
    random_ = random.Random(3)
    runs = [
        run(n, target(build=(60 if n < 40 else 90) * random_.uniform(0.95, 1.05)))
        for n in range(80)
    ]
    with stored(*runs) as store:
        found = trends.trends(trends.series(query.builds(store), query.stage_times(store)))
    by_stage = {t.key.stage: t for t in found}
    assert set(by_stage) == {"build", "check", "total"}
    (moved,) = by_stage["build"].moved
    assert moved.first.version in {f"1.0.{n}-1" for n in (39, 40, 41)}
    assert 85 < by_stage["build"].spread.median < 95
    assert by_stage["build"].spread.count in (39, 40, 41)
    assert by_stage["check"].moved == ()


def test_machines_of_different_classes_are_not_mixed() -> None:
    runs = [run(n, machine=f"amd64 {2 + 2 * (n % 2)} cores") for n in range(6)]
    with stored(*runs) as store:
        keys = trends.series(query.builds(store), query.stage_times(store))
    assert {k.machine for k in keys} == {"amd64 2 cores", "amd64 4 cores"}
    assert all(len(points) == 3 for points in keys.values())


def test_long_series_are_looked_at_in_groups() -> None:
    random_ = random.Random(4)
    values = [60 * random_.uniform(0.9, 1.1) for _ in range(1500)]
    values += [90 * random_.uniform(0.9, 1.1) for _ in range(1500)]
    changes = trends.moves(values)
    assert len(changes) == 1
    assert abs(changes[0].index - 1500) <= 18


def test_failures_of_the_machine_are_no_failures_of_the_package() -> None:
    runs = [run(n) for n in range(18)]
    runs += [run(18, failed()), run(19, failed(infrastructure=True))]
    runs += [run(20, target(result="cached", stages=())), run(21, target(result="skipped"))]
    with stored(*runs) as store:
        builds = query.builds(store)
    now = BEGIN.timestamp() + 30 * 3600
    rate = trends.success(builds, now, 30)
    assert (rate.passed, rate.failed, rate.infrastructure, rate.cached) == (18, 1, 1, 1)
    assert rate.ratio == pytest.approx(18 / 19)
    assert trends.success(builds, now + 40 * 86400, 30).ratio is None


def test_overhead_is_of_the_same_version_and_machine() -> None:
    emulated = target(CROSS, strategy="emulated", build=540.0)
    runs = [
        run(0, target(build=60.0), target(CROSS, build=66.0)),
        run(1, target(build=60.0)), run(2, emulated, version="1.0.1-1"),
        run(3, target(build=10.0), machine="other"), run(4, target(CROSS), version="1.0.3-1"),
    ]  # fmt: skip
    with stored(*runs) as store:
        found = trends.overheads(query.builds(store), query.stage_times(store))
    assert [(o.strategy, round(o.ratio, 3)) for o in found] == [("cross", 1.1), ("emulated", 9.0)]


def test_what_the_service_tells_gives_way_to_what_debwright_recorded() -> None:
    told = run(0, failed(), source="github", ci="github:example/greeter:7:1")
    own = run(1, target(), ci="github:example/greeter:7:1")
    alone = run(2, failed(infrastructure=True), source="github", ci="github:example/greeter:8:1")
    with stored(told, own, alone) as store:
        assert [b.run for b in query.builds(store)] == [own.id, alone.id]


def test_filters() -> None:
    runs = [run(n, target(), target(CROSS), branch="main" if n else "topic") for n in range(3)]
    now = BEGIN.timestamp() + 2 * 3600 + 1
    with stored(*runs) as store:
        assert len(query.builds(store, Filter(targets=["*-arm64"]))) == 3
        assert len(query.builds(store, Filter(branch="topic"))) == 2
        assert len(query.builds(store, Filter(days=1 / 24, now=now))) == 2
        assert query.find_run(store, "last").id == "run:000002"
        assert query.find_run(store, "last~2").id == "run:000000"
        assert query.find_run(store, "000001").id == "run:000001"
        for wrong in ("last~9", "0000", "nothing"):
            with pytest.raises(UsageError):
                query.find_run(store, wrong)


def test_two_runs_stage_by_stage() -> None:
    random_ = random.Random(1)
    earlier = [run(n, target(build=60 * random_.uniform(0.97, 1.03))) for n in range(20)]
    usual, slow = run(20, target(build=61.0)), run(21, target(build=95.0), failed(CROSS))
    with stored(*earlier, usual, slow) as store:
        history = trends.series(query.builds(store), query.stage_times(store))
    found = {(d.target, d.what): d for d in compare(usual, slow, history)}
    build = found[NATIVE, "build"]
    assert build.growth == pytest.approx(95 / 61 - 1)
    assert build.unusual is True
    assert found[NATIVE, "check"].unusual is False
    assert found[CROSS, "result"].before is None
    assert "failed at build" in str(found[CROSS, "result"].after)
    assert found[NATIVE, "size of greeter"].growth == 0
    back = {(d.target, d.what): d for d in compare(slow, usual, history)}
    assert back[NATIVE, "build"].unusual is False


def test_a_stage_found_done_has_no_time() -> None:
    cached = target(stages=(StageRecord(name="build", status="cached"),
                            StageRecord(name="check", status="passed", seconds=5.0)))  # fmt: skip
    with stored(run(0, cached)) as store:
        keys = trends.series(query.builds(store), query.stage_times(store))
    assert [k.stage for k in keys] == ["check"]
