"""Parsing in a process of its own, with limits on time and memory.

A hostile PDF can make any parser loop or eat memory; here that costs the one document.
"""

import json
import math
import subprocess
import threading
from contextlib import suppress
from typing import IO

from local_rag.core import process as child
from local_rag.core.errors import InvalidInput, RagError, TooLarge, Unavailable
from local_rag.core.types import Closing, Extracted, Section
from local_rag.documents.formats import Source, detect, extract
from local_rag.documents.worker import read_frame, write_frame

TIMEOUT_S = 120.0
MEMORY_BYTES = 1_500_000_000
_IN_PROCESS_BYTES = 2_000_000


class Extraction(Closing):
    """A worker process that is started when first needed and replaced when it hangs or dies.

    Thread-safe; one document at a time. Close it, or use it as a context manager.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process that parses, or None when there is none."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            self._stop()

    def extract(self, source: Source) -> Extracted:
        """Return the text of a document.

        Raises InvalidInput, TooLarge, and Unavailable when no worker can be started.
        """
        if not detect(source).parsed and len(source.data) <= _IN_PROCESS_BYTES:
            # Small texts need no parser; a pipe and JSON would take longer than the work.
            return extract(source)
        with self._lock:
            return self._ask(source)

    def _ask(self, source: Source) -> Extracted:
        process = self._process or self._start()
        timed_out = threading.Event()

        def give_up() -> None:
            timed_out.set()
            process.kill()

        timer = threading.Timer(self._timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            reply = _exchange(process, source)
        except (OSError, ValueError):
            reply = None
        finally:
            timer.cancel()
        if reply is None:
            self._stop()
            if timed_out.is_set():
                raise TooLarge(
                    f"{source.name} took longer than {self._timeout_s:.0f} s to read",
                    hint="split it, or convert it to text",
                )
            raise InvalidInput(
                f"{source.name} made the reader fail; it is damaged or needs too much memory"
            )
        return extracted(json.loads(reply), source.name)

    def _start(self) -> "subprocess.Popen[bytes]":
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, fixed arguments
                child.python(
                    "local_rag.documents.worker",
                    str(self._memory_bytes),
                    # In seconds of the processor, of which none passes while it waits for one.
                    str(math.ceil(self._timeout_s) + 1),
                ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child.environment(("PATH", "LANG")),
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"no process for reading documents can be started: {error}") from None
        if read_frame(_pipe(self._process.stdout)) is None:
            self._stop()
            raise Unavailable("the process for reading documents ends at once")
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _pipe(stream: IO[bytes] | None) -> "IO[bytes]":
    if stream is None:
        raise OSError("no pipe")
    return stream


def _exchange(process: "subprocess.Popen[bytes]", source: Source) -> bytes | None:
    header = {"name": source.name, "media_type": source.media_type, "charset": source.charset}
    pipe = _pipe(process.stdin)
    write_frame(pipe, json.dumps(header).encode("ascii"))
    write_frame(pipe, source.data)
    return read_frame(_pipe(process.stdout))


def extracted(reply: dict[str, object], name: str) -> Extracted:
    """Return what a worker answered, or raise the error that it answered."""
    if "error" in reply:
        kind: type[RagError] = TooLarge if reply["error"] == "too-large" else InvalidInput
        hint = reply.get("hint")
        raise kind(str(reply["message"]), hint=str(hint) if hint else None)
    sections = reply["sections"]
    metadata = reply["metadata"]
    if not isinstance(sections, list) or not isinstance(metadata, dict):
        raise InvalidInput(f"{name} made the reader answer nonsense")
    return Extracted(
        title=str(reply["title"]),
        media_type=str(reply["media_type"]),
        metadata={str(key): str(value) for key, value in metadata.items()},
        sections=tuple(Section(text=text, page=page, heading=h) for text, page, h in sections),
    )
