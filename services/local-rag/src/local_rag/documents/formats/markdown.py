"""Markdown: sections by heading, after CommonMark's ATX and setext forms and fenced code."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build
from local_rag.text.normalise import decode

# What stands behind is stripped by hand: a pattern for it takes time with the square of its spaces.
_ATX = re.compile(r"^ {0,3}(#{1,6})(?![^ \t])")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_SETEXT = re.compile(r"^ {0,3}(=+|-+)[ \t]*$")
_FRONT_TITLE = re.compile(r"^title:(.*)$", re.MULTILINE | re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_MARKS = re.compile(r"[*_`]+")


def _read(source: Source) -> Extracted:
    """Return the sections of a Markdown file, each with its path of headings."""
    text = decode(source.data, declared=source.charset)
    title, body = _front_matter(text)
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []

    def close() -> None:
        heading = " > ".join(name for _, name in path) or None
        sections.append(Section(text="\n".join(lines), heading=heading))
        lines.clear()

    for line, level, name in _read_lines(body):
        if level:
            close()
            title = title or name
            while path and path[-1][0] >= level:
                path.pop()
            path.append((level, name))
        lines.append(line)
    close()
    name = PurePosixPath(source.name).name
    return build(
        title=title or name, fallback=name, sections=sections, media_type=FORMAT.media_type
    )


def _front_matter(text: str) -> tuple[str, str]:
    if not text.startswith("---\n"):
        return "", text
    end = text.find("\n---", 3)
    if end < 0 or end > 20_000:
        return "", text
    found = _FRONT_TITLE.search(text[:end])
    return (_unquoted(found.group(1)) if found else ""), text[end + 4 :]


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _read_lines(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield (line, heading level or 0, heading)."""
    fence = ""
    previous: str | None = None
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        atx = None if fence else _ATX.match(line)
        setext = None if fence or not previous else _SETEXT.match(line)
        if setext and previous:
            name = plain_inline(previous)
            yield previous, (1 if setext.group(1)[0] == "=" else 2), name
            previous = None
            continue
        if previous is not None:
            yield previous, 0, ""
            previous = None
        if atx:
            yield line, len(atx.group(1)), plain_inline(_opened(line[atx.end() :]))
        elif fence or mark or not line.strip():
            yield line, 0, ""
        else:
            previous = line
    if previous is not None:
        yield previous, 0, ""


def _opened(text: str) -> str:
    """Return what stands behind the marks that open a heading, without those that may close it."""
    text = text.strip(" \t")
    bare = text.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else text


def plain_inline(text: str) -> str:
    """Return a heading without links, emphasis and code marks."""
    return _MARKS.sub("", _LINK.sub(r"\1", text)).strip()


FORMAT = Format(
    name="Markdown",
    media_type="text/markdown",
    extensions=(".md", ".markdown", ".mdown"),
    read=_read,
    aliases=frozenset({"text/x-markdown"}),
    parsed=False,
)
