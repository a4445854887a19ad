"""The repository's directory: its lock, durable writes, and the atomic switch.

pool/                   the packages, never changed
publications/NNNN/      complete, never changed
dists                   -> publications/NNNN/dists, replaced by rename
key.asc, index.html, *.sources... -> dists/../..., so that they change with dists in the same rename
.debwright/             lock, journal, index cache, work in progress: not for readers
"""

import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from debwright.model.errors import DebwrightError

PRIVATE = ".debwright"
JOURNAL = "journal.json"
TOP_FILES = ("key.asc", "key.gpg", "index.html", "publication.json")
"""Files of a publication that have names at the top of the repository, with *.sources."""
# Beyond this many files one syncfs(2) is cheaper than an fsync(2) each.
SYNC_EACH = 64
SYNC_THREADS = 8

Say = Callable[[str], None]


def silent(text: str) -> None: ...


def private(repo: Path) -> Path:
    return repo / PRIVATE


def work_directory(repo: Path) -> Path:
    """Where this process builds a publication.

    Named after the process: when one is killed, an apt-ftparchive of it may still be writing,
    and must not write into what the next one builds.
    """
    return private(repo) / f"work-{os.getpid()}"


def publication_directory(repo: Path, number: int) -> Path:
    return repo / "publications" / f"{number:04d}"


def publication_numbers(repo: Path) -> list[int]:
    """The publications on disk, oldest first."""
    try:
        names = [p.name for p in (repo / "publications").iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(n) for n in names if re.fullmatch(r"\d{4,}", n))


def current_number(repo: Path) -> int | None:
    """The publication that readers see, or None when there is none yet.

    Raises DebwrightError when `dists` is not one of our links: a repository of another make.
    """
    try:
        target = str((repo / "dists").readlink())
    except FileNotFoundError:
        return None
    except OSError:
        target = "a directory"
    found = re.fullmatch(r"publications/(\d{4,})/dists", target)
    if found is None:
        raise DebwrightError(
            f"{repo / 'dists'} was not made by debwright ({target})",
            cause="another tool keeps a repository in this directory",
            fix="publish to another directory, or move this one away",
        )
    return int(found[1])


@contextmanager
def locked(repo: Path, say: Say = silent, timeout: float | None = None) -> Iterator[None]:
    """Hold the repository's lock; wait up to `timeout` seconds (for ever when None).

    While waiting, `say` is told once who holds it. Raises DebwrightError when time is up.
    """
    make_directories(private(repo))
    with (private(repo) / "lock").open("a+", encoding="utf-8") as lock:
        _wait_for(lock.fileno(), repo, say, timeout)
        started = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        lock.truncate(0)
        lock.write(json.dumps({"pid": os.getpid(), "since": started}) + "\n")
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def _wait_for(descriptor: int, repo: Path, say: Say, timeout: float | None) -> None:
    deadline = None if timeout is None else time.monotonic() + timeout
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        if not told:
            say(f"waiting for {lock_holder(repo)}, which is publishing to {repo}")
            told = True
        if deadline is not None and time.monotonic() > deadline:
            raise DebwrightError(
                f"{repo} is locked by {lock_holder(repo)}",
                cause="another publication is running; they go one at a time",
                fix="wait for it to end and run the same command again",
            )
        time.sleep(0.02)


def lock_holder(repo: Path) -> str:
    """Who holds the lock, in words: `process 4711 (since 2024-05-01 10:00:00 UTC)`."""
    try:
        held = json.loads((private(repo) / "lock").read_text(encoding="utf-8"))
        return f"process {int(held['pid'])} (since {held['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def make_directories(path: Path) -> None:
    """mkdir -p with mode 0755 whatever the umask: apt reads the repository as another user."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        each.chmod(0o755)


def open_to_readers(tree: Path) -> None:
    """Make a finished tree readable by everybody, whatever the umask."""
    for directory, _, files in os.walk(tree):
        Path(directory).chmod(0o755)
        for name in files:
            (Path(directory) / name).chmod(0o644)


def write_durably(path: Path, data: bytes) -> None:
    """Write beside, fsync, rename, fsync the directory.

    The name beside is always the same one: what a SIGKILL leaves there is written over next time.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        beside.chmod(0o644)
        beside.rename(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync([path.parent])


def write_once(path: Path, data: bytes) -> None:
    """Write a file of the work directory, which several threads may want at once."""
    if not path.exists():
        beside = path.with_name(f".{path.name}.{threading.get_ident()}")
        beside.write_bytes(data)
        beside.rename(path)


def sync(paths: Iterable[Path]) -> None:
    """fsync files and directories; many at once by syncfs(2) of their file system."""
    todo = list(paths)
    if len(todo) > SYNC_EACH:
        _sync_all(todo[0])
    elif len(todo) > 1:
        # Together they are one commit of the file system's journal, and not one each.
        with ThreadPoolExecutor(max_workers=SYNC_THREADS) as pool:
            for job in [pool.submit(_sync_one, path) for path in todo]:
                job.result()
    else:
        for path in todo:
            _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # a file system without fsync
            raise
    finally:
        os.close(descriptor)


def _sync_all(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            if number != errno.ENOSYS:
                raise OSError(number, os.strerror(number), str(path))
            os.sync()
    finally:
        os.close(descriptor)


def tree_paths(tree: Path, known: Path | None = None) -> list[Path]:
    """Every directory below and including `tree`, and every file once, however often linked.

    Files that are links to those below `known` are left out: they are on the disk already.
    """
    found: list[Path] = []
    seen = set() if known is None else _inodes(known)
    for directory, _, files in os.walk(tree):
        found.append(Path(directory))
        for name in files:
            path = Path(directory) / name
            if (inode := path.stat().st_ino) not in seen:
                seen.add(inode)
                found.append(path)
    return found


def _inodes(tree: Path) -> set[int]:
    return {
        entry.inode()
        for directory, _, _ in os.walk(tree)
        for entry in os.scandir(directory)
        if entry.is_file(follow_symlinks=False)
    }


def link_tree(source: Path, target: Path, *, leave_out: Iterable[str] = ()) -> None:
    """Hard-link the files of `source` into `target`; `leave_out` are names at the top."""
    out = set(leave_out)
    for directory, _, files in os.walk(source):
        below = Path(directory).relative_to(source)
        make_directories(target / below)
        for name in files:
            if below == Path() and name in out:
                continue
            os.link(Path(directory) / name, target / below / name)


def replace_link(link: Path, target: str) -> None:
    """Point a symlink elsewhere in one step."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.rename(link)


def switch(repo: Path, number: int) -> None:
    """Show readers another publication: the one act that makes it public."""
    replace_link(repo / "dists", f"publications/{number:04d}/dists")
    sync([repo])


def link_top_files(repo: Path, number: int) -> None:
    """Give the files of the current publication their names at the top of the repository."""
    present = {
        path.name
        for path in publication_directory(repo, number).iterdir()
        if path.name in TOP_FILES or path.suffix == ".sources"
    }
    for name in present:
        if not (repo / name).is_symlink():
            replace_link(repo / name, f"dists/../{name}")
    for path in repo.glob("*.sources"):
        if path.is_symlink() and path.name not in present:
            path.unlink()


def remove_publication(repo: Path, number: int) -> None:
    """Remove a publication that is not the current one; by way of the work directory, so that
    a crash half-way leaves no incomplete publication."""
    directory = publication_directory(repo, number)
    if directory.exists():
        gone = private(repo) / f"gone-{number}"
        shutil.rmtree(gone, ignore_errors=True)
        directory.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
