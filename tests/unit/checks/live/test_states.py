"""For which units there are states to go through."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.kit.systemd import RUNNING, Systemd, session

from debwright.checks.live.states import why_not
from debwright.roots.store import Layer

OWN = {**RUNNING, "FragmentPath": "/lib/systemd/system/demo.service"}


def reason(state: dict[str, str], unit: str = "demo.service", **more: Any) -> str | None:
    system = Systemd(**{unit.replace(".", "_"): state})
    here = session(system, service={"unit": unit, **more})
    here.up = {unit}
    here.layer = cast(Layer, SimpleNamespace())
    return why_not(here)


def test_a_service_of_the_packages_has_states() -> None:
    assert reason(OWN) is None


@pytest.mark.parametrize(
    ("state", "unit", "more", "says"),
    [
        (OWN, "demo.socket", {}, "no service"),
        (OWN, "demo@one.service", {}, "no service"),
        (OWN, "demo.service", {"scope": "user"}, "no service"),
        ({**OWN, "UnitFileState": "disabled"}, "demo.service", {}, "not enabled"),
        ({**OWN, "UnitFileState": "generated"}, "demo.service", {}, "not enabled"),
        ({**OWN, "FragmentPath": "/etc/systemd/system/demo.service"}, "demo.service", {}, "place"),
    ],
)
def test_others_have_not_all_of_them(
    state: dict[str, str], unit: str, more: dict[str, str], says: str
) -> None:
    assert says in str(reason(state, unit, **more))


def test_not_under_an_emulator_nor_on_somebodys_machine() -> None:
    system = Systemd(demo_service=OWN)
    here = session(system, service={"unit": "demo.service"})
    here.up = {"demo.service"}
    assert "somebody" in str(why_not(here))
    system.emulated = True
    assert "emulator" in str(why_not(here))
