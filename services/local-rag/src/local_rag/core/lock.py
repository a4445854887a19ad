"""One process for one index."""

import fcntl
import os
from pathlib import Path

from local_rag.core.errors import Conflict, Unavailable


def hold(path: Path) -> int:
    """Keep other processes away from an index file until the returned descriptor is closed.

    Raises Conflict when one has it open, Unavailable when its directory cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(
            f"the data directory {path.parent} cannot be written: {error.strerror}",
            hint=f"see who owns it: ls -ld {path.parent}",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise Conflict(
            f"the index {path} is in use by another process ({holder})",
            hint="stop the other one first: systemctl stop local-rag",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
