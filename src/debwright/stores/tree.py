"""The files a server has to have of a repository, in the order in which they may appear there.

An InRelease names indices, and these name packages: so packages come first, indices under their
hashes next, and what is signed last. apt asks for indices by hash, so those of the publication
before stay reachable for whoever was reading.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from debwright.errors import DebwrightError
from debwright.repo import store
from debwright.repo.model import PublicationRecord
from debwright.repo.plan import record_of

RECORD = "publication.json"


class Step(IntEnum):
    """When a file is brought."""

    POOL = 0
    BY_HASH = 1
    INDEX = 2
    SIGNED = 3
    RECORD = 4
    """Says that all of it is there."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One file of the served tree."""

    path: str
    """Below the repository's address."""
    file: Path
    size: int
    step: Step

    @property
    def immutable(self) -> bool:
        """Whether a file of this name never has another content."""
        return self.step in (Step.POOL, Step.BY_HASH)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The current publication as a server shows it."""

    repo: Path
    record: PublicationRecord
    items: tuple[Item, ...]
    """In the order of their steps."""

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
    number = store.current_number(repo)
    if number is None:
        raise DebwrightError(
            f"there is no repository in {repo}",
            cause="nothing was published there",
            fix="debwright publish",
        )
    publication = store.publication_directory(repo, number)
    items = [_item(repo, file) for file in (repo / "pool").rglob("*") if file.is_file()]
    items += [_item(publication, file) for file in publication.rglob("*") if file.is_file()]
    items.sort(key=lambda item: (item.step, item.path.endswith("/InRelease"), item.path))
    return Tree(repo=repo, record=record_of(repo, number), items=tuple(items))


def _item(base: Path, file: Path) -> Item:
    path = file.relative_to(base).as_posix()
    return Item(path=path, file=file, size=file.stat().st_size, step=step_of(path))


def step_of(path: str) -> Step:
    """When a file of this path is brought."""
    name = path.rpartition("/")[2]
    if path.startswith("pool/"):
        return Step.POOL
    if "/by-hash/" in path:
        return Step.BY_HASH
    if path.startswith("dists/") and name in ("InRelease", "Release", "Release.gpg"):
        return Step.SIGNED
    return Step.RECORD if path == RECORD else Step.INDEX
