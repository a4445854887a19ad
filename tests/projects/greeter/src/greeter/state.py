"""What the service remembers: the count of greetings and the sketch of names."""

import base64
import binascii
import json
import os
import threading
from pathlib import Path

from greeter import _tally


class StateError(Exception):
    """The state file cannot be read; the text says why."""


class Memory:
    """Count and sketch, safe to use from several threads.

    With a path it is read at the start and written by `flush`: beside, synced, then renamed, so
    that a power cut leaves the old file or the new one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._count = 0
        self._registers = bytearray(_tally.REGISTERS)
        self._dirty = False
        if path is not None and path.exists():
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            data = json.loads(path.read_text(encoding="ascii"))
            self._count = int(data["count"])
            registers = bytearray(base64.b64decode(data["registers"], validate=True))
        except (OSError, ValueError, KeyError, TypeError, binascii.Error) as error:
            raise StateError(f"{path}: not a state file of greeter: {error}") from error
        if len(registers) != _tally.REGISTERS:
            raise StateError(f"{path}: {len(registers)} registers, not {_tally.REGISTERS}")
        self._registers = registers

    def meet(self, name: str) -> int:
        """Count a greeting of `name` in, and give the number of greetings so far."""
        with self._lock:
            _tally.add(self._registers, name.encode("utf-8", "surrogatepass"))
            self._count += 1
            self._dirty = True
            return self._count

    def summary(self) -> tuple[int, int]:
        """Greetings so far, and the estimated number of different names."""
        with self._lock:
            return self._count, round(_tally.estimate(self._registers))

    def flush(self) -> None:
        """Write the state if it has changed."""
        with self._lock:
            if self._path is None or not self._dirty:
                return
            text = json.dumps(
                {
                    "count": self._count,
                    "registers": base64.b64encode(self._registers).decode("ascii"),
                }
            )
            beside = self._path.with_suffix(".new")
            with beside.open("w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.rename(self._path)
            self._dirty = False
