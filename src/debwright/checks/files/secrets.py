"""Private keys, tokens and passwords that came into a package by mistake."""

import re
import time
from collections.abc import Iterator
from typing import IO

from debwright.checks.engine.base import CheckContext, FileCheck, conclude
from debwright.checks.engine.secret_patterns import OVERLAP, Match, search, search_settings
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb, Member
from debwright.packages.unpacked import chunks

READ_LIMIT = 256 * 1024**2
"""Bytes read of one file; model weights and the like are longer, and hold no text."""
SETTINGS_LIMIT = 1024**2
MOST = 20
"""Findings of one file."""

_FIX = (
    "take it out of the package and out of the repository's history, and revoke it: everyone who "
    "has the package has it"
)
# Files that programs read settings from; elsewhere a random value under such a name is code.
_SETTINGS = re.compile(
    r"^/etc/|/\.env(?:\.[a-z]+)?$|/\.(?:netrc|pypirc|npmrc|git-credentials|pgpass)$|"
    r"\.(?:conf|cfg|ini|toml|ya?ml|json|env|properties)$"
)
# What never belongs into a package, whatever it holds.
_PRIVATE_FILES = re.compile(
    r"/(?:\.git-credentials|\.pypirc|\.pgpass|\.netrc|\.aws/credentials|\.ssh/id_[a-z0-9]+|"
    r"\.git/config|\.docker/config\.json)$"
)
# Test and example keys are published on purpose; they are reported, no more.
_EXAMPLES = re.compile(
    r"^/usr/share/doc/|/(?:tests?|testing|examples?|fixtures?|testdata|samples?)/", re.I
)


CODES = Codes(
    {
        "secrets/private-key": Code(
            ERROR, "A file holds a private key; in tests and examples a warning.",
            or_else=(WARNING,),
        ),
        "secrets/token": Code(
            ERROR, "A file holds a token; in tests and examples a warning.", or_else=(WARNING,)
        ),
        "secrets/assigned": Code(
            WARNING, "A setting by the name of a secret has a value that looks like one."
        ),
        "secrets/credentials": Code(WARNING, "A file holds a URL with a password."),
        "secrets/private-file": Code(
            ERROR, "The package ships a file in which people keep credentials."
        ),
    }
)  # fmt: skip


class SecretsCheck(FileCheck):
    """Searches every file; evidence is redacted, since reports are published."""

    name = "secrets"
    codes = CODES

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        findings: list[Finding] = []
        notes: list[str] = []
        read = 0
        for deb, member, handle in context.files():
            if _PRIVATE_FILES.search(member.path):
                findings.append(_private_file(deb, member))
            if handle is None:
                continue
            if member.size > READ_LIMIT:
                notes.append(f"of {member.path} the first {READ_LIMIT >> 20} MiB were searched")
            read += min(member.size, READ_LIMIT)
            for number, (line, match) in enumerate(matches(member.path, handle)):
                if number >= MOST:
                    break
                findings.append(_finding(deb, member, line, match))
        return conclude(
            self.name, started, findings, measurements={"read_bytes": float(read)}, notes=notes
        )


def matches(path: str, handle: IO[bytes]) -> Iterator[tuple[int | None, Match]]:
    """Each secret once, with its line where the file is text."""
    seen: set[int] = set()
    text, newlines = True, 0
    before = (0, b"")
    for offset, data in chunks(handle, READ_LIMIT, OVERLAP):
        newlines += before[1].count(b"\n", 0, offset - before[0])
        before = (offset, data)
        text = text and b"\0" not in data[:8192]
        found = list(search(data))
        if text and offset == 0 and _SETTINGS.search(path):
            found += search_settings(data[:SETTINGS_LIMIT])
        for match in sorted(found, key=lambda m: m.offset):
            if offset + match.offset not in seen:
                seen.add(offset + match.offset)
                line = newlines + data.count(b"\n", 0, match.offset) + 1
                yield line if text else None, match


def _finding(deb: Deb, member: Member, line: int | None, match: Match) -> Finding:
    certain = match.pattern.certain and not _EXAMPLES.search(member.path)
    return CODES.found(
        f"secrets/{match.pattern.code}",
        f"{member.path} in {deb.package} holds {match.pattern.what}",
        evidence=(Evidence(file=member.path, line=line, text=match.redacted()),),
        fix=_FIX,
        severity=None if certain else WARNING,
    )


def _private_file(deb: Deb, member: Member) -> Finding:
    return CODES.found(
        "secrets/private-file",
        f"{member.path} in {deb.package} is a file in which people keep credentials",
        evidence=(Evidence(file=member.path, text=f"{member.size} bytes, content not shown"),),
        fix=_FIX,
    )
