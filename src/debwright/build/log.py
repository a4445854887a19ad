"""build.log: every line with the seconds since the start, written as it comes."""

import time
from pathlib import Path
from typing import Self

from debwright.host.process import LineSink
from debwright.model.errors import printable

LIMIT = 256 * 1024 * 1024
"""Bytes; a build that says more is cut, with a line saying so."""


class BuildLog:
    """A sink for output lines; each is also handed to `also` (the reporter)."""

    def __init__(self, path: Path, also: LineSink | None = None) -> None:
        self.path = path
        self._also = also
        self._size = 0
        self.lines = 0
        self.tail: list[str] = []

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._started = time.monotonic()
        self._file = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def heading(self, text: str) -> None:
        self(f"=== {text}")

    def __call__(self, line: str) -> None:
        text = printable(line)
        if self._also is not None:
            self._also(text)
        self.lines += 1
        if self._size > LIMIT:
            return
        entry = f"{time.monotonic() - self._started:9.2f} {text}\n"
        self._size += len(entry)
        if self._size > LIMIT:
            entry = "... the log is longer than 256 MiB and is cut here\n"
        self._file.write(entry)
        self._file.flush()
