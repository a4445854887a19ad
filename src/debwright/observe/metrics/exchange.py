"""Records as JSON lines, from and to files: what machines hand each other."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from debwright.host.files import save
from debwright.model.codes import WARNING, Code, Codes
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.results import Evidence, Finding
from debwright.observe.metrics.model import Record, parse
from debwright.observe.metrics.store import Merged, Store

LINE_LIMIT = 1024 * 1024
"""Bytes; the largest record that the limits of the model allow is far below."""
BATCH = 2000
REFUSED_SHOWN = 20
SUFFIXES = (".jsonl", ".jsonl.gz", ".ndjson")
CODES = Codes({"metrics/line": Code(WARNING, "A line of a file of records is none.")})


@dataclass
class Report:
    """What became of files that were merged."""

    merged: Merged = field(default_factory=Merged)
    refused: list[Finding] = field(default_factory=list)
    """The first lines that were no records."""
    refused_lines: int = 0
    files: int = 0


def export(store: Store, path: Path | None) -> tuple[str, int]:
    """All records, a line each, oldest first; written to `path` too. The text and their number."""
    lines = list(store.documents())
    text = "".join(f"{line}\n" for line in lines)
    if path is not None:
        data = text.encode("utf-8", "backslashreplace")
        # No time of its own: the same records give the same bytes.
        save(path, gzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)
    return text, len(lines)


def merge_files(store: Store, paths: Sequence[Path]) -> Report:
    """Merge files, and those below directories. A line that is no record is told, not taken.

    Raises UsageError for what is not there or has no such files.
    """
    report = Report()
    for path in _files(paths):
        report.files += 1
        with _opened(path) as stream:
            _merge(store, stream, str(path), report)
    return report


def merge_lines(store: Store, lines: Iterable[bytes], name: str) -> Report:
    """Merge lines that came from elsewhere; `name` is for messages."""
    report = Report(files=1)
    _merge(store, lines, name, report)
    return report


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file())
            if not found:
                raise UsageError(
                    f"there are no records in {path}",
                    cause=f"no file below it ends in {' or '.join(SUFFIXES)}",
                )
            yield from found
        elif path.exists():
            yield path
        else:
            raise UsageError(f"there is no file {path}", fix="debwright metrics export FILE")


def _opened(path: Path) -> IO[bytes]:
    try:
        return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise DebwrightError(f"{path} cannot be read: {error.strerror}") from error


def _merge(store: Store, lines: Iterable[bytes], name: str, report: Report) -> None:
    batch: list[Record] = []
    try:
        for number, line in _numbered(lines):
            try:
                batch.append(_parsed(line))
            except ValueError as error:
                _refuse(report, name, number, error)
            if len(batch) >= BATCH:
                report.merged += store.put(batch)
                batch = []
    except (EOFError, OSError, gzip.BadGzipFile) as error:
        _refuse(report, name, 0, error)
    report.merged += store.put(batch)


def _parsed(line: bytes) -> Record:
    if len(line) > LINE_LIMIT:
        raise ValueError("the line is too long")
    return parse(line)


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty; one that never ends is not read as a whole."""
    read = getattr(lines, "readline", None)
    source = iter(lambda: read(LINE_LIMIT + 1), b"") if read is not None else iter(lines)
    for number, line in enumerate(source, 1):
        if line.strip():
            yield number, line


def _refuse(report: Report, name: str, line: int, error: Exception) -> None:
    report.refused_lines += 1
    if len(report.refused) >= REFUSED_SHOWN:
        return
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(p) for p in first["loc"])
        said = f"{where}: {first['msg']}" if where else str(first["msg"])
    else:
        said = str(error) or type(error).__name__
    report.refused.append(
        CODES.found(
            "metrics/line", "this line is no record",
            evidence=(Evidence(text=said[:300], file=name, line=line or None),),
        )
    )  # fmt: skip
