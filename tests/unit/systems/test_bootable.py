"""nspawn where a system stays up in it, and visibly docker where none does."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from debwright.host.process import CommandError, Completed
from debwright.model.errors import DebwrightError, MissingError
from debwright.systems import bootable
from debwright.systems.base import BootError, Opened
from debwright.systems.bootable import BootableSystem


class Place:
    """A system that boots, or whose boot or first command fails."""

    def __init__(self, boot: DebwrightError | None = None, ends: bool = False) -> None:
        self.boot, self.ends, self.closed = boot, ends, 0

    def prepare(self, *_: object) -> Any:
        return self.open

    def open(self, stack: ExitStack) -> Opened:
        if self.boot is not None:
            raise self.boot
        stack.callback(self._close)
        system: Any = SimpleNamespace(run=self._run)
        return Opened(system=system)

    def _close(self) -> None:
        self.closed += 1

    def _run(self, argv: list[str], **_: object) -> Completed:
        done = Completed(argv=tuple(argv), returncode=1 if self.ends else 0, output="")
        if self.ends:
            raise CommandError(done)
        return done


def chosen(place: Place, monkeypatch: pytest.MonkeyPatch) -> tuple[object, list[str]]:
    """What is opened in the end, and what was said meanwhile."""
    said: list[str] = []
    monkeypatch.setattr(bootable, "NspawnSystem", lambda: place)
    monkeypatch.setattr(bootable, "STAYS_SECONDS", 0.0)
    monkeypatch.setattr(
        bootable, "ContainerSystem",
        lambda engine, instead: SimpleNamespace(prepare=lambda *_: (engine.name, instead)),
    )  # fmt: skip
    subject: Any = SimpleNamespace(activity=said.append)
    with ExitStack() as stack:
        return BootableSystem().prepare(subject, stack), said


def test_a_system_that_stays_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place()
    found, said = chosen(place, monkeypatch)
    assert found == place.open
    assert said == []
    assert place.closed == 1, "the one that was tried is gone"


@pytest.mark.parametrize(
    "place",
    [
        Place(BootError("the system did not boot: systemd-nspawn ended")),
        Place(MissingError("systemd-nspawn is not installed")),
        Place(ends=True),
    ],
)
def test_where_none_stays_docker_is_taken_and_said(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, said = chosen(place, monkeypatch)
    (line,) = said
    assert found == ("docker", line), "the report has it as well"
    assert line.startswith("no system boots in systemd-nspawn here (")


def test_a_fault_of_the_package_is_no_reason_for_another_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(DebwrightError, match="unsatisfiable"):
        chosen(Place(DebwrightError("unsatisfiable")), monkeypatch)
