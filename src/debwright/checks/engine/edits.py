"""Conffiles of installed packages: what dpkg knows of them, and edits as an administrator's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debwright.checks.engine.session import Session
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import Evidence, Finding

_NOT_THERE = "newconffile"


CODES = Codes({"upgrade/edit-lost": Code(ERROR, "An administrator's changes to a file are lost.")})


@dataclass(frozen=True)
class Conffile:
    """A conffile of an installed package; `packaged` is the MD5 that dpkg remembers of it."""

    path: str
    packaged: str
    obsolete: bool = False


def conffiles(session: Session, packages: Sequence[str]) -> list[Conffile]:
    """What dpkg knows of the packages' conffiles."""
    done = session.system.run(
        ["dpkg-query", "--show", "--showformat=${Conffiles}\\n", "--", *packages],
        timeout=session.patience(30),
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
    done = session.system.run(["md5sum", "--", *paths], check=False, timeout=session.patience(30))
    rows = (line.split("  ", 1) for line in done.output.splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 2}


def edit(session: Session, paths: Sequence[str]) -> dict[str, str]:
    """Add an empty line to each file, which changes the meaning of hardly any; path to MD5 then."""
    session.system.run(
        ["sh", "-c", 'for f; do [ ! -f "$f" ] || echo >> "$f"; done', "sh", *paths],
        timeout=session.patience(30),
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
            CODES.under(check).found(
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
