"""Getting a repository back from a store, on a machine that has no copy of it.

What comes from a store is not believed: its signatures are checked with a key that is known, and
its manifests may name nothing that the signed indices do not.

It is put together from what carries the number in publication.json, and from indices by their
hashes: another machine's push may have broken off, and left readers' files of two publications.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.model.results import Severity
from debwright.repository import store as local
from debwright.repository.describe import paragraphs
from debwright.repository.model import PublicationRecord, SuiteManifest
from debwright.repository.plan import load
from debwright.repository.publish import recover
from debwright.repository.release import SIGNED_FILES, listed_files
from debwright.repository.stores.base import Store, read_record
from debwright.repository.stores.tree import MANIFEST, RECORD, state_path
from debwright.repository.verify.repository import verify_repository

Known = dict[str, tuple[int, str]]
"""Size and SHA-256 of a pool file, by its path."""


def restore(
    repo: Path, store: Store, keyring: Path, *, say: local.Say = local.silent
) -> tuple[int, bool]:
    """Make `repo` the store's current publication; its number, and whether it was not there yet.

    `keyring` is binary. Raises CheckError when what is there is not good, DebwrightError when the
    directory has another repository, or nothing is in the store.
    """
    repo = repo.absolute()
    local.make_directories(repo)
    with local.locked(repo, say):
        recover(repo)
        there = read_record(store.record(), store.name)
        if there is None:
            raise DebwrightError(
                f"nothing is in {store.name} yet", fix="debwright publish, which brings it there"
            )
        here = load(repo)
        if here is not None and here.record.repository != there.repository:
            raise DebwrightError(
                f"{repo} has another repository than {store.name}",
                cause="it was made here, without knowing of the other",
                fix=f"move {repo} away and run the same command again",
            )
        if here is not None and here.record.number >= there.number:
            return here.record.number, False
        with tempfile.TemporaryDirectory(prefix="work-pull-", dir=local.private(repo)) as work:
            copy = Path(work) / "copy"
            copy.mkdir()
            store.fetch(copy)
            _take(repo, copy, *_judge(copy, keyring, there))
        recover(repo)
        return there.number, True


def _judge(
    copy: Path, keyring: Path, wanted: PublicationRecord
) -> tuple[PublicationRecord, set[str]]:
    """The record, and the files of the pool that its manifests name."""
    if links := [path for path in copy.rglob("*") if path.is_symlink()]:
        raise _bad(f"it has a symbolic link, {links[0].relative_to(copy)}")
    try:
        record = read_record((copy / RECORD).read_bytes(), "what was fetched")
    except OSError:
        record = None
    if record != wanted:
        raise DebwrightError(
            "the store has changed while it was read", fix="run the same command again"
        )
    try:
        _put_together(copy, wanted)
    except OSError as error:
        raise _bad(f"publication {wanted.number} is not all there", str(error)[:300]) from error
    errors = [f for f in verify_repository(copy, keyring) if f.severity is Severity.ERROR]
    if errors:
        raise _bad(errors[0].message, *(e.text for f in errors[:5] for e in f.evidence))
    return wanted, {path for suite in wanted.suites for path in _judge_manifest(copy, suite)}


def _put_together(copy: Path, record: PublicationRecord) -> None:
    """Make the suites those of the publication, whatever a push that broke off has replaced."""
    for place in (copy / "dists").iterdir():
        if place.name not in record.suites:
            shutil.rmtree(place)
    aside = copy / "manifests"
    states = aside.rename(copy / ".manifests")
    aside.mkdir()
    for suite in record.suites:
        state = states / Path(state_path(record.number, suite)).relative_to("manifests")
        place = copy / "dists" / suite
        place.mkdir(exist_ok=True)
        for name in SIGNED_FILES:
            (state / name).replace(place / name)
        (state / MANIFEST).rename(aside / f"{suite}.json")
        _take_by_hash(place)
    shutil.rmtree(states)


def _take_by_hash(suite: Path) -> None:
    """Give a suite the indices that its Release names. Whether they are those is judged later."""
    listed = {name: sha256 for name, _, sha256 in listed_files((suite / "Release").read_bytes())}
    for path in [p for p in suite.rglob("*") if p.is_file() and "by-hash" not in p.parts]:
        name = path.relative_to(suite).as_posix()
        if name not in listed and name not in SIGNED_FILES:
            path.unlink()
    for name, sha256 in listed.items():
        place = suite / name
        by_hash = place.parent / "by-hash" / "SHA256" / sha256
        inside = place.resolve().is_relative_to(suite.resolve())
        if not inside or re.fullmatch(r"[0-9a-f]{64}", sha256) is None:
            raise _bad(f"its suite {suite.name} names an index {name!r}")
        place.unlink(missing_ok=True)
        place.hardlink_to(by_hash)


def _judge_manifest(copy: Path, suite: str) -> set[str]:
    """Every entry must be in a signed index, and every file of these an entry; their paths."""
    path = copy / "manifests" / f"{suite}.json"
    try:
        manifest = SuiteManifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _bad(f"its manifest of {suite} cannot be used", str(error)[:300]) from error
    known: Known = {}
    for index in (copy / "dists" / suite).glob("*/*/*"):
        if index.name == "Packages":
            for fields, _ in paragraphs(index):
                known[fields["Filename"]] = (int(fields["Size"]), fields["SHA256"])
        elif index.name == "Sources":
            known |= _of_sources(index)
    said = {e.path: (e.size, e.sha256) for e in manifest.entries}
    if manifest.suite != suite or said != known:
        wrong = sorted(p for p in said.keys() | known.keys() if said.get(p) != known.get(p))
        raise _bad(f"its manifest of {suite} is not what its signed indices say", *wrong[:5])
    return set(said)


def _of_sources(index: Path) -> Mapping[str, tuple[int, str]]:
    from debian.deb822 import Sources

    found: Known = {}
    with index.open("rb") as stream:
        for record in Sources.iter_paragraphs(stream, use_apt_pkg=False):
            for row in record.get("Checksums-Sha256", []):
                found[f"{record['Directory']}/{row['name']}"] = (int(row["size"]), row["sha256"])
    return found


def _take(repo: Path, copy: Path, record: PublicationRecord, pool: set[str]) -> None:
    """Make the copy the current publication. What it does not name in the pool is left behind:
    nothing here would ever remove it, as what is only in earlier publications is by these."""
    for path in sorted(pool):
        target = repo / path
        local.make_directories(target.parent)
        (copy / path).chmod(0o644)
        (copy / path).rename(target)
    shutil.rmtree(copy / "pool")
    local.open_to_readers(copy)
    local.sync(local.tree_paths(repo))
    final = local.publication_directory(repo, record.number)
    local.make_directories(final.parent)
    copy.rename(final)
    local.sync([final.parent])
    local.switch(repo, record.number)


def _bad(why: str, *evidence: str) -> CheckError:
    return CheckError(
        f"what the store has cannot be trusted: {why}",
        evidence=[Evidence(text=text) for text in evidence],
        cause="it was altered there, or is signed with another key",
        fix="debwright verify --suite SUITE URL, which shows more",
    )
