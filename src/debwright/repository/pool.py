"""The pool: where a package's file stands, and putting it there once and for all."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from debwright.model.errors import CheckError, Evidence
from debwright.repository import store
from debwright.repository.model import Entry

COPY_BYTES = 1024 * 1024


def pool_prefix(source: str) -> str:
    """Debian's directory of a source package: `g` for greeter, `libg` for libgreeter."""
    return source[:4] if source.startswith("lib") and len(source) > 3 else source[0]


def pool_path(component: str, source: str, file_name: str) -> str:
    """`pool/COMPONENT/PREFIX/SOURCE/FILE`; the parts must have been judged before."""
    parts = ("pool", component, pool_prefix(source), source, file_name)
    assert all(p not in (".", "..") and "/" not in p for p in parts)
    return "/".join(parts)


def in_pool(repo: Path, entry: Entry) -> bool:
    """Whether the pool has the file, by its size: its content was compared when it came."""
    try:
        return (repo / entry.path).stat().st_size == entry.size
    except FileNotFoundError:
        return False


class AlreadyPublished(CheckError):
    """A file of this name is in the pool with other content."""


def refuse_change(entry: Entry, known: Entry) -> None:
    """A published file never changes. Raises CheckError when `entry` would change `known`."""
    if entry.sha256 == known.sha256:
        return
    raise AlreadyPublished(
        f"{known.path} is published already with different content",
        evidence=[
            Evidence(text=f"sha256 {known.sha256}", file=known.path),
            Evidence(text=f"sha256 {entry.sha256} is what should take its place"),
        ],
        cause=f"{entry.package} {entry.version} was built again, or for two suites with one "
        "version; users who have it would never get the other",
        fix="give the new build a higher version; for another suite a suffix such as "
        f"{entry.version}~SUITE1",
    )


def stage(source: Path, entry: Entry, target: Path) -> None:
    """Copy a file to `target`, making sure that it is still the one that was judged."""
    digest = hashlib.sha256()
    store.make_directories(target.parent)
    with source.open("rb") as reading, target.open("wb") as writing:
        while chunk := reading.read(COPY_BYTES):
            digest.update(chunk)
            writing.write(chunk)
    target.chmod(0o644)
    if digest.hexdigest() != entry.sha256:
        raise CheckError(
            f"{source} changed while it was being published",
            fix="run the same command again when nothing writes to it",
        )


def add(repo: Path, files: Mapping[str, tuple[Path, Entry]], work: Path) -> None:
    """Copy files into the pool and bring them to the disk; each appears complete.

    Synced once, when all have their names: a crash before that leaves files that the journal
    names, and that no index does.
    """
    targets = []
    for number, (path, (source, entry)) in enumerate(sorted(files.items())):
        stage(source, entry, work / str(number))
        target = repo / path
        store.make_directories(target.parent)
        (work / str(number)).rename(target)
        targets.append(target)
    # New directories are entries of their parents: all of them up to the repository.
    parents = {d for target in targets for d in target.parents}
    store.sync([*targets, *(d for d in parents if d.is_relative_to(repo))])


def remove(repo: Path, paths: Iterable[str]) -> None:
    """Take files out of the pool again, and directories that this leaves empty."""
    for path in paths:
        (repo / path).unlink(missing_ok=True)
        for directory in (repo / path).parents:
            if directory == repo / "pool":
                break
            try:
                directory.rmdir()
            except OSError:
                break
