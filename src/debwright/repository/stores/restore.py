"""Getting a repository back from a store, on a machine that has no copy of it.

What comes from a store is not believed: its signatures are checked with a key that is known, and
its manifests may name nothing that the signed indices do not.

It is put together from what carries the number in publication.json, and from indices by their
hashes: another machine's push may have broken off, and left readers' files of two publications.
"""

import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from pydantic import ValidationError

from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.model.results import Severity
from debwright.repository import diffs
from debwright.repository import store as local
from debwright.repository.describe import paragraphs
from debwright.repository.lineage import comes_from
from debwright.repository.manifest import SuiteManifest, new_state, write_manifest
from debwright.repository.model import PublicationRecord
from debwright.repository.plan import State, load
from debwright.repository.publish import recover
from debwright.repository.release import SIGNED_FILES, listed_files
from debwright.repository.stores.aside import set_aside
from debwright.repository.stores.base import Store, read_record
from debwright.repository.stores.tree import MANIFEST, RECORD, state_path
from debwright.repository.verify.repository import verify_repository

Known = dict[str, tuple[int, str]]
"""Size and SHA-256 of a pool file, by its path."""


def restore(
    repo: Path, store: Store, keyring: Path, *, discard: bool = False, say: local.Say = local.silent
) -> tuple[int, bool]:
    """Make `repo` the store's current publication; its number, and whether it was not there yet.

    `keyring` is binary. With `discard`, publications that were made here and never brought there
    are removed. Raises CheckError when what is there is not good, DebwrightError when the
    directory has another repository or such publications, or nothing is in the store.
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
        if here is not None and comes_from(here.record, there):
            return here.record.number, False
        apart = here is not None and not comes_from(there, here.record)
        with tempfile.TemporaryDirectory(prefix="work-pull-", dir=local.private(repo)) as work:
            copy = Path(work) / "copy"
            copy.mkdir()
            store.fetch(copy)
            record, files = _judge(copy, keyring, there, say)
            if here is not None and apart:
                if not discard:
                    raise _apart(here, there, files, store.name)
                set_aside(repo, here, there)
            _take(repo, copy, record, files)
        recover(repo)
        return there.number, True


def _apart(
    here: State, there: PublicationRecord, files: Collection[str], name: str
) -> DebwrightError:
    own = [e for m in here.suites.values() for e in m.entries if e.path not in files]
    lost = sorted({f"{e.package} {e.version} {e.architecture}" for e in own if e.kind == "deb"})
    return DebwrightError(
        f"publication {here.record.number} was made here and is not in {name}, which has "
        f"publication {there.number} of another machine",
        evidence=[Evidence(text=f"only here: {text}") for text in lost[:20]],
        cause="both began from one publication; only one of them can go on",
        fix="debwright repo pull --discard-unpushed, which removes what was published here alone; "
        "then publish that again",
    )


def _judge(
    copy: Path, keyring: Path, wanted: PublicationRecord, say: local.Say
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
    errors = []
    for finding in verify_repository(copy, keyring):
        if finding.code == "repository/expired":
            # Users may not take it any more; its owner has to, to sign it again.
            say(f"{finding.message}: debwright repo renew signs it again")
        elif finding.severity is Severity.ERROR:
            errors.append(finding)
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
    patches = [p for p in suite.rglob("*.diff/*.gz") if p.is_file()]
    files = [p for p in suite.rglob("*") if p.is_file() and "by-hash" not in p.parts]
    for path in [p for p in files if p not in patches]:
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
    for path in patches:
        known = diffs.read(path.with_name(diffs.INDEX))
        if known is None or path.stem not in [patch.name for patch in known.patches]:
            path.unlink()


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
    # Written again: what it says of its entries is believed from now on.
    write_manifest(path, manifest, state=new_state())
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
