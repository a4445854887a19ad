"""The cache directory: layers, downloaded packages and scratch space, each with an owner's lock.

    layers/TARGET/NAME-ID/{tree,manifest.json,lock}   read-only, kept
    debs/TARGET-TRUST/*.deb                           what apt downloaded, kept
    scratch/ID/{lock,...}                             in use by a living debwright, else healed

A lock is flock(2) on a file beside the data: the kernel lets go of it when its owner dies, so a
crash can be told from work in progress without guessing.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from debwright.host import process
from debwright.host.signals import undisturbed
from debwright.isolation.namespaces import is_root
from debwright.model.errors import MissingError, printable

SILENT_SECONDS = 2.0
"""A wait that is longer is worth a word."""


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/debwright`, by the XDG base directory specification."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # "All paths must be absolute. ... consider the path invalid and ignore it": and an overlay's
    # layers are named from another working directory.
    return (base if base.is_absolute() else Path.home() / ".cache") / "debwright"


def _ignore(_: str) -> None:
    return None


@dataclass(frozen=True)
class Cache:
    root: Path
    say: Callable[[str], None] = field(default=_ignore, compare=False)
    """Is given a sentence when another debwright has to be waited for."""

    @property
    def layers(self) -> Path:
        return self.root / "layers"

    @property
    def scratches(self) -> Path:
        return self.root / "scratch"

    def debs(self, name: str) -> Path:
        path = self.root / "debs" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def prepare(self) -> None:
        """Make the directories, and remove what a killed debwright left behind."""
        try:
            self.layers.mkdir(parents=True, exist_ok=True)
            self.scratches.mkdir(exist_ok=True)
        except OSError as error:
            raise MissingError(
                f"the cache {self.root} cannot be written: {error.strerror}",
                fix="set XDG_CACHE_HOME to a directory you may write to",
            ) from error
        self.heal()

    def heal(self) -> list[Path]:
        """Remove scratch directories whose owner is gone; returns them."""
        healed = []
        for path in self.scratches.iterdir():
            if path.name.startswith(".") and _minutes_old(path) < 1:
                continue  # on its way to becoming a scratch directory, perhaps
            with try_lock(path / "lock") as free:
                if free and remove_tree(path):
                    healed.append(path)
        return healed

    @contextmanager
    def scratch(self, purpose: str) -> Iterator[Path]:
        """A private directory, gone when the block ends."""
        path: Path | None = None
        handle = -1
        try:
            with undisturbed():
                path, handle = self._make_scratch(purpose)
            yield path
        finally:
            if path is not None:
                with undisturbed():
                    _remove_scratch(path, handle)

    def _make_scratch(self, purpose: str) -> tuple[Path, int]:
        """A directory, and the open file that holds its lock."""
        # Made under another name first: a healer must never see it without its lock held.
        hidden = Path(tempfile.mkdtemp(prefix=f".{purpose}-", dir=self.scratches))
        handle = os.open(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        path = self.scratches / hidden.name[1:]
        hidden.rename(path)
        path.chmod(0o755)
        return path, handle

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the named lock, waiting for whoever has it; Interrupted when asked to stop."""
        directory = self.root / "locks"
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        asked, said = time.monotonic(), False
        try:
            # Not by a blocking flock: whoever has it may be busy for minutes, and a thread that
            # waits in the kernel does not hear that debwright shall stop.
            while not _lock_now(handle):
                process.go_on()
                if not said and time.monotonic() - asked > SILENT_SECONDS:
                    said = True
                    if (holder := _holder(handle)) is not None:
                        self.say(f"waiting for {holder}, which is making {name}")
                time.sleep(0.05)
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(handle)


def _holder(handle: int) -> str | None:
    """The process that has the lock, in words; None for this one: its own threads may wait."""
    written = os.pread(handle, 32, 0).strip()
    if written == str(os.getpid()).encode():
        return None
    if not written.isdigit():
        return "another debwright"
    number = int(written)
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        command = printable(shlex.join(w.decode("utf-8", "replace") for w in words))[:80]
    except OSError:
        return f"process {number}"  # of another container, or ended by now
    return f"process {number} ({command})"


def _remove_scratch(path: Path, handle: int) -> None:
    try:
        remove_tree(path)
    finally:
        os.close(handle)


def _minutes_old(path: Path) -> float:
    try:
        return (time.time() - path.stat().st_mtime) / 60
    except OSError:
        return 0.0


def _lock_now(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Whether the lock is free; held for the block when it is. A missing file is free."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    except OSError:
        yield False  # another user's: nothing is known about its owner
        return
    try:
        yield _lock_now(handle)
    finally:
        os.close(handle)


@contextmanager
def hold_shared(path: Path) -> Iterator[None]:
    """Mark a layer as in use for the block, so that pruning leaves it alone."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        os.utime(handle)  # "last used", for pruning by size
        yield
    finally:
        os.close(handle)


def remove_tree(path: Path) -> bool:
    """Remove a tree whatever its owners and modes; an ordinary user's through a user namespace.

    Returns whether it is gone. Never raises: it is called on the way out of failures, and beside
    others that remove the same tree; what is left is healed by the next run.
    """
    if not path.exists():
        return True
    if is_root():
        shutil.rmtree(path, ignore_errors=True)
    else:
        # Not by process.run, which starts nothing more once debwright has been asked to stop.
        subprocess.run(
            ["unshare", "--user", "--map-root-user", "--map-auto", "--", "rm", "-rf",
             "--one-file-system", "--", path],
            check=False, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
    if path.exists():
        # Somebody removed files of it at the same time, or wrote new ones.
        shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def tree_size(path: Path) -> int:
    """Bytes of disk below `path` (blocks, not lengths), hard links counted once."""
    total = 0
    seen: set[tuple[int, int]] = set()
    stack = [path]
    while stack:
        try:
            entries = list(os.scandir(stack.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                info = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # gone meanwhile
            if entry.is_dir(follow_symlinks=False):
                stack.append(Path(entry.path))
            elif info.st_nlink > 1:
                if (info.st_dev, info.st_ino) in seen:
                    continue
                seen.add((info.st_dev, info.st_ino))
            total += info.st_blocks * 512
    return total
