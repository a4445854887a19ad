"""The files a server has to have of a repository, in the order in which they may appear there.

An InRelease names indices, and these name packages: so packages come first, indices under their
hashes next, and what is signed last. apt asks for indices by hash, so those of the publication
before stay reachable for whoever was reading.

What makes a publication one (its manifests, and what is signed) is there a second time, under its
number. A push that broke off has replaced some of the files that readers ask for; those under the
number in publication.json are all of one publication still, and a fresh machine goes on from them.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.repository import store
from debwright.repository.model import PublicationRecord
from debwright.repository.plan import load
from debwright.repository.release import SIGNED_FILES

RECORD = "publication.json"
MANIFEST = "manifest.json"
PLACES = ("pool", "dists", "manifests")
"""Directories that are ours alone, wherever the repository is brought."""


class Step(IntEnum):
    """When a file is brought."""

    STATE = 0
    """First, for it tells our repository from one of another make."""
    POOL = 1
    BY_HASH = 2
    INDEX = 3
    SIGNED = 4
    RECORD = 5
    """Says that all of it is there."""


def is_ours(name: str) -> bool:
    """Whether what has this name at the top of a place is part of a repository."""
    return name in PLACES or name in store.TOP_FILES or name.endswith(".sources")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One file of the served tree."""

    path: str
    """Below the repository's address."""
    file: Path
    size: int
    step: Step
    sha256: str | None = None
    """Of a file of the pool that the current publication names."""

    @property
    def immutable(self) -> bool:
        """Whether a file of this name never has another content, once it was published."""
        return self.step in (Step.POOL, Step.BY_HASH)


def _nobody_asks() -> None: ...


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The current publication as a server shows it."""

    repo: Path
    record: PublicationRecord
    items: tuple[Item, ...]
    """In the order of their steps."""
    go_ahead: Callable[[], None] = _nobody_asks
    """Called by a store before it sends anything, and again right before it shows readers something
    else. Raises DebwrightError when another machine has published there since the store was looked
    at."""

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items)


@contextmanager
def linked(tree: Tree) -> Iterator[Path]:
    """The tree as a directory of hard links; a leftover goes with the next publication."""
    work = store.private(tree.repo)
    with tempfile.TemporaryDirectory(prefix="work-push-", dir=work) as directory:
        for item in tree.items:
            target = Path(directory) / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(item.file)
        yield Path(directory)


def served_tree(repo: Path) -> Tree:
    """The tree of the current publication. Called with the repository's lock held.

    Raises DebwrightError when nothing was published.
    """
    state = load(repo)
    if state is None:
        raise DebwrightError(
            f"there is no repository in {repo}",
            cause="nothing was published there",
            fix=Command("debwright", "publish"),
        )
    publication = store.publication_directory(repo, state.record.number)
    sums = {e.path: e.sha256 for manifest in state.suites.values() for e in manifest.entries}
    items = [_item(repo, file, sums) for file in (repo / "pool").rglob("*") if file.is_file()]
    items += [
        _item(publication, file, sums)
        for file in publication.rglob("*")
        if file.is_file() and file.parent != publication / "manifests"
    ]
    items += _state(publication, state.record)
    items.sort(key=lambda item: (item.step, item.path.endswith("/InRelease"), item.path))
    return Tree(repo=repo, record=state.record, items=tuple(items))


def _item(base: Path, file: Path, sums: Mapping[str, str]) -> Item:
    path = file.relative_to(base).as_posix()
    size = file.stat().st_size
    return Item(path=path, file=file, size=size, step=step_of(path), sha256=sums.get(path))


def _state(publication: Path, record: PublicationRecord) -> Iterator[Item]:
    for suite in record.suites:
        files = {name: publication / "dists" / suite / name for name in SIGNED_FILES}
        files[MANIFEST] = publication / "manifests" / f"{suite}.json"
        for name, file in files.items():
            path = f"{state_path(record.number, suite)}/{name}"
            yield Item(path=path, file=file, size=file.stat().st_size, step=Step.STATE)


def state_path(number: int, suite: str) -> str:
    """Where the manifest of a suite is, and what is signed of it, for publication `number`."""
    return f"manifests/{number:04d}/{suite}"


def step_of(path: str) -> Step:
    """When a file of this path is brought."""
    name = path.rpartition("/")[2]
    if path.startswith("pool/"):
        return Step.POOL
    if path.startswith("manifests/"):
        return Step.STATE
    if "/by-hash/" in path:
        return Step.BY_HASH
    if path.startswith("dists/") and name in ("InRelease", "Release", "Release.gpg"):
        return Step.SIGNED
    return Step.RECORD if path == RECORD else Step.INDEX
