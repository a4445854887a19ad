"""nspawn where a system boots in it; a container, visibly, on machines where none does.

On GitHub's machines of arm64 a system that systemd-nspawn has booted ends by itself (seen in 2025).
What a service does there is worth knowing all the same.
"""

from contextlib import ExitStack

from debwright.host import process
from debwright.model.errors import DebwrightError, MissingError
from debwright.systems.base import BootError, Open, Subject, System
from debwright.systems.container import ContainerSystem
from debwright.systems.container.engine import DOCKER
from debwright.systems.kinds import Kind
from debwright.systems.nspawn import NspawnSystem

NAME = "nspawn-or-docker"
STAYS_SECONDS = 5.0
"""For which a system must stay up to count as one."""


class BootableSystem(System):
    """A system of nspawn's if one comes up and stays; else of docker's, and the report says so."""

    kind = NAME
    two_at_once = True

    def unavailable(self) -> MissingError | None:
        return NspawnSystem().unavailable()

    def prepare(self, subject: Subject, stack: ExitStack) -> Open:
        """See System: a system is booted once to see whether it stays."""
        opening = NspawnSystem().prepare(subject, stack)
        problem = _trial(opening)
        if problem is None:
            return opening
        said = f"no system boots in systemd-nspawn here ({problem.what}): this is docker's"
        subject.activity(said)
        return ContainerSystem(DOCKER, instead=said).prepare(subject, stack)


def _trial(opening: Open) -> DebwrightError | None:
    """Why no system stays up, or None."""
    try:
        with ExitStack() as stack:
            system = opening(stack).system
            process.pause(STAYS_SECONDS)
            system.run(["true"], timeout=60)
    except (BootError, MissingError, process.CommandError) as problem:
        return problem
    return None


BOOTABLE = Kind(
    name=NAME,
    make=lambda _: BootableSystem(),
    about="nspawn if a system stays up in it, else docker; the report says which",
    needs="root; docker for the second",
    good_for="machines that nobody knows, as runners of a CI service",
)
