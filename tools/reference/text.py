"""Small pieces of Markdown and of roff (man(7))."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

TOP = Path(__file__).parents[2]


def cell(text: str) -> str:
    """`text` as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(cell(value) for value in row) + " |"


def paragraphs(text: str | None) -> Iterator[str]:
    """The paragraphs of a help text, each on one line."""
    for part in re.split(r"\n\s*\n", (text or "").replace("\b", "").strip()):
        if part.strip():
            yield " ".join(part.split())


def wrapped(text: str, width: int = 100) -> str:
    """A paragraph broken into lines; words are never parted."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def roff(text: str) -> str:
    """Text as roff shows it as it is; hyphens can be copied as minus signs."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def entries(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Names with their meaning, as a manual page has them."""
    for name, meaning in pairs:
        yield from (".TP", f".B {roff(name)}", roff(" ".join(meaning.split())))


def page(name: str, section: int, title: str, summary: str) -> Iterator[str]:
    """The head of a manual page."""
    yield '.\\" Written by tools/reference; change what it reads, not this.'
    yield f'.TH {name.upper()} {section} "" "debwright" "{title}"'
    yield ".SH NAME"
    yield f"{roff(name)} \\- {roff(summary)}"
