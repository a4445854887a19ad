"""The way in: a log in, a diagnosis out."""

import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from debwright.model.diagnosis import Diagnosis
from debwright.model.errors import DebwrightError
from debwright.observe.diagnose.rank import Shell, concluded
from debwright.observe.diagnose.rules import Book, standard_book
from debwright.observe.diagnose.scan import Scan

_OPENERS: dict[bytes, Callable[[Path], BinaryIO]] = {
    b"\x1f\x8b": lambda p: cast(BinaryIO, gzip.GzipFile(p)),
    b"\xfd7zXZ\x00": lambda p: cast(BinaryIO, lzma.LZMAFile(p)),  # noqa: SIM115
}


def diagnose_stream(
    stream: BinaryIO,
    source: str,
    book: Book | None = None,
    *,
    broken: bool = False,
    shell: Shell | None = None,
) -> Diagnosis:
    """Read a log to its end and say what broke. Raises what reading raises.

    `broken`: it is known that what the log tells of failed, whatever the log says of it.
    `shell` makes the command that runs another on the system that the log is of.
    """
    scan = Scan(book or standard_book())
    scan.read(stream)
    return concluded(scan, source, broken=broken, shell=shell)


def diagnose_text(text: str, source: str = "text", book: Book | None = None) -> Diagnosis:
    return diagnose_stream(io.BytesIO(text.encode("utf-8", "replace")), source, book)


def diagnose_file(
    path: Path, source: str | None = None, *, broken: bool = False, shell: Shell | None = None
) -> Diagnosis:
    """The log `path`, also one packed by gzip or xz. Raises DebwrightError, OSError."""
    with path.open("rb") as file:
        start = file.read(6)
    opener = next((o for magic, o in _OPENERS.items() if start.startswith(magic)), None)
    try:
        with opener(path) if opener else path.open("rb") as stream:
            return diagnose_stream(stream, source or path.name, broken=broken, shell=shell)
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as problem:
        raise DebwrightError(
            f"{path.name} is packed, and damaged", cause=str(problem), fix="fetch it again"
        ) from problem
