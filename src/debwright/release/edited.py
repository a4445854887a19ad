"""Whether a person has edited a draft since debwright wrote it: what they wrote stays.

The last line of the notes is a comment that GitHub does not show. It has digests of the name and of
the text that debwright wrote; a draft that does not match them was edited.
"""

import hashlib
import re
from dataclasses import dataclass

from debwright.release.notes import LENGTH_LIMIT

_MARK = re.compile(r"\n*<!-- debwright ([0-9a-f]{16}) ([0-9a-f]{16}) -->\s*\Z")


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What of a draft is a person's."""

    name: bool
    body: bool


def marked(name: str, body: str) -> str:
    """The notes with the line that tells them from edited ones; without it where they fill all."""
    text = f"{body.rstrip()}\n\n<!-- debwright {_digest(name)} {_digest(body)} -->\n"
    return text if len(text) <= LENGTH_LIMIT else body


def plain(body: str) -> str:
    """The notes without that line."""
    return _MARK.sub("", body.replace("\r\n", "\n"))


def edited(name: str | None, body: str | None, *, usual: tuple[str, ...]) -> Edited:
    """What of this name and these notes is a person's; `usual` are names that debwright gives."""
    text = (body or "").replace("\r\n", "\n")
    found = _MARK.search(text)
    if found is None:
        return Edited(name=(name or "") not in ("", *usual), body=bool(text.strip()))
    return Edited(
        name=bool(name) and _digest(name or "") != found[1],
        body=_digest(text[: found.start()]) != found[2],
    )


def _digest(text: str) -> str:
    # Editors and GitHub change the ends of lines and of the text.
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
