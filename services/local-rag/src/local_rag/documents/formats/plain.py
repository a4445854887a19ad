"""Plain text: sections are what blank lines and form feeds part."""

import re
from pathlib import PurePosixPath

from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build
from local_rag.text.normalise import decode


def _read(source: Source) -> Extracted:
    """Return the text of a plain text file as one section. Raises InvalidInput for binary data."""
    text = decode(source.data, declared=source.charset)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    # A short first line that ends like a heading is one; anything else would be a bad title.
    headline = len(first) <= 80 and not re.search(r"[.,;:!?]$", first) and "\t" not in first
    name = PurePosixPath(source.name).name
    return build(
        title=first if headline and not name.endswith(".log") else name,
        fallback=name,
        sections=[Section(text=text)],
        media_type=FORMAT.media_type,
    )


FORMAT = Format(
    name="text",
    media_type="text/plain",
    extensions=(".txt", ".text", ".log", ".rst", ".adoc", ".org", ".vtt", ".srt"),
    read=_read,
    parsed=False,
)
