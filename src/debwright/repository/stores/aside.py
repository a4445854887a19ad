"""Giving up publications that another machine's have overtaken.

Readers of this directory see the old or the new publication throughout: the current one gets a
number of its own before the other machine's takes its place.
"""

import json
from pathlib import Path

from debwright.repository import lineage, store
from debwright.repository.manifest import read_manifest
from debwright.repository.model import PublicationRecord
from debwright.repository.plan import State, record_of
from debwright.repository.publish import GARBAGE


def set_aside(repo: Path, here: State, there: PublicationRecord) -> None:
    """Let the publications that `there` was not made from go as soon as it is the current one.

    Called with the lock held. A kill in between leaves the publication that was current.
    """
    kept = {lineage.identity(there), *there.ancestors}
    numbers = store.publication_numbers(repo)
    gone = [n for n in numbers if lineage.identity(record_of(repo, n)) not in kept]
    parked = max([*numbers, there.number]) + 1
    _park(repo, here, parked)
    files = {path for number in [*gone, parked] for path in _files(repo, number)}
    for number in gone:
        store.remove_publication(repo, number)
    data = json.dumps({"publications": [parked], "pool": sorted(files)})
    store.write_durably(store.private(repo) / GARBAGE, data.encode())


def _park(repo: Path, here: State, number: int) -> None:
    """Give the current publication another number."""
    old = store.publication_directory(repo, here.record.number)
    new = store.publication_directory(repo, number)
    work = store.work_directory(repo) / "parked"
    store.link_tree(old, work, leave_out=["publication.json"])
    record = here.record.model_copy(update={"number": number})
    (work / "publication.json").write_text(record.model_dump_json(indent=2) + "\n")
    store.open_to_readers(work)
    store.sync(store.tree_paths(work))
    work.rename(new)
    store.switch(repo, number)


def _files(repo: Path, number: int) -> set[str]:
    """The pool files that a publication names."""
    manifests = store.publication_directory(repo, number) / "manifests"
    found = [read_manifest(path) for path in manifests.glob("*.json")]
    return {entry.path for manifest in found for entry in manifest.entries}
