"""Processes that maintainer scripts have left behind: they run on, and are of no unit."""

import time

from debwright.checks.engine.processes import outside_units
from debwright.checks.engine.session import Session
from debwright.model.codes import WARNING, Code, Codes
from debwright.model.results import Evidence, Finding

CODES = Codes(
    {
        "install/process-left": Code(
            WARNING, "A process that a maintainer script has started runs on, and is of no unit."
        ),
    }
)
ENDS = 3.0
"""Seconds that a helper of a script has to end after it."""


def by_scripts(session: Session) -> list[Finding]:
    """A finding on what still runs of that which the packages' scripts have started."""
    limit = time.monotonic() + session.patience(ENDS)
    while left := outside_units(session.system) - session.processes_before:
        if time.monotonic() > limit:
            break
        time.sleep(0.2)
    if not left:
        return []
    return [
        CODES.found(
            "install/process-left",
            f"{len(left)} process(es) that a maintainer script has started run on, and no unit "
            "knows them",
            evidence=tuple(Evidence(text=line) for line in sorted(left)[:6]),
            fix="start it by a unit, which is stopped at removal and started at the next boot; or "
            "let the script wait for it",
        )
    ]
