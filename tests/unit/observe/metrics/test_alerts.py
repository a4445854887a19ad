"""Each rule, with what is a problem and what is none; and telling of each once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.kit.records import BEGIN, CROSS, failed, run, target

from debwright.model.errors import DebwrightError
from debwright.observe.metrics import Alerts, Metrics
from debwright.observe.metrics.alerts.deliver import deliver, quoted
from debwright.observe.metrics.alerts.rules import Facts, Problem, problems
from debwright.observe.metrics.model import AlertRecord, RunRecord
from debwright.observe.metrics.store import Store

NOW = BEGIN + timedelta(hours=100)


def found(*records: RunRecord, **settings: Any) -> dict[str, Problem]:
    with Store.open(Path(":memory:")) as store:
        store.put(records)
        facts = Facts.of(store, Metrics(**settings), NOW.timestamp())
    return {p.rule: p for p in problems(facts)}


def test_all_is_well() -> None:
    assert found(*(run(n, target(), target(CROSS)) for n in range(30))) == {}
    assert found() == {}


def test_two_failures_in_a_row() -> None:
    assert "failing" not in found(run(0), run(1, failed()))
    assert "failing" not in found(run(0, failed()), run(1), run(2, failed()))
    two = found(run(0), run(1, failed()), run(2, failed()))["failing"]
    assert two.title == "bookworm-amd64 failed 2 times in a row"
    assert "1.0.2-1" in two.text
    between = run(2, failed(infrastructure=True))
    assert "failing" in found(run(1, failed()), between, run(3, failed()))
    assert "failing" not in found(run(1, failed()), between)
    off = Metrics(alerts=Alerts(failures_in_row=0)).model_dump()
    assert "failing" not in found(run(1, failed()), run(2, failed()), **off)


def test_other_branches_do_not_count() -> None:
    runs = [run(n, failed(), branch="topic") for n in range(3)]
    assert found(*runs) == {}
    assert "failing" in found(*(run(n, failed(), branch=None) for n in range(3)))
    patterns = Metrics(alerts=Alerts(branches=["top*"])).model_dump()
    assert "failing" in found(*runs, **patterns)


def test_a_success_rate_below_the_aim() -> None:
    def history(bad: int, good: int, **changes: Any) -> list[RunRecord]:
        runs = [run(n, failed(**changes)) for n in range(bad)]
        return [*runs, *(run(n) for n in range(bad, bad + good))]

    assert "94.7 %" in found(*history(1, 18))["success"].text
    assert "success" not in found(*history(1, 19))
    assert "success" not in found(*history(1, 8)), "too few to say"
    assert "success" not in found(*history(5, 18, infrastructure=True))


def test_a_build_that_takes_half_as_long_again() -> None:
    usual = [run(n, target(build=60.0)) for n in range(8)]
    assert "slow" not in found(*usual, run(8, target(build=95.0)))
    slow = found(*usual, run(8, target(build=105.0)))["slow"]
    assert "56 %" in slow.title
    assert "slow" not in found(*usual[:4], run(8, target(build=200.0))), "too few to say"
    assert "slow" not in found(*usual, run(8, target(build=200.0), machine="another"))
    late = run(60, target(build=200.0), started=NOW + timedelta(days=8))
    assert "slow" not in found(*usual, late)


@pytest.mark.parametrize(
    ("rule", "changed"),
    [("size", {"packages": {"greeter": 2_700_000}}),
     ("memory", {"measurements": {"service.memory_bytes": 50e6}})],
)  # fmt: skip
def test_growth(rule: str, changed: dict[str, Any]) -> None:
    usual = [run(n) for n in range(5)]
    assert rule in found(*usual, run(5, target(**changed)))
    assert rule not in found(*usual)
    assert rule not in found(*usual[:2], run(5, target(**changed)))


def test_flaky_checks() -> None:
    wobbly = target(flaky=("service/flaky",))
    assert "flaky" not in found(run(0), run(1, wobbly))
    assert "2 of the last 3" in found(run(0), run(1, wobbly), run(2, wobbly))["flaky"].text
    same = {"version": "1.0-1"}
    both = found(
        run(0, failed(checks={"service": "failed"}), **same),
        run(1, target(checks={"service": "passed"}), **same),
    )
    assert "Judged one version both ways: service" in both["flaky"].text


@dataclass
class Way:
    """A channel that keeps what it was told, or fails."""

    name: str = "chat"
    standing: bool = False
    broken: bool = False
    heard: list[tuple[str, bool]] = field(default_factory=list)

    def tell(self, alert: AlertRecord) -> None:
        if self.broken:
            raise DebwrightError("out of order")
        self.heard.append((alert.title, alert.open))


def problem(title: str = "it fails", key: str = "failing:a") -> Problem:
    return Problem(key=key, title=title, text="so it is", next="debwright run")


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., list[str]]:
    """Delivers problems to ways, with the state of a store; what was said."""

    def tell(problems: list[Problem], *ways: Way, dry: bool = False) -> list[str]:
        said: list[str] = []
        with Store.open(tmp_path / "runs.sqlite") as store:
            deliver(store, problems, ways, datetime.now(UTC), said.append, dry=dry)
        return said

    return tell


def test_once_and_once_more_when_it_is_over(told: Callable[..., list[str]]) -> None:
    way = Way()
    for _ in range(3):
        told([problem()], way)
    told([problem("it fails more")], way)
    assert way.heard == [("it fails", True)]
    told([], way)
    told([], way)
    assert way.heard[1:] == [("it fails more", False)]
    told([problem()], way)
    assert len(way.heard) == 3


def test_what_shows_the_state_is_kept_up_to_date(told: Callable[..., list[str]]) -> None:
    way = Way(standing=True)
    told([problem()], way)
    told([problem()], way)
    told([problem("it fails more")], way)
    told([], way)
    assert way.heard == [("it fails", True), ("it fails more", True), ("it fails more", False)]


def test_a_broken_way_is_tried_again_and_stops_no_other(told: Callable[..., list[str]]) -> None:
    mail, chat = Way("email", broken=True), Way("chat")
    said = told([problem()], mail, chat)
    assert "nobody was told by email" in said[0]
    assert "out of order" in said[0]
    mail.broken = False
    told([problem()], mail, chat)
    assert (len(mail.heard), len(chat.heard)) == (1, 1)
    mail.broken = True
    told([], mail, chat)
    mail.broken = False
    told([], mail, chat)
    told([], mail, chat)
    assert [h[1] for h in mail.heard] == [True, False]
    assert [h[1] for h in chat.heard] == [True, False]


def test_nobody_hears_of_what_was_over_before_it_was_told(told: Callable[..., list[str]]) -> None:
    way = Way(broken=True)
    told([problem()], way)
    way.broken = False
    told([], way)
    assert way.heard == []


def test_a_dry_run_tells_nobody_and_changes_nothing(told: Callable[..., list[str]]) -> None:
    way = Way()
    told([problem()], way, dry=True)
    assert way.heard == []
    told([problem()], way)
    assert len(way.heard) == 1


def test_text_of_an_issue_is_never_markup() -> None:
    assert quoted("@all ``` x").startswith("````text\n")
