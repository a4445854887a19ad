"""Configuration files: what the administrator has changed stays (Debian policy 10.7.3)."""

import time

from debwright.checks.engine import edits
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Reinstalled, Session
from debwright.checks.live.reinstall import reinstalled
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

CODES = Codes(
    {
        "conffiles/changed-by-package": Code(
            ERROR, "A conffile is not as packaged, though nobody has edited it."
        )
    }
)


class ConffilesCheck(LiveCheck):
    """What became of the conffiles that were edited before the packages were reinstalled."""

    name = "conffiles"
    codes = CODES | edits.CODES.under("conffiles")
    settings = ("service",)

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        done = reinstalled(session)
        if not done.packaged:
            return skipped(self.name, "the packages have no conffiles")
        findings = _changed_by_package(done)
        if done.problem is None:
            findings += edits.lost_edits(session, done.edited, self.name, "a reinstallation")
        elif not findings:
            return skipped(self.name, f"the packages cannot be reinstalled: {done.problem.what}")
        return conclude(
            self.name, started, findings, measurements={"edited_files": float(len(done.edited))}
        )


def _changed_by_package(done: Reinstalled) -> list[Finding]:
    """Conffiles that differed from the packaged ones though nobody had edited them."""
    return [
        CODES.found(
            "conffiles/changed-by-package",
            f"{path} is not as packaged, though nobody has edited it: the next upgrade that "
            "changes it asks the user about it",
            evidence=(
                Evidence(file=path, text=f"MD5 {packaged} packaged, {done.before[path]} installed"),
            ),
            fix="do not write to a conffile from a maintainer script or from the service "
            "(Debian policy 10.7.3)",
        )
        for path, packaged in done.packaged.items()
        if done.before.get(path, packaged) != packaged
    ]
