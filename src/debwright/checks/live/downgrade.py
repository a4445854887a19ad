"""Back to the previous release: refused cleanly, or done with service and data intact."""

import time

from debwright.checks.engine import version_change
from debwright.checks.engine.base import conclude, skipped
from debwright.checks.engine.session import LiveCheck, Session
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.results import CheckResult, Evidence, Finding

CODES = Codes(
    {
        "downgrade/broken": Code(
            ERROR, "A downgrade neither works nor is refused: the package is half installed."
        )
    }
)


class DowngradeCheck(LiveCheck):
    """Debian does not support downgrades; what must not be is a package that is half of each."""

    name = "downgrade"
    codes = CODES | version_change.CODES.under("downgrade")
    settings = ("service",)
    clean_system = True

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        previous = session.context.previous
        if not previous.debs:
            return skipped(self.name, previous.reason)
        if not session.upgraded:
            return skipped(self.name, "there was no upgrade to go back from")
        notes, refused = [], None
        try:
            version_change.install_files(session, previous.debs, "--allow-downgrades")
            notes.append("a downgrade is possible")
        except DebwrightError as problem:
            refused = problem
            notes.append(f"a downgrade is refused: {problem.what}")
        findings = _half_done(session, refused)
        if not findings:
            what = "the refused downgrade" if refused else "the downgrade"
            findings += version_change.services_after(session, {}, self.name, what)
            findings += version_change.lost_data(session, session.markers, self.name, what)
        return conclude(self.name, started, findings, notes=notes)


def _half_done(session: Session, refused: DebwrightError | None) -> list[Finding]:
    """A finding when packages are left in any state but installed (dpkg-query(1))."""
    names = [d.package for d in session.context.previous.debs]
    done = session.system.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package} ${Version}\\n",
         "--", *names],
        check=False, timeout=session.patience(30),
    )  # fmt: skip
    rows = done.output.splitlines()
    if rows and all(row.startswith("ii ") for row in rows):
        return []
    said = tuple(Evidence(text=e.text) for e in refused.evidence) if refused else ()
    return [
        CODES.found(
            "downgrade/broken",
            "a downgrade to the previous release neither works nor is refused: it leaves the "
            "package half installed",
            evidence=(*(Evidence(text=row.strip()) for row in rows), *said),
            fix="let preinst refuse an older version before anything is changed, or make "
            "prerm and postinst of both releases work in this direction",
        )
    ]
