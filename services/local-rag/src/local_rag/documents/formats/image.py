"""Pictures of text: photographs and scans, read by tesseract where it is installed."""

from pathlib import PurePosixPath

from local_rag.core.errors import LeftOut
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats import _programs as programs
from local_rag.documents.formats.base import Format, Source, build

# How a file begins, and what it is then.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"GIF8": "gif",
}
INSTALL = "sudo apt install tesseract-ocr tesseract-ocr-deu (for German, say), then import again"


def _read(source: Source) -> Extracted:
    """Return what is written in a picture. Raises LeftOut where nothing is, or no program."""
    name = PurePosixPath(source.name).name
    if not programs.have("tesseract"):
        raise LeftOut(f"{name} is a picture, and tesseract is not installed", hint=INSTALL)
    text = programs.recognise(source.data, name, source.languages)
    if not any(character.isalnum() for character in text):
        raise LeftOut(f"{name} is a picture in which no text was found")
    return build(
        title=name,
        fallback=name,
        sections=[Section(text=text, page=1)],
        media_type=f"image/{_kind(source.data[:16])}",
        metadata={"text": "recognised by tesseract"},
    )


def _kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    # Two letters alone would be those of many a text; four zero bytes follow the length.
    if head[:2] == b"BM" and head[6:10] == b"\x00" * 4:
        return "bmp"
    return next((kind for start, kind in _BEGINNINGS.items() if head.startswith(start)), None)


FORMAT = Format(
    name="picture",
    media_type="image/png",
    extensions=(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"),
    read=_read,
    aliases=frozenset(f"image/{kind}" for kind in ("jpeg", "tiff", "webp", "bmp", "gif")),
    begins=lambda head: _kind(head) is not None,
    always=True,
)
