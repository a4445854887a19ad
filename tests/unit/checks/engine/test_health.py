"""When a service counts as healthy that has no health URL: its unit's state, and its log."""

import pytest
from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.engine import health
from debwright.checks.engine.health import Waited
from debwright.checks.engine.probes import Answer
from debwright.config import Service

WORKER = Service(unit="demo.service", start_seconds=1)
ENDED = {**RUNNING, "ActiveState": "inactive", "SubState": "dead", "MainPID": "0"}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LASTS", 0.15)


def wait(system: Systemd, service: Service = WORKER) -> Waited:
    return health.wait_healthy(session(system), service)


def code(waited: Waited) -> str | None:
    return None if waited.problem is None else waited.problem.code


def test_a_worker_is_healthy_once_it_has_stayed_up() -> None:
    """One that died two seconds after its start was taken for healthy."""
    assert code(wait(Systemd(demo_service=RUNNING))) is None
    again = {**RUNNING, "NRestarts": "1", "ActiveEnterTimestampMonotonic": "9"}
    assert code(wait(Systemd(demo_service=[RUNNING, again]))) == "service/crashed"


def test_the_time_of_the_start_is_without_the_watch() -> None:
    waited = wait(Systemd(demo_service=RUNNING))
    assert waited.seconds < health.LASTS


def test_what_has_been_seen_up_long_enough_is_not_watched_again() -> None:
    system = Systemd(demo_service=RUNNING)
    here = session(system)
    health.wait_healthy(here, WORKER)
    looks = len(system.ran)
    health.wait_healthy(here, WORKER)
    assert len(system.ran) == looks + 2, "the state and the log, once each"


def test_a_worker_that_ends_by_itself_is_not_waited_for() -> None:
    found = wait(Systemd(demo_service=[RUNNING, ENDED])).problem
    assert found is not None
    assert found.code == "service/ended"
    assert found.fix is not None
    assert "--no-start" not in found.fix


def test_a_worker_that_logs_an_error_is_not_healthy() -> None:
    system = Systemd(demo_service=RUNNING)
    system.errors = ["the queue cannot be reached"]
    found = wait(system).problem
    assert found is not None
    assert found.code == "service/logged-errors"
    assert "the queue cannot be reached" in found.evidence[0].text


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("demo.service", {**ENDED, "Type": "oneshot"}),
        ("demo.service", {**RUNNING, "Type": "oneshot", "SubState": "exited", "MainPID": "0"}),
        ("demo.timer", {"ActiveState": "active", "SubState": "waiting", "Result": "success"}),
        ("demo.socket", {"ActiveState": "active", "SubState": "listening", "Result": "success"}),
        ("demo.path", {"ActiveState": "active", "SubState": "waiting", "Result": "success"}),
        ("demo.service", {"ActiveState": "inactive", "Result": "success", "Type": "simple",
                          "TriggeredBy": "demo.socket"}),
        ("demo.service", {"ActiveState": "inactive", "Result": "success", "Type": "dbus"}),
    ],
)  # fmt: skip
def test_units_that_are_well_without_a_process(name: str, state: dict[str, str]) -> None:
    system = Systemd(**{name.replace(".", "_"): state})
    assert code(wait(system, Service(unit=name, start_seconds=1))) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({**ENDED, "Type": "oneshot", "Result": "exit-code", "ActiveState": "failed"},
         "service/crashed"),
        ({**RUNNING, "Type": "oneshot", "ActiveState": "activating", "SubState": "start"},
         "service/unhealthy"),
        ({"ActiveState": "inactive", "Result": "success", "Type": "oneshot"}, "service/unhealthy"),
    ],
)  # fmt: skip
def test_a_oneshot_has_to_end_with_success(state: dict[str, str], expected: str) -> None:
    assert code(wait(Systemd(demo_service=state))) == expected


def test_what_was_answered_is_shown_and_not_that_the_last_try_was_too_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = Service(unit="demo.service", start_seconds=1, health_url="http://127.0.0.1:1/")
    answers = ["here I am", None, None, None]

    def ask(*_: object) -> Answer:
        body = answers.pop(0) if len(answers) > 1 else None
        return Answer(
            ok=False, status=200 if body else None, body=body or "", attempts=1, seconds=0.4,
            error=None if body else "ConnectionError: no connection", latency=0.1,
        )  # fmt: skip

    monkeypatch.setattr("debwright.checks.engine.probes.ask", ask)
    found = wait(Systemd(demo_service=RUNNING), asked).problem
    assert found is not None
    assert found.code == "service/unhealthy"
    assert any("here I am" in e.text for e in found.evidence)


@pytest.mark.parametrize(
    ("status", "location", "advice"),
    [
        (302, "/login", "leads nowhere else; or expect_status = 302 in [service]"),
        (401, None, "credentials in [service.probe], which names a file with USER:PASSWORD"),
        (204, None, "or expect_status = 204 in [service]"),
    ],
)
def test_another_status_than_the_expected_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, status: int, location: str | None, advice: str
) -> None:
    asked = Service(unit="demo.service", start_seconds=1, health_url="http://127.0.0.1:1/")
    answer = Answer(
        ok=False, status=status, body="", error=None, attempts=1, seconds=0.1, latency=0.1,
        location=location,
    )  # fmt: skip
    monkeypatch.setattr("debwright.checks.engine.probes.ask", lambda *_: answer)
    found = wait(Systemd(demo_service=RUNNING), asked).problem
    assert found is not None
    assert advice in str(found.fix)


def test_a_unit_that_systemd_could_not_set_up_has_not_crashed() -> None:
    state = {
        **ENDED, "ActiveState": "activating", "SubState": "auto-restart", "Result": "resources",
        "NRestarts": "2",
    }  # fmt: skip
    found = wait(Systemd(demo_service=state)).problem
    assert found is not None
    assert found.code == "service/not-set-up"
    assert "crashed" not in found.message


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"NRestarts": "1"}, "ended (status 0) and was restarted"),
        ({"NRestarts": "1", "ExecMainStatus": "3"}, "crashed (status 3) and was restarted"),
        ({"NRestarts": "1", "ExecMainStatus": "9", "ExecMainCode": "2"}, "crashed (signal 9)"),
        ({"ActiveState": "failed", "Result": "core-dump", "ExecMainStatus": "11",
          "ExecMainCode": "3"}, "crashed (core-dump, signal 11)"),
    ],
)  # fmt: skip
def test_how_it_ended_is_told(state: dict[str, str], said: str) -> None:
    found = wait(Systemd(demo_service={**RUNNING, **state})).problem
    assert found is not None
    assert said in found.message
