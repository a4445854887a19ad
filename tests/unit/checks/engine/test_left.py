"""What maintainer scripts have left running."""

import pytest
from tests.kit.systemd import Systemd, session

from debwright.checks.engine import left
from debwright.checks.engine.processes import outside_units


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left, "ENDS", 0.0)


def test_a_process_that_stays_is_reported_with_its_command() -> None:
    system = Systemd()
    system.scripts = "7 /usr/bin/agent --daemon \n30 sleep 900 \n31 \n"
    here = session(system)
    here.processes_before = {"7 /usr/bin/agent --daemon"}
    (found,) = left.by_scripts(here)
    assert [e.text for e in found.evidence] == ["30 sleep 900"], "31 is ending"


def test_nothing_left_is_no_finding_and_no_wait() -> None:
    system = Systemd()
    assert left.by_scripts(session(system)) == []
    assert len(system.ran) == 1


def test_without_systemd_nobody_knows_whose_a_process_is() -> None:
    system = Systemd()
    system.without_init = "docker does not run it"  # type: ignore[assignment]
    assert outside_units(system) == set()  # type: ignore[arg-type]
    assert system.ran == []
