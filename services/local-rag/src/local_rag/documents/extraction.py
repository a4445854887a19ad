"""Parsing in a process of its own, with limits on time and memory.

A hostile PDF can make any parser loop or eat memory; here that costs the one document.
"""

import json
import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from local_rag.core import process as child
from local_rag.core.errors import InvalidInput, LeftOut, RagError, TooLarge, Unavailable
from local_rag.core.network import Stopped
from local_rag.core.types import Closing, Extracted, Section
from local_rag.documents.formats import Source, detect, extract
from local_rag.documents.worker import read_frame, write_frame

TIMEOUT_S = 120.0
# A scanned book takes its time, page by page, and no longer than this in all.
TOTAL_S = 2 * 3600.0
_LOOK_S = 0.25
MEMORY_BYTES = 1_500_000_000
_IN_PROCESS_BYTES = 2_000_000


class Extraction(Closing):
    """A worker process that is started when first needed and replaced when it hangs or dies.

    Thread-safe; one document at a time. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        memory_bytes: int = MEMORY_BYTES,
        total_s: float = TOTAL_S,
        stop: threading.Event | None = None,
    ) -> None:
        """Take limits: `timeout_s` for a document, or for a page of one that comes page by page.

        Those together have `total_s`. `stop` ends what is being read at once.
        """
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._stop_asked = stop or threading.Event()
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
        """Return the text of a document; `source.alive` hears how far it has come.

        Raises InvalidInput, TooLarge, Unavailable when no worker can be started, and Stopped.
        """
        if not detect(source).parsed and len(source.data) <= _IN_PROCESS_BYTES:
            # Small texts need no parser; a pipe and JSON would take longer than the work.
            return extract(source)
        with self._lock:
            return self._ask(source)

    def _ask(self, source: Source) -> Extracted:
        process = self._process or self._start()
        watch = _Watch(process, self._timeout_s, self._total_s, self._stop_asked)
        with watch.running():
            try:
                reply = self._exchange(process, source, watch)
            except (OSError, ValueError):
                reply = None
        if reply is not None:
            return extracted(reply, source.name)
        self._stop()
        if watch.stopped:
            raise Stopped(f"reading {source.name} was ended")
        if watch.timed_out:
            raise TooLarge(
                f"{source.name} took longer than {watch.limit_s:.0f} s to read",
                hint="split it, or convert it to text",
            )
        raise InvalidInput(
            f"{source.name} made the reader fail; it is damaged or needs too much memory"
        )

    def _exchange(
        self, process: "subprocess.Popen[bytes]", source: Source, watch: "_Watch"
    ) -> dict[str, object] | None:
        header = {
            "name": source.name,
            "media_type": source.media_type,
            "charset": source.charset,
            "languages": source.languages,
        }
        pipe = _pipe(process.stdin)
        write_frame(pipe, json.dumps(header).encode("ascii"))
        write_frame(pipe, source.data)
        while (frame := read_frame(_pipe(process.stdout))) is not None:
            reply: dict[str, object] = json.loads(frame)
            if "of" not in reply:
                return reply
            watch.go_on()
            source.alive(int(str(reply["done"])), int(str(reply["of"])))
        return None

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
        _kill(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _pipe(stream: IO[bytes] | None) -> "IO[bytes]":
    if stream is None:
        raise OSError("no pipe")
    return stream


@dataclass(slots=True)
class _Watch:
    """Ends a worker, and what it has started, when its time is up or the import is cancelled."""

    process: "subprocess.Popen[bytes]"
    limit_s: float
    total_s: float
    stop: threading.Event
    timed_out: bool = False
    stopped: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)
    _began: float = field(default_factory=time.monotonic)
    _since: float = field(default_factory=time.monotonic)

    def go_on(self) -> None:
        """Give it time for the next page."""
        self._since = time.monotonic()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch within the block."""
        thread = threading.Thread(target=self._look, name="extraction-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _look(self) -> None:
        while not self._ended.wait(min(_LOOK_S, self.limit_s / 4)):
            now = time.monotonic()
            if now - self._began > self.total_s:
                self.limit_s = self.total_s
                self.timed_out = True
            self.timed_out = self.timed_out or now - self._since > self.limit_s
            self.stopped = self.stop.is_set()
            if self.timed_out or self.stopped:
                _kill(self.process)
                return


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # The whole group: a program that it runs may hang as well.
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(OSError):
        process.kill()


def extracted(reply: dict[str, object], name: str) -> Extracted:
    """Return what a worker answered, or raise the error that it answered."""
    if "error" in reply:
        kinds: dict[object, type[RagError]] = {"too-large": TooLarge, "left-out": LeftOut}
        kind = kinds.get(reply["error"], InvalidInput)
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
