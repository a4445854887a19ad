"""Programs of the distribution that read what no library here does: poppler's and tesseract.

They run as children of the process that parses, and so within its limits on memory and files: what
they read comes through a pipe, and so does what they find.
"""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import IO

from local_rag.core.errors import InvalidInput, TooLarge

# Of one page. A page of a newspaper takes a Raspberry Pi 5 about 20 s.
PAGE_S = 100.0
TEXT_S = 100.0
_LANGUAGES_S = 20.0
# As many as are recognised side by side without being slow, when nobody has said which.
_MOST_LANGUAGES = 4
_NO_LANGUAGES = frozenset({"osd", "equ", "snum"})


def have(program: str) -> bool:
    """Return whether a program is installed."""
    return shutil.which(program) is not None


def recognise(picture: bytes, name: str, wanted: Sequence[str]) -> str:
    """Return the text of a picture, by tesseract. Raises InvalidInput, TooLarge.

    `wanted` names languages as tesseract does; those that are not installed are left out.
    """
    command = ["tesseract", "stdin", "stdout", "-l", "+".join(languages(tuple(wanted)))]
    done = _run(command, picture, PAGE_S, name)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        raise InvalidInput(f"{name} cannot be recognised: {said[:200]}")
    return done.stdout.decode("utf-8", "replace").replace("\f", "\n")


@cache
def languages(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the languages to recognise: the wanted ones, or of those installed the first few."""
    done = _run(["tesseract", "--list-langs"], b"", _LANGUAGES_S, "tesseract")
    # The first line is a title.
    installed = done.stdout.decode("utf-8", "replace").split("\n")[1:]
    known = [name.strip() for name in installed if name.strip() and "/" not in name]
    usable = sorted(set(known) - _NO_LANGUAGES, key=lambda name: (name != "eng", name))
    found = tuple(name for name in wanted if name in usable) or tuple(usable[:_MOST_LANGUAGES])
    if not found:
        raise InvalidInput(
            "tesseract has no language installed", hint="sudo apt install tesseract-ocr-eng"
        )
    return found


def pdf_text(data: bytes, name: str) -> list[str] | None:
    """Return the text of a PDF's pages in reading order, None when pdftotext cannot say."""
    try:
        done = _run(["pdftotext", "-enc", "UTF-8", "-", "-"], data, TEXT_S, name)
    except TooLarge:
        return None
    if done.returncode != 0:
        return None
    return done.stdout.decode("utf-8", "replace").removesuffix("\f").split("\f")


def pdf_pictures(data: bytes, first: int, last: int, dpi: int) -> Iterator[bytes]:
    """Yield pages as pictures (grey, PGM), one after another. Ends early when one cannot be."""
    command = ["pdftoppm", "-gray", "-r", str(dpi), "-f", str(first), "-l", str(last), "-"]
    process = subprocess.Popen(  # noqa: S603 - fixed arguments
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=_environment(),
    )  # fmt: skip
    assert process.stdin is not None  # noqa: S101 - it was asked for
    assert process.stdout is not None  # noqa: S101
    feeder = threading.Thread(target=_feed, args=(process, data), daemon=True)
    feeder.start()
    # It waits for us while a page is recognised, so only one that hangs is ended.
    try:
        while True:
            timer = threading.Timer(PAGE_S, process.kill)
            timer.start()
            try:
                picture = _picture(process.stdout)
            finally:
                timer.cancel()
            if picture is None:
                return
            yield picture
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
        feeder.join()


def _feed(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin is not None  # noqa: S101
    with suppress(OSError):
        process.stdin.write(data)
    with suppress(OSError):
        process.stdin.close()


def _picture(stream: IO[bytes]) -> bytes | None:
    """Return the next PGM of a stream: `P5`, width and height, the largest value, the pixels."""
    head = [stream.readline(100) for _ in range(3)]
    if head[0].strip() != b"P5":
        return None
    try:
        width, height = map(int, head[1].split())
    except ValueError:
        return None
    pixels = stream.read(width * height)
    return b"".join(head) + pixels if len(pixels) == width * height else None


def _run(
    command: Sequence[str], data: bytes, limit_s: float, name: str
) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603 - fixed arguments
            command, input=data, capture_output=True, timeout=limit_s, check=False,
            env=_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TooLarge(f"{name} took {command[0]} longer than {limit_s:.0f} s") from None
    except OSError as error:
        raise InvalidInput(f"{command[0]} cannot be run: {error}") from None


def _environment() -> dict[str, str]:
    # One thread a page: the model that runs too wants the other processors.
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
