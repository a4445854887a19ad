"""The pages that people read, taken apart."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

TOP = Path(__file__).parents[2]
SERVICE = TOP / "services/local-rag"
COMMANDS = frozenset({"sh", "bash", "console"})
_MARK = re.compile(r"<!-- (run in|not run|example): (.+?) -->")


def pages() -> list[Path]:
    """README, docs and the service's own, sorted."""
    found = [TOP / "README.md", TOP / "CHANGELOG.md", TOP / "action/README.md"]
    found += [*(TOP / "docs").rglob("*.md")]
    found += [*SERVICE.glob("*.md"), *(SERVICE / "docs").rglob("*.md")]
    return sorted(p for p in found if "_static" not in p.parts)


def name_of(page: Path) -> str:
    return str(page.relative_to(TOP))


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of code, with the mark above it."""

    page: Path
    line: int
    language: str
    text: str
    mark: str
    """`run in`, `not run`, `example`, or nothing."""
    value: str
    """Where, why not, or its name."""

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path) -> Iterator[Block]:
    """Every block of a page; one that is only indented has the language ``."""
    before: Token | None = None
    for token in tokens(page):
        if token.type in ("fence", "code_block"):
            found = _MARK.fullmatch(before.content.strip()) if before is not None else None
            yield Block(
                page=page, line=(token.map or [0])[0] + 1, text=token.content,
                language=token.info.split()[0] if token.info.strip() else "",
                mark=found[1] if found else "", value=found[2] if found else "",
            )  # fmt: skip
        before = token if token.type == "html_block" else None


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    found: dict[str, int] = {}
    result = set()
    stream = tokens(page)
    for opening, inline in pairwise(stream):
        if opening.type != "heading_open":
            continue
        plain = "".join(
            c.content for c in inline.children or [] if c.type in ("text", "code_inline")
        )
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        result.add(f"{slug}-{count}" if count else slug)
    return result


def links(page: Path) -> Iterator[tuple[int, str]]:
    """Line and address of each link and image."""
    for token in tokens(page):
        for child in token.children or []:
            address = child.attrGet("href") if child.type == "link_open" else child.attrGet("src")
            if child.type in ("link_open", "image") and isinstance(address, str):
                yield (token.map or [0])[0] + 1, address
