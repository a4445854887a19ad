"""Units of Type=notify: those that say READY=1 in time, and those that never do."""

import pytest
from tests.kit.systemd import RUNNING, State, Systemd, session

from debwright.checks.engine import notify
from debwright.checks.engine.health import Waited
from debwright.config import Service

DEMO = Service(unit="demo.service")
WAITING = {**RUNNING, "Type": "notify", "ActiveState": "activating", "SubState": "start"}
READY = {**RUNNING, "Type": "notify"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "AFTER_AN_ANSWER", 0.3)
    monkeypatch.setattr(notify, "_LOOK", 0.0)


@pytest.mark.parametrize(
    "states",
    [[READY], [WAITING, READY], [{**WAITING, "Type": "simple"}], [{**WAITING, "Type": "oneshot"}]],
)
def test_a_unit_that_says_it_or_need_not(states: list[State]) -> None:
    here = session(Systemd(demo_service=states))
    assert notify.never(here, DEMO, Waited(seconds=1)) is None


def test_a_unit_that_answers_and_never_says_it() -> None:
    found = notify.never(session(Systemd(demo_service=WAITING)), DEMO, Waited(seconds=1))
    assert found is not None
    assert found.code == "service/not-notified"
    assert "READY=1" in found.message
    assert "it answers" in found.message


class TimedOut(Systemd):
    """Has a journal in which systemd gave up."""

    def _said(self, words: list[str]) -> str:
        told = "demo.service: start operation timed out. Terminating."
        return told if words[0] == "journalctl" else super()._said(words)


def test_a_unit_that_systemd_has_given_up() -> None:
    failed = {**READY, "ActiveState": "failed", "Result": "timeout"}
    problem = notify.never(session(Systemd(demo_service=WAITING)), DEMO, Waited(seconds=1))
    waited = Waited(seconds=30, problem=problem)
    assert notify.never(session(TimedOut(demo_service=failed)), DEMO, waited) is not None
    assert notify.never(session(Systemd(demo_service=failed)), DEMO, waited) is None
