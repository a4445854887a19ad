"""The licence of a project, as debian/copyright needs it.

What the project says of itself comes first, else the words of its licence files. lintian's rules
are in its lib/Lintian/Check/Debian/Copyright.pm and Copyright/Dep5.pm.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.licence_names import NAMES, spdx_in, spdx_nearly, spdx_of

MAX_BYTES = 128 * 1024
MAX_FILES = 20
FILES = re.compile(r"(?i)(?:licen[sc]e|copying|unlicense)(?:[-_.].{0,40})?")
CODE = frozenset({".py", ".pyi", ".rs", ".go", ".js", ".ts", ".json", ".toml", ".yml", ".c", ".sh"})
FOLDERS = ("LICENSES", "licenses")
"""REUSE's specification has a file for each licence there, called by its identifier."""
NOTICE = re.compile(r"NOTICE(?:\.txt)?")
HOLDER = re.compile(
    r"^\s*(?:Copyright|\u00a9)\s*(?:\(c\)|\u00a9)?:?\s*(\d{4}.*\S)", re.IGNORECASE | re.MULTILINE
)
MENTIONED = re.compile(
    r"(?i)\bL?GPL\b|\bGFDL\b|GNU (?:Lesser |Library )?General Public License"
    r"|GNU Free Documentation License|Apache License,?\s*Version 2|\bApache-2"
)
WHOLE = re.compile(
    r"TERMS AND CONDITIONS FOR (?:USE, REPRODUCTION, AND|COPYING,?)\s+DISTRIBUTION"
    r"|\bGNU GENERAL PUBLIC LICENSE\s*Version 3|GNU Free Documentation License\s*Version 1.2"
)
"""Texts in /usr/share/common-licenses, which a package must not bring again (policy 12.5)."""
UNFIT = re.compile(
    r"\b(?:fixmes?|todos?|undefined?|unknown?|unspecified)\b"
    r"|^(?:agpl|gpl|lgpl)[^-]?\d(?:\.\d)?\+?$|^bsd(?:[^-]?[234][^-]?(?:clause|cluase))?$"
)
"""What lintian does not take for a licence's name, in lower case."""


@dataclass(frozen=True, kw_only=True)
class Licence:
    """`text` is the paragraph body for debian/copyright, already indented."""

    name: str
    text: str
    known: bool
    paragraphs: tuple[tuple[str, str], ...] = ()
    """Each licence and its text, where `name` has several, as `Expat or Apache-2.0`."""
    holders: tuple[str, ...] = ()
    """Years and names, from what the licence files begin with."""
    missing: tuple[str, ...] = ()
    """Licences that are named and whose text is nowhere."""
    notice: str = ""
    """The NOTICE that the Apache licence wants to be passed on, from the top of the project."""

    @property
    def each(self) -> tuple[tuple[str, str], ...]:
        return self.paragraphs or ((self.name, self.text),)


@dataclass(frozen=True, kw_only=True)
class _Files:
    """What the project has of licence files."""

    texts: dict[str, str] = field(default_factory=dict)
    """By the file's path."""

    def text_of(self, spdx: str) -> str:
        """The file of one licence: by its words, or by its name."""
        said = {path: spdx_in(text) for path, text in self.texts.items()}
        for path, text in self.texts.items():
            if said[path] == spdx or PurePosixPath(path).stem == spdx:
                return text
        family = spdx.rpartition("-")[0] if spdx.endswith(("-only", "-or-later")) else spdx
        return next((t for p, t in self.texts.items() if said[p].startswith(family)), "")

    @property
    def first(self) -> str:
        return next(iter(self.texts.values()), "")


def find_licence(
    directory: Path, said: str = "", file: str = "", patterns: Sequence[str] = ()
) -> Licence:
    """The licence of the project in `directory`.

    `said` is an SPDX expression or free text, `file` a licence file that the project names,
    `patterns` are of such files (PEP 639).
    """
    found = _read(directory, [*([file] if file else []), *patterns])
    if not found.texts and len(said.splitlines()) > 2:
        found = _Files(texts={"": said})
    expression = spdx_of(said) or spdx_in(found.first) or spdx_in(said) or spdx_nearly(said)
    holders = tuple(dict.fromkeys(_holders(found)))[:20]
    notice = next((p.name for p in _top(directory) if NOTICE.fullmatch(p.name)), "")
    if not expression:
        body = found.first or "The project does not say under which licence it may be distributed."
        return Licence(
            name="custom", text=_body(body), known=bool(found.first), holders=holders, notice=notice
        )
    name, parts = _named(expression)
    bodies = {short: _text(spdx, found, alone=len(parts) == 1) for short, spdx in parts.items()}
    missing = tuple(short for short, body in bodies.items() if body == _elsewhere(parts[short]))
    return Licence(
        name=name,
        text=_body(next(iter(bodies.values()))),
        known=True,
        paragraphs=tuple((short, _body(body)) for short, body in bodies.items()),
        holders=holders,
        missing=missing,
        notice=notice if "Apache-2.0" in expression else "",
    )


