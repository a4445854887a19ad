"""What a format is, and what the formats share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local_rag.core.errors import LeftOut, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.text.normalise import clean, one_line

MAX_TEXT_CHARS = 64_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file to be read: its bytes, its name, and what a server said about it."""

    data: bytes
    name: str
    media_type: str | None = None
    charset: str | None = None
    # Languages of text in pictures, as tesseract calls them; none: those that are installed.
    languages: tuple[str, ...] = ()
    # How deep it lies in others: 1 is an attachment of a mail.
    depth: int = 0
    # Called as (done, of how many) by what takes long and goes on: it gets more time then.
    alive: Callable[[int, int], None] = lambda _done, _total: None


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A kind of document. A file of this package declares one as `FORMAT` and is found by itself.

    `read` imports what is large on its first call: every process that knows the formats imports
    this file, and only the one that parses needs a parser.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    read: Callable[[Source], Extracted]
    # Other media types under which servers send it.
    aliases: frozenset[str] = frozenset()
    # Whether the first bytes are those of this format.
    begins: Callable[[bytes], bool] | None = None
    # All its files begin so: the bytes say more than a name, and a name alone is not believed.
    always: bool = False
    # Needs a parser, which a hostile file can make loop: it gets a process of its own.
    parsed: bool = True
    # What stands in every such file, where others begin as it does: the name of a part of a zip.
    holds: bytes | None = None
    # Extensions of files that LibreOffice makes into such ones; we do not read them.
    convertible: tuple[str, ...] = ()
    # First bytes of files that people take for this format: what they are, and the way out.
    mistaken: Mapping[bytes, tuple[str, str]] = field(default_factory=dict)


def build(
    *,
    title: str,
    fallback: str,
    sections: list[Section],
    media_type: str,
    metadata: dict[str, str] | None = None,
) -> Extracted:
    """Return a checked extract: text cleaned, empty sections dropped, a title always there.

    Raises LeftOut when there is no text at all and TooLarge when there is far too much.
    """
    kept: list[Section] = []
    total = 0
    for section in sections:
        text = clean(section.text).strip("\n")
        if not text.strip():
            continue
        total += len(text)
        if total > MAX_TEXT_CHARS:
            raise TooLarge(f"{fallback} holds more than {MAX_TEXT_CHARS} characters of text")
        heading = one_line(section.heading) if section.heading else None
        kept.append(Section(text=text, page=section.page, heading=heading or None))
    if not kept:
        raise LeftOut(f"{fallback} holds no text")
    return Extracted(
        title=one_line(title) or one_line(fallback) or "untitled",
        sections=tuple(kept),
        media_type=media_type,
        metadata={key: one_line(value) for key, value in (metadata or {}).items() if value},
    )
