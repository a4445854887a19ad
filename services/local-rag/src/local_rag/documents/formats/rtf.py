"""RTF: text with formatting as text, through striprtf."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build

# Pictures as hexadecimal digits are most of a file, and no text.
_DIGITS = re.compile(rb"(?<=[\s}])[0-9a-fA-F\s]{2000,}")
_BINARY = re.compile(rb"\\bin(\d*) ?")
_TITLE = re.compile(r"\{\\title ([^{}\\]{1,300})\}")


def _read(source: Source) -> Extracted:
    """Return the text. Raises InvalidInput for what is no RTF."""
    from striprtf.striprtf import rtf_to_text

    name = PurePosixPath(source.name).name
    data = _DIGITS.sub(b" ", b"".join(_without_binary(source.data)))
    # Its own escapes say what is not ASCII, in the page of codes that it names.
    raw = data.decode("latin-1")
    try:
        text: str = rtf_to_text(raw, errors="replace")  # type: ignore[no-untyped-call]
    except (ValueError, LookupError, IndexError, TypeError) as error:
        raise InvalidInput(f"{name} is a damaged RTF file: {error}") from None
    title = _TITLE.search(raw[:20_000])
    return build(
        title=title.group(1) if title else name,
        fallback=name,
        # Cells are parted by bars there.
        sections=[Section(text=re.sub(r"\|(?=\n|$)", "", text))],
        media_type=FORMAT.media_type,
    )


def _without_binary(data: bytes) -> Iterator[bytes]:
    r"""Yield what stands around `\binN`, which says that N bytes of anything follow."""
    at = 0
    while match := _BINARY.search(data, at):
        yield data[at : match.start()]
        length = match.group(1)
        at = match.end() + (int(length) if 0 < len(length) < 10 else 0)
    yield data[at:]


FORMAT = Format(
    name="RTF",
    media_type="application/rtf",
    extensions=(".rtf",),
    read=_read,
    aliases=frozenset({"text/rtf"}),
    begins=lambda head: head.startswith(b"{\\rtf"),
    always=True,
)
