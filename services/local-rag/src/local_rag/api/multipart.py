"""Receives uploaded files straight onto the disk that will keep them.

The form parser of the framework would first write every upload to the temporary directory, which
on many machines is memory, and copy it afterwards. Here the parts go next to their final place, so
that taking one over is a rename.
"""

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from anyio import to_thread
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from local_rag.core.errors import InvalidInput, TooLarge, Unavailable
from local_rag.core.types import Closing

_MAX_FIELD = 16_384
_MAX_PARTS = 1_000


@dataclass(kw_only=True)
class ReceivedFile:
    """One uploaded file as it lies in the staging directory; `name` is what the client said."""

    name: str
    path: Path
    size: int = 0
    sha256: str = ""


@dataclass(kw_only=True)
class Form:
    """The files and the plain fields of a form."""

    files: list[ReceivedFile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


class FormReceiver(Closing):
    """Parses one multipart body; a context manager that removes what nobody took over."""

    def __init__(self, content_type: str, staging: Path, *, max_file_bytes: int) -> None:
        kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise InvalidInput(
                "An upload must be a form of the type multipart/form-data.",
                hint="for example: curl -F file=@notes.md http://127.0.0.1:8080/api/v1/documents",
            )
        self.form = Form()
        self._staging = staging
        self._max_file = max_file_bytes
        self._parts = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._field: tuple[str, bytearray] | None = None
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begin,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_end": self._end,
            },
        )

    def close(self) -> None:
        """Remove what nobody took."""
        if self._file is not None:
            self._file.close()
        for item in self.form.files:
            item.path.unlink(missing_ok=True)

    async def read(self, stream: AsyncIterator[bytes]) -> Form:
        """Read the whole body. Raises InvalidInput, TooLarge, or Unavailable for a full disk."""
        async for block in stream:
            if block:
                await to_thread.run_sync(self._feed, block)
        if not self._ended:
            raise InvalidInput("The upload broke off before its end.", hint="send it again")
        return self.form

    def _feed(self, block: bytes) -> None:
        try:
            self._parser.write(block)
        except MultipartParseError as error:
            raise InvalidInput(f"The form of the upload is malformed: {error}.") from error
        except OSError as error:
            raise Unavailable(
                f"The upload cannot be kept: {error.strerror}.",
                hint=f"df -h {self._staging.parent}",
            ) from error

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise TooLarge(f"An upload may have at most {_MAX_PARTS} parts.")
        self._headers = {}

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise InvalidInput("A part of the upload has no name.")
        if b"filename" not in options:
            self._field = (options[b"name"].decode("utf-8", "replace"), bytearray())
            return
        self._staging.mkdir(parents=True, exist_ok=True, mode=0o750)
        handle, path = tempfile.mkstemp(prefix=".part-", dir=self._staging)
        self._file = os.fdopen(handle, "wb")
        self._hash = hashlib.sha256()
        name = options[b"filename"].decode("utf-8", "replace")
        self.form.files.append(ReceivedFile(name=name, path=Path(path)))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is not None:
            item = self.form.files[-1]
            item.size += len(piece)
            if item.size > self._max_file:
                raise TooLarge(
                    f"{item.name[:200]} is over the limit of {self._max_file / 1_000_000:g} MB.",
                    hint="the limit is server.max_upload_mb in the configuration",
                    details={"limit_bytes": self._max_file},
                )
            self._hash.update(piece)
            self._file.write(piece)
        elif self._field is not None:
            self._field[1].extend(piece)
            if len(self._field[1]) > _MAX_FIELD:
                raise TooLarge(f"A field of the upload is over {_MAX_FIELD} bytes.")

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            self.form.files[-1].sha256 = self._hash.hexdigest()
        elif self._field is not None:
            self.form.fields[self._field[0]] = self._field[1].decode("utf-8", "replace")
            self._field = None

    def _end(self) -> None:
        self._ended = True
