"""Configuration files: what the administrator has changed stays (Debian policy 10.7.3)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debwright.check.base import conclude, error, failed_by, skipped
from debwright.check.health import patience, wait_healthy
from debwright.check.session import MaintainerScriptError, Session
from debwright.errors import DebwrightError
from debwright.results import CheckResult, Evidence, Finding

_NOT_THERE = "newconffile"


@dataclass(frozen=True)
class Conffile:
    """A conffile of an installed package; `packaged` is the MD5 that dpkg remembers of it."""

    path: str
    packaged: str
    obsolete: bool = False


class ConffilesCheck:
    """Edits every conffile, installs the packages once more, and looks at the edits."""

    name = "conffiles"

    def run(self, session: Session) -> CheckResult:
        started = time.monotonic()
        debs = session.context.installable
        known = [c for c in conffiles(session, [d.package for d in debs]) if not c.obsolete]
        if not known:
            return skipped(self.name, "the packages have no conffiles")
        findings = _changed_by_package(session, known)
        edited = edit(session, [c.path for c in known])
        try:
            session.apt(
                ["install", "--reinstall", *(f"{d.package}={d.version}" for d in debs)],
                "installing the packages once more",
            )
        except MaintainerScriptError as problem:
            return failed_by(self.name, started, "conffiles/maintainer-script", problem)
        except DebwrightError as problem:
            return failed_by(self.name, started, "conffiles/reinstall-failed", problem)
        findings += lost_edits(session, edited, self.name, "a reinstallation")
        findings += self._still_healthy(session)
        return conclude(
            self.name, started, findings, measurements={"edited_files": float(len(edited))}
        )

    def _still_healthy(self, session: Session) -> list[Finding]:
        service = session.context.config.service
        if service is None or not session.healthy:
            return []
        waited = wait_healthy(session, service)
        session.healthy = waited.ok
        if waited.problem is None:
            return []
        return [
            waited.problem.model_copy(
                update={
                    "code": "conffiles/not-healthy",
                    "message": f"after a reinstallation, {waited.problem.message}",
                }
            )
        ]


def conffiles(session: Session, packages: Sequence[str]) -> list[Conffile]:
    """What dpkg knows of the packages' conffiles."""
    done = session.system.run(
        ["dpkg-query", "--show", "--showformat=${Conffiles}\\n", "--", *packages],
        timeout=patience(session, 30),
    )
    return parse_conffiles(done.output)


def parse_conffiles(text: str) -> list[Conffile]:
    """dpkg's `Conffiles` field: a path, an MD5, and flags, one file a line (dpkg-query(1))."""
    found = []
    for line in text.splitlines():
        words = line.strip().rsplit(" ")
        flags = []
        while words and words[-1] in {"obsolete", "remove-on-upgrade"}:
            flags.append(words.pop())
        if len(words) < 2 or not words[0].startswith("/") or words[-1] == _NOT_THERE:
            continue
        found.append(Conffile(" ".join(words[:-1]), words[-1], bool(flags)))
    return found


def digests(session: Session, paths: Sequence[str]) -> dict[str, str]:
    """Path to MD5, as dpkg has them; a file that is not there is left out."""
    if not paths:
        return {}
    done = session.system.run(["md5sum", "--", *paths], check=False, timeout=patience(session, 30))
    rows = (line.split("  ", 1) for line in done.output.splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 2}


def edit(session: Session, paths: Sequence[str]) -> dict[str, str]:
    """Add an empty line to each file, which changes the meaning of hardly any; path to MD5 then."""
    session.system.run(
        ["sh", "-c", 'for f; do [ ! -f "$f" ] || echo >> "$f"; done', "sh", *paths],
        timeout=patience(session, 30),
    )
    return digests(session, paths)


def lost_edits(
    session: Session, edited: Mapping[str, str], check: str, after: str
) -> list[Finding]:
    """A finding for each edited file that is another now, or gone."""
    now = digests(session, list(edited))
    found = []
    for path, digest in edited.items():
        if now.get(path) == digest:
            continue
        what = "is gone" if path not in now else "has lost the administrator's changes"
        found.append(
            error(
                f"{check}/edit-lost",
                f"{path} {what} after {after}",
                evidence=(
                    Evidence(file=path, text=f"MD5 {digest} before, {now.get(path, 'none')} after"),
                ),
                fix="a maintainer script must not write to a conffile; for a file that scripts "
                "make, use ucf(1)",
            )
        )
    return found


def _changed_by_package(session: Session, known: Sequence[Conffile]) -> list[Finding]:
    """Conffiles that differ from the packaged ones though nobody has edited them."""
    now = digests(session, [c.path for c in known])
    return [
        error(
            "conffiles/changed-by-package",
            f"{c.path} is not as packaged, though nobody has edited it: the next upgrade that "
            "changes it asks the user about it",
            evidence=(
                Evidence(file=c.path, text=f"MD5 {c.packaged} packaged, {now[c.path]} installed"),
            ),
            fix="do not write to a conffile from a maintainer script or from the service "
            "(Debian policy 10.7.3)",
        )
        for c in known
        if c.path in now and now[c.path] != c.packaged
    ]
