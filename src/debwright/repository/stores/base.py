"""The seam between the repository and where it is served from."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from pydantic import ValidationError

from debwright.config import LoadedConfig
from debwright.config.section import Section
from debwright.model.errors import DebwrightError, Evidence
from debwright.repository import store as local
from debwright.repository.lineage import comes_from
from debwright.repository.manifest import SuiteManifest
from debwright.repository.model import PublicationRecord
from debwright.repository.publish import recover
from debwright.repository.stores.tree import MANIFEST, Tree, served_tree, state_path

RECORD_LIMIT = 16 * 1024 * 1024
"""Bytes of a publication.json."""


FOREIGN = b"{}"
"""What `record` gives where another tool keeps a repository: nothing that can be a record."""


class Store(Protocol):
    """A place that serves a repository. Methods raise DebwrightError in words of that place."""

    @property
    def name(self) -> str:
        """What it is called in messages, as `s3://bucket/prefix`."""

    def record(self) -> bytes | None:
        """The publication.json that is there; None when nothing is, FOREIGN for another make."""

    def push(self, tree: Tree) -> int:
        """Make the place serve `tree`; how many files were sent.

        It calls `tree.go_ahead` before it sends anything, and before readers see any of it.
        """

    def fetch(self, target: Path) -> None:
        """Copy all that is served into the empty directory `target`."""


class StoreTable(Section):
    """The table `[repository.NAME]` of a store, declared in the module NAME of this package."""

    pulled: ClassVar[int] = 9
    """Whether it is pulled from rather than from another: that with the lowest number is."""

    def open(self, loaded: LoadedConfig, /) -> Store:
        """The store. Raises DebwrightError when it cannot be asked, as without its keys."""
        raise NotImplementedError


def store_tables(loaded: LoadedConfig) -> list[StoreTable]:
    """The tables of [repository], that to pull from first; none when dist/ is all there is."""
    tables = loaded.config.given_below("repository").values()
    found = [table for table in tables if isinstance(table, StoreTable)]
    return sorted(found, key=lambda table: (table.pulled, table.table))


def configured_stores(loaded: LoadedConfig) -> list[Store]:
    """The stores of [repository]. Raises what opening one raises."""
    return [table.open(loaded) for table in store_tables(loaded)]


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What became of a store."""

    name: str
    number: int
    sent: int
    unchanged: bool


def push_all(
    repo: Path, stores: Sequence[Store], *, force: bool = False, say: local.Say = local.silent
) -> list[Pushed]:
    """Bring the current publication to every store. What is there already is not sent again.

    Raises DebwrightError when a store has a repository that is not this one's past, which would
    be lost (`force` does it nevertheless), or when it refuses.
    """
    repo = repo.absolute()
    done = []
    with local.locked(repo, say):
        recover(repo)
        tree = served_tree(repo)
        for store in stores:
            data = store.record()
            there = read_record(data, store.name)
            if not force:
                _must_follow(there, tree.record, store.name)
            unchanged = not force and there == tree.record
            guarded = replace(tree, go_ahead=partial(_must_be, store, data))
            sent = 0 if unchanged else store.push(tree if force else guarded)
            done.append(
                Pushed(name=store.name, number=tree.record.number, sent=sent, unchanged=unchanged)
            )
    return done


def is_foreign(names: Collection[str]) -> bool:
    """Whether a place without a record has a repository that is not ours.

    Ours has manifests before it has anything else that readers see, however a push broke off.
    """
    return bool({"dists", "pool"} & set(names)) and "manifests" not in names


def read_record(data: bytes | None, name: str) -> PublicationRecord | None:
    if data is None:
        return None
    try:
        return PublicationRecord.model_validate_json(data[:RECORD_LIMIT])
    except ValidationError as error:
        raise DebwrightError(
            f"{name} has something else than a repository of debwright",
            evidence=[Evidence(text=str(error).splitlines()[0], file="publication.json")],
            cause="another tool writes there, or the file was changed",
            fix="name another place, or empty this one",
        ) from error


def vouched(store: Store, read: Callable[[str], bytes | None]) -> dict[str, str]:
    """SHA-256 by path of the pool files that the publication in a store names.

    Of others there only the names are known: a push that broke off may have left a package that
    was built again since, and has the same size. `read` gets a file of the store. What cannot be
    read vouches for nothing.
    """
    try:
        record = read_record(store.record(), store.name)
    except DebwrightError:
        return {}
    known: dict[str, str] = {}
    for suite in record.suites if record is not None else ():
        assert record is not None
        data = read(f"{state_path(record.number, suite)}/{MANIFEST}")
        try:
            manifest = SuiteManifest.model_validate_json(data or b"")
        except ValidationError:
            continue
        known |= {e.path: e.sha256 for e in manifest.entries}
    return known


def _must_follow(there: PublicationRecord | None, here: PublicationRecord, name: str) -> None:
    if there is None:
        return
    if there.repository != here.repository:
        raise DebwrightError(
            f"{name} has publication {there.number} of another repository than this one",
            cause="this directory began anew, as it does on a fresh machine: what only that place "
            "has would be lost",
            fix="debwright repo pull, then publish again; or debwright repo push --force",
        )
    if not comes_from(here, there):
        raise DebwrightError(
            f"{name} has publication {there.number} of {there.created}, which this copy was not "
            "made from",
            evidence=[
                Evidence(text=f"there: publication {there.number}, {there.what}"),
                Evidence(text=f"here: publication {here.number}, {here.what}"),
            ],
            cause="another machine has published in the meantime, and a push would remove it",
            fix="debwright repo pull, then publish again",
        )


def _must_be(store: Store, seen: bytes | None) -> None:
    if store.record() != seen:
        raise DebwrightError(
            f"another machine has published to {store.name} while this one was sending",
            cause="the other was first; readers see what it has published",
            fix="debwright repo pull, then publish again",
        )
