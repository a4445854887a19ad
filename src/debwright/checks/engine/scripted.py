"""Configuration that maintainer scripts have made, and the administrator's lines in it.

dpkg knows nothing of such files (Debian policy 10.7.3): a script that writes one again at each
upgrade takes the administrator's settings away, and nobody is asked.
"""

import re
from collections.abc import Collection

from debwright.checks.engine import packaged
from debwright.checks.engine.reading import LIMIT, texts
from debwright.checks.engine.session import Session
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.systems.ownership import leftovers

_LINE = "# debwright: a line of the administrator's"
"""A comment, since it must change the meaning of no file."""
_SETTING = re.compile(r"^\s*(?:export\s+)?[\w.-]+\s*[=:]\s*\S|^\s*[\w.-]+\s+\S", re.M)
_COMMENT = re.compile(r"^\s*#", re.M)
# As the shell, systemd's EnvironmentFile= and dotenv have them: a comment is known there.
_ENVIRONMENT = re.compile(r"\s*(?:export\s+)?[A-Za-z_]\w*=")
_GENERATED = re.compile(
    r"(?i)do not (?:edit|modify|change)|(?:automatically|auto-?) ?generated|-----BEGIN |\0"
)
_OF_NO_CONCERN = ("/etc/ssl/", "/etc/systemd/", "/etc/alternatives/", "/etc/pam.d/", "/etc/apt/")
_APPEND = """line=$1; shift
for f; do [ -z "$(tail -c 1 -- "$f")" ] || echo >>"$f"; echo "$line" >>"$f"; done"""
_MOST = 20

CODES = Codes(
    {
        "upgrade/setting-lost": Code(
            ERROR,
            "A line that an administrator has added to a file that scripts made is gone; a warning "
            "when the whole file is.",
            or_else=(WARNING,),
        )
    }
)


def edit(session: Session, conffiles: Collection[str]) -> list[str]:
    """Add a comment to each file below /etc that scripts made and that knows comments; those."""
    made = _made_below_etc(session)
    known = packaged.shipped(session) | {*conffiles}
    chosen = [path for path, text in texts(session, sorted(made - known)) if takes_a_comment(text)]
    if chosen:
        session.system.run(
            ["sh", "-c", _APPEND, "sh", _LINE, *chosen[:_MOST]], timeout=session.patience(60)
        )
    return chosen[:_MOST]


def _made_below_etc(session: Session) -> set[str]:
    """Regular files below /etc that came with the packages and are none of the system's own."""
    created = session.created()
    files = {
        path: entry
        for path, entry in created.items()
        if path.startswith("/etc/") and entry.kind == "file" and entry.size < LIMIT
        and not path.startswith(_OF_NO_CONCERN)
    }  # fmt: skip
    return {path for path, entry in files.items() if leftovers({path: entry})}


def takes_a_comment(text: str) -> bool:
    """Whether it is a list of settings in which a line with # changes nothing."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or _GENERATED.search(text):
        return False
    if all(_ENVIRONMENT.match(line) for line in lines):
        return True
    return _COMMENT.search(text) is not None and _SETTING.search(text) is not None


def lost(session: Session, edited: Collection[str]) -> list[Finding]:
    """A finding for each edited file that has not the administrator's line any more."""
    now = dict(texts(session, edited))
    return [
        CODES.found(
            "upgrade/setting-lost",
            f"{path}, which scripts made, has lost the administrator's line after the upgrade"
            if path in now
            else f"{path}, which scripts made, is gone after the upgrade",
            evidence=(Evidence(file=path, text=f"before the upgrade it ended with: {_LINE}"),),
            fix="write the file only where there is none, or change the one line that is meant; "
            "ucf(1) asks the administrator as dpkg does for a conffile (Debian policy 10.7.3)",
            severity=None if path in now else WARNING,
        )
        for path in edited
        if _LINE not in now.get(path, "").splitlines()
    ]
