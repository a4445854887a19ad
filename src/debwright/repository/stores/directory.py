"""A directory that a web server on this machine serves."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import Field

from debwright.config import LoadedConfig
from debwright.config import values as v
from debwright.host.files import sha256_file
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.repository import store as local
from debwright.repository.stores.base import Store, StoreTable, vouched
from debwright.repository.stores.tree import RECORD, Item, Step, Tree, is_ours

NEW = ".new"


class Directory(StoreTable, table="repository.directory", optional=True):
    """A directory on this machine that it is copied to, for a web server that runs here."""

    pulled = 1

    path: v.Line = Field(description="The directory, relative to this file.")

    def open(self, loaded: LoadedConfig) -> Store:
        return DirectoryStore(loaded.resolve(self.path))


class DirectoryStore:
    """A plain copy in a directory. `dists` is replaced by renaming a link, as in the original."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        return str(self._path)

    def record(self) -> bytes | None:
        try:
            return (self._path / RECORD).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(error) from error

    def push(self, tree: Tree) -> int:
        try:
            self._refuse_itself(tree)
            local.make_directories(self._path)
            with self._locked():
                return self._push(tree)
        except OSError as error:
            raise self._refused(error) from error

    def fetch(self, target: Path) -> None:
        try:
            shutil.copytree(self._path, target, dirs_exist_ok=True, ignore=self._not_ours)
        except (OSError, shutil.Error) as error:
            raise DebwrightError(f"{self._path} cannot be read: {error}") from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Pushes of several copies of the repository go one at a time; this leaves no file."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _not_ours(self, directory: str, names: list[str]) -> list[str]:
        return [n for n in names if Path(directory) == self._path and not is_ours(n)]

    def _push(self, tree: Tree) -> int:
        dists = self._path / "dists"
        if dists.exists() and not dists.is_symlink():
            raise DebwrightError(
                f"{dists} was not made by debwright",
                cause="another tool keeps a repository in this directory",
                fix="name another directory",
            )
        tree.go_ahead()
        below = self._free_name(tree.record.number)
        fresh = self._path / f"{below}{NEW}"
        shutil.rmtree(fresh, ignore_errors=True)
        known = vouched(self, self._read)
        sent = 0
        for item in tree.items:
            inside = item.path.startswith("dists/")
            target = (fresh if inside else self._path) / item.path
            if item.step is Step.POOL and _is_there(target, item, known):
                continue
            if item.step is Step.RECORD:
                self._switch(fresh, below)
            local.make_directories(target.parent)
            _place(item.file, target)
            sent += 1
        self._clean(tree, below)
        return sent

    def _refuse_itself(self, tree: Tree) -> None:
        ours, theirs = tree.repo.resolve(), self._path.resolve()
        if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
            raise UsageError(
                f"{self._path} is the repository that is to be copied there",
                cause="repository.directory.path names dist/apt, or a directory around or in it",
                fix="name another directory; dist/apt can be served as it is",
            )

    def _free_name(self, number: int) -> str:
        """A name for the new dists: not that of those which are served now, as after a push that
        broke off at its end."""
        name, tried = f".publication-{number}", 0
        while (self._path / name).exists():
            tried += 1
            name = f".publication-{number}-{tried}"
        return name

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._path / path).read_bytes()
        except OSError:
            return None

    def _switch(self, fresh: Path, below: str) -> None:
        """Show the new dists; all that it names is there, on disk."""
        local.sync(local.tree_paths(self._path))
        fresh.rename(self._path / below)
        local.replace_link(self._path / "dists", f"{below}/dists")
        local.sync([self._path])

    def _clean(self, tree: Tree, below: str) -> None:
        """Remove what no publication has any more; the one before stays for its readers."""
        found = [p for p in self._path.glob(".publication-*") if p.name != below]
        kept = sorted(
            (p for p in found if p.suffix != NEW), key=lambda p: p.stat().st_mtime_ns, reverse=True
        )
        for old in (p for p in found if p not in kept[:1]):
            shutil.rmtree(old)
        wanted = {item.path for item in tree.items}
        for place in ("pool", "manifests"):
            for path in sorted((self._path / place).rglob("*"), reverse=True):
                if path.is_dir() and not path.is_symlink():
                    with contextlib.suppress(OSError):  # it has files
                        path.rmdir()
                elif path.relative_to(self._path).as_posix() not in wanted:
                    path.unlink()
        for file in self._path.glob("*.sources"):
            if file.name not in wanted:
                file.unlink()

    def _refused(self, error: OSError) -> DebwrightError:
        return DebwrightError(
            f"the repository cannot be copied to {self._path}: {error.strerror or error}",
            evidence=[Evidence(text=str(error.filename))] if error.filename else [],
            cause="the directory is not writable, or its disk is full",
            fix=f"ls -ld {self._path}; df -h {self._path}",
        )


def _is_there(target: Path, item: Item, known: Mapping[str, str]) -> bool:
    try:
        if target.stat().st_size != item.size:
            return False
    except FileNotFoundError:
        return False
    if item.sha256 is not None and known.get(item.path) == item.sha256:
        return True
    return sha256_file(target) == sha256_file(item.file)


def _place(source: Path, target: Path) -> None:
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, beside)
    beside.chmod(0o644)
    os.utime(beside, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))
    beside.rename(target)