def _named(expression: str) -> tuple[str, dict[str, str]]:
    """The expression as debian/copyright writes it, and each of its licences with its SPDX name."""
    from license_expression import Licensing

    parts: dict[str, str] = {}

    def spelt(node: Any) -> str:
        operator = getattr(node, "operator", "").strip()
        if not operator:
            short = _short(str(node))
            parts.setdefault(short, str(node))
            return short
        inside = [spelt(child) for child in node.args]
        # The format knows no brackets; a comma says that "or" binds more tightly.
        comma = "," if any(getattr(c, "operator", "") for c in node.args) else ""
        return f"{comma} {operator.lower()} ".join(inside)

    return spelt(Licensing().parse(expression)), parts


def _short(spdx: str) -> str:
    licence, _, exception = spdx.partition(" WITH ")
    name = NAMES.get(licence, (licence.removeprefix("LicenseRef-"), None))[0]
    if UNFIT.search(name.lower()) or not name:
        name = "custom"
    # lintian takes what begins with "cc-" for a text of many lines.
    name = re.sub(r"(?i)^cc-", "Creative-Commons-", name)
    if exception:
        name += f" with {exception.replace('-exception', '')} exception"
    return name


def _text(spdx: str, found: _Files, *, alone: bool) -> str:
    licence, _, exception = spdx.partition(" WITH ")
    common = NAMES.get(licence, ("", None))[1]
    if common is not None:
        more = f"\nThe exception is at\nhttps://spdx.org/licenses/{exception}.html."
        return (
            f"On Debian systems, the full text of this licence is in the file\n"
            f"/usr/share/common-licenses/{common}." + (more if exception else "")
        )
    text = found.text_of(licence)
    if not text and alone and not spdx_in(found.first):
        text = found.first
    if text and not WHOLE.search(text):
        return text
    return _standard(licence) or _elsewhere(spdx)


def _standard(licence: str) -> str:
    """The text of a short licence that is the same for all who use it."""
    file = files("debwright.init").joinpath("texts", f"{licence}.txt")
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _elsewhere(spdx: str) -> str:
    licence = spdx.partition(" WITH ")[0]
    if licence.startswith("LicenseRef-"):
        return "The project does not have the text of this licence."
    return f"The project does not have the text, which is at\nhttps://spdx.org/licenses/{licence}.html."


def _holders(found: _Files) -> Iterator[str]:
    for text in found.texts.values():
        for match in HOLDER.finditer(text):
            # The texts of the GNU licences begin with their own copyright.
            if "Free Software Foundation" not in match[1]:
                yield "".join(c if c.isprintable() else " " for c in match[1])[:200].strip()


def _read(directory: Path, named: Sequence[str]) -> _Files:
    """The named files first, then what is called as licence files are."""
    paths = [path for pattern in named for path in _matching(directory, pattern)]
    paths += [path for path in _top(directory) if _is_licence(path)]
    for folder in FOLDERS:
        paths += _top(directory / folder)
    top = directory.resolve()
    texts: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        # A licence that is a link to somewhere else must not carry that file into the package.
        if len(texts) < MAX_FILES and path.is_file() and path.resolve().is_relative_to(top):
            with path.open("rb") as stream:
                text = stream.read(MAX_BYTES).decode("utf-8", "replace")
            if text.strip():
                texts[str(path.relative_to(directory))] = text
    return _Files(texts=texts)


def _is_licence(path: Path) -> bool:
    return FILES.fullmatch(path.name) is not None and path.suffix not in CODE


def _matching(directory: Path, pattern: str) -> list[Path]:
    pure = PurePosixPath(pattern)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in pattern:
        return []
    try:
        return sorted(directory.glob(pattern))[:MAX_FILES]
    except (ValueError, NotImplementedError, OSError):
        return []


def _top(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_file())
    except OSError:
        return []


def _body(text: str) -> str:
    """Continuation lines of a control file: one space before, " ." for an empty one."""
    named = "/usr/share/common-licenses" in text or "AFFERO" in text
    if MENTIONED.search(text) and not named:
        text += (
            "\n\nOn Debian systems, licences of GNU and Apache are in /usr/share/common-licenses."
        )
    lines = []
    for line in text.strip().splitlines():
        clean = "".join(c if c.isprintable() else " " for c in line.expandtabs()).rstrip()
        lines.append(f" {clean}" if clean.strip() else " .")
    return "\n".join(lines)
