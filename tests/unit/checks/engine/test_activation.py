"""Who starts a unit: what is left down on purpose is no fault."""

from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.engine import health
from debwright.checks.engine.activation import absent, job_of, run_job
from debwright.config import Service

DEMO = Service(unit="demo.service")
DOWN = {
    "LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "Result": "success",
    "Type": "simple", "UnitFileState": "disabled", "ExecMainStartTimestampMonotonic": "0",
}  # fmt: skip


def test_a_unit_that_the_packages_leave_down_is_started() -> None:
    """It was told not to pass --no-start, though its maintainer had done so on purpose."""
    system = Systemd(demo_service=DOWN)
    system.scripts = "demo.postinst\n"
    here = session(system)
    assert absent(here, DEMO) is None
    assert here.by_hand == {"demo.service"}
    assert system.ran_systemctl("start") == ["demo.service"]


def test_a_script_of_sysv_that_is_disabled_on_purpose_is_started() -> None:
    """icecast2's postinst says `update-rc.d icecast2 defaults-disabled`, and names no unit."""
    system = Systemd(demo_service={**DOWN, "UnitFileState": "generated"})
    system.scripts = "demo.postinst\n"
    here = session(system)
    assert absent(here, DEMO) is None
    assert here.by_hand == {"demo.service"}
    assert any("update-rc.d demo " in words for words in system.ran)


def test_a_unit_that_no_script_knows_has_been_forgotten() -> None:
    system = Systemd(demo_service=DOWN)
    found = absent(session(system), DEMO)
    assert found is not None
    assert found.code == "service/not-started"
    assert not system.ran_systemctl("start")


def test_a_unit_that_is_not_there() -> None:
    found = absent(session(Systemd()), DEMO)
    assert found is not None
    assert found.code == "service/missing"


def test_finished_and_waiting_units_are_not_absent() -> None:
    ended = {**DOWN, "ExecMainStartTimestampMonotonic": "5"}
    for state in (ended, {**DOWN, "TriggeredBy": "demo.socket"}, {**DOWN, "Type": "dbus"}, RUNNING):
        system = Systemd(demo_service=state)
        assert absent(session(system), DEMO) is None
        assert not system.ran_systemctl("start")


def test_the_job_of_a_timer() -> None:
    timer = {"Id": "demo.timer", "Triggers": "demo.service"}
    assert job_of(timer) == "demo.service"
    waiting = {**DOWN, "Id": "demo.service", "TriggeredBy": "demo.timer"}
    assert job_of(waiting) == "demo.service"
    assert job_of({**waiting, "ExecMainStartTimestampMonotonic": "5"}) is None
    assert job_of({**RUNNING, "Id": "demo.service", "TriggeredBy": "demo.socket"}) is None


def test_a_job_that_fails_is_a_finding_and_one_that_has_nothing_to_do_is_not() -> None:
    failed = {**DOWN, "ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "3"}
    found, _ = run_job(session(Systemd(demo_service=failed)), "demo.service", 5)
    assert found is not None
    assert "ExecMainStatus=3" in found.evidence[0].text
    done = {**DOWN, "Type": "oneshot", "ExecMainStartTimestampMonotonic": "5"}
    assert run_job(session(Systemd(demo_service=done)), "demo.service", 5)[0] is None
    unmet = {
        **DOWN, "Type": "oneshot", "ConditionResult": "no", "ConditionTimestampMonotonic": "7",
    }  # fmt: skip
    found, said = run_job(session(Systemd(demo_service=unmet)), "demo.service", 5)
    assert found is None
    assert "condition" in said


def test_a_oneshot_that_systemd_has_forgotten_is_run_once_more() -> None:
    """A unit that has ended and that nothing refers to is unloaded: it looked never started."""
    forgotten = {**DOWN, "Type": "oneshot", "UnitFileState": "static"}
    system = Systemd(demo_service=forgotten)
    system.scripts = "demo.postinst\n"
    here = session(system)
    assert absent(here, DEMO) is None
    assert system.ran_systemctl("start") == ["demo.service"]
    assert health.wait_healthy(here, DEMO).ok
