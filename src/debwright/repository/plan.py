"""What a publication will change, decided before anything is touched."""

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from debwright.keys.signing import Signer
from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.repository import incoming, pool, store, validity
from debwright.repository.entries import Changes, Entries, changes
from debwright.repository.manifest import SuiteManifest, read_manifest
from debwright.repository.model import Entry, PublicationRecord, RepositorySettings
from debwright.repository.phases import Phasing, phased, raised
from debwright.repository.promises import Promise, Withdrawal, given, kept


@dataclass(frozen=True, kw_only=True)
class State:
    """A publication as it was recorded."""

    record: PublicationRecord
    suites: dict[str, SuiteManifest]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a publication will change."""

    entries: dict[str, Entries]
    """All suites, with what they will have."""
    changes: dict[str, Changes]
    """What is other in each than before."""
    promises: dict[str, Promise]
    """What the Release of each names."""
    phasing: dict[str, tuple[Phasing, ...]]
    """What is still to become of packages of each that not all machines get yet."""
    changed: frozenset[str]
    """Suites whose indices change."""
    resigned: bool
    """Every suite gets a new Release: key or settings are others, or its time is soon over."""
    added: tuple[str, ...]
    missing: dict[str, tuple[Path, Entry]]
    """Files the pool does not have."""
    removed: tuple[str, ...] = ()
    """Files that some suite had, and none will have."""
    what: str = "publish"
    """What is done, in words."""
    notes: tuple[str, ...] = ()
    """What people should know of it: versions that are dropped, or are not though they are old."""


def load(repo: Path, number: int | None = None) -> State | None:
    """The record of a publication, by default the current one; None when there is none."""
    number = store.current_number(repo) if number is None else number
    if number is None:
        return None
    directory = store.publication_directory(repo, number)
    record = record_of(repo, number)
    try:
        suites = {
            suite: read_manifest(directory / "manifests" / f"{suite}.json")
            for suite in record.suites
        }
    except (FileNotFoundError, ValueError) as error:
        raise _unreadable(repo, number, error) from error
    return State(record=record, suites=suites)


def record_of(repo: Path, number: int) -> PublicationRecord:
    """What publication `number` was made with. Raises DebwrightError when it is not readable."""
    path = store.publication_directory(repo, number) / "publication.json"
    try:
        return PublicationRecord.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise _unreadable(repo, number, error) from error


def published_settings(repo: Path) -> RepositorySettings | None:
    """What the current publication was made with; None when there is none."""
    number = store.current_number(repo)
    return record_of(repo, number).settings if number is not None else None


def _unreadable(repo: Path, number: int, error: Exception) -> DebwrightError:
    return DebwrightError(
        f"publication {number} in {repo} has no readable record",
        evidence=[
            Evidence(
                text=str(error).splitlines()[0],
                file=str(store.publication_directory(repo, number)),
            )
        ],
        cause="files below publications/ were changed or removed by hand",
        fix=f"move {repo} away and publish all packages again",
    )


def make_plan(
    repo: Path,
    before: State | None,
    arriving: Iterable[incoming.Incoming],
    signer: Signer,
    settings: RepositorySettings,
    *,
    percent: int | None = None,
) -> Plan:
    """Add what arrives; then each suite keeps the newest versions alone, if so configured.

    `percent` is of the machines that get it at once; None for all.
    """
    suites = entries_of(before)
    published = Published(repo, before)
    drafts: dict[str, _Draft] = {}
    missing: dict[str, tuple[Path, Entry]] = {}
    for item in arriving:
        entry = item.entry
        draft = drafts.setdefault(item.suite, _Draft(suites.get(item.suite, Entries())))
        known = published.find(entry.path)
        for other in (known, *draft.same(entry)):
            if other is not None:
                pool.refuse_change(entry, other)
        # A file that no publication names was left by a crash and is as good as none.
        if known is None or not pool.in_pool(repo, entry):
            missing[entry.path] = (_path_of(item), entry)
        draft.add(*phased([entry], percent))
        published.add(entry)
    suites |= {suite: draft.done() for suite, draft in drafts.items()}
    if not settings.sources:
        suites = {
            suite: e.changed(removed=[i for i in e if i.kind != "deb"])
            if any(kind != "deb" for kind, _, _ in e.tally)
            else e
            for suite, e in suites.items()
        }
    fresh = {p: path for p, (path, _) in missing.items()}
    added = {path for draft in drafts.values() for path in draft.added}
    suites, notes = keep_newest(repo, suites, settings, fresh, added)
    missing = {
        path: source for path, source in missing.items()
        if any(entries.get(path) for entries in suites.values())
    }  # fmt: skip
    return replace(decide(before, suites, signer, settings, missing=missing), notes=notes)


def keep_newest(
    repo: Path, suites: dict[str, Entries], settings: RepositorySettings,
    arriving: Mapping[str, Path], added: Collection[str],
) -> tuple[dict[str, Entries], tuple[str, ...]]:  # fmt: skip
    """The suites with the versions that they keep, and what goes or is held, in words."""
    if not settings.keep_versions:
        return suites, ()
    from debwright.repository.versions import newest

    number = settings.keep_versions
    kept = {
        s: newest(repo, s, e, number, arriving=arriving, added=added) for s, e in suites.items()
    }
    notes = [
        f"{suite}: {text}"
        for suite, each in kept.items()
        for text in (
            *(f"dropped {d}: repository.keep is {number}" for d in each.dropped),
            *(f"kept {held}" for held in each.held),
        )
    ]
    return {suite: each.entries for suite, each in kept.items()}, tuple(notes)


def entries_of(state: State | None) -> dict[str, Entries]:
    """The entries of each suite."""
    if state is None:
        return {}
    return {suite: manifest.entries for suite, manifest in state.suites.items()}


def decide(
    before: State | None,
    suites: Mapping[str, Entries],
    signer: Signer,
    settings: RepositorySettings,
    *,
    missing: Mapping[str, tuple[Path, Entry]] | None = None,
    what: str = "publish",
    renew: bool = False,
    withdrawal: Withdrawal | None = None,
    phasing: Mapping[str, tuple[Phasing, ...]] | None = None,
) -> Plan:
    """What has to be done so that the suites have these entries; `renew` signs all again.

    Packages that are phased get the percentage that is due by now; `phasing` is what takes the
    place of what was to become of them. A suite that is not among `suites` is published without
    packages, unless it is withdrawn.
    """
    had = entries_of(before)
    gone = {withdrawal.suite} if withdrawal is not None and withdrawal.whole else set()
    empty = Entries()
    suites = {s: suites.get(s, empty) for s in dict.fromkeys([*had, *suites]) if s not in gone}
    to_come = {s: m.phasing for s, m in (before.suites if before else {}).items()}
    to_come |= phasing or {}
    by_now = {s: raised(e, to_come.get(s, ()), time.time()) for s, e in suites.items()}
    suites = {suite: entries for suite, (entries, _) in by_now.items()}
    made = {suite: changes(had.get(suite, empty), e) for suite, e in suites.items()}
    changed = frozenset(s for s, each in made.items() if each) | (had.keys() - suites.keys())
    promises = {
        suite: _promise(before, suite, entries, settings, withdrawal)
        for suite, entries in suites.items()
    }
    changed |= {s for s, p in promises.items() if s in had and p != _given(before, s)}
    # A plan for later is no change of what apt reads, and has to be written all the same.
    changed |= {s for s in phasing or {} if s in had}
    added = {
        e.path for suite, each in made.items() for e in each.added
        if had.get(suite, empty).get(e.path) is None
    }  # fmt: skip
    left = [e.path for each in made.values() for e in each.removed]
    left += [e.path for s in had.keys() - suites.keys() for e in had[s]]
    return Plan(
        entries=suites,
        changes=made,
        promises=promises,
        phasing={suite: left for suite, (_, left) in by_now.items()},
        changed=changed,
        resigned=renew or _must_resign(before, bool(changed or missing), signer, settings),
        added=tuple(sorted(added)),
        missing=dict(missing or {}),
        removed=tuple(sorted({p for p in left if not any(e.get(p) for e in suites.values())})),
        what=what,
    )


def _promise(
    before: State | None, suite: str, entries: Entries, settings: RepositorySettings,
    withdrawal: Withdrawal | None,
) -> Promise:  # fmt: skip
    own = withdrawal if withdrawal is not None and withdrawal.suite == suite else None
    return kept(_given(before, suite), entries, settings, own)


def _given(before: State | None, suite: str) -> Promise | None:
    """What the suite names now."""
    if before is None or suite not in before.suites:
        return None
    return given(before.suites[suite], before.record.settings)


def _must_resign(
    before: State | None, publishing: bool, signer: Signer, settings: RepositorySettings
) -> bool:
    if before is None:
        return False
    if visible(before.record.settings) != visible(settings):
        return True
    # A throw-away key is new in each run: on its own it is no reason to publish.
    if signer.throwaway and not publishing:
        return False
    return _other_key(before.record, signer) or validity.is_due(before.suites.values(), settings)


def _other_key(record: PublicationRecord, signer: Signer) -> bool:
    """Whether the key is another one, signs with another part, or has another end."""
    if record.fingerprint != signer.fingerprint:
        return True
    if not record.signs_with:
        return False  # of old: it says no more
    digest = hashlib.sha256(signer.public_key()).hexdigest()
    return (record.signs_with, record.public_key) != (signer.signs_with, digest)


def visible(settings: RepositorySettings) -> RepositorySettings:
    """The settings without those that no published file shows."""
    return settings.model_copy(update={"keep": 1, "keep_versions": 0, "sources": True})


def _path_of(item: incoming.Incoming) -> Path:
    if item.path is None:
        name = Path(item.entry.path).name
        raise CheckError(
            f"{name} is missing",
            evidence=[Evidence(text=f"source package {item.entry.source} {item.entry.version}")],
            cause="the .dsc names it, and it is neither beside the .dsc nor in the pool",
            fix=f"put {name} beside the .dsc",
        )
    return item.path


class Published:
    """Every pool file that a publication on disk names: none of them may change."""

    def __init__(self, repo: Path, current: State | None) -> None:
        self._repo = repo
        self._fresh: dict[str, Entry] = {}
        self._current = list(entries_of(current).values())
        self._earlier: list[Entries] | None = None

    def find(self, path: str) -> Entry | None:
        if path in self._fresh:
            return self._fresh[path]
        found = _first(self._current, path)
        # Earlier publications matter only when the file is there: most of the time it is not,
        # and their manifests need not be read.
        if found is None and (self._repo / path).exists():
            found = _first(self._all(), path)
        return found

    def add(self, entry: Entry) -> None:
        self._fresh[entry.path] = entry

    def _all(self) -> list[Entries]:
        if self._earlier is None:
            self._earlier = []
            seen: set[int] = set()
            for number in store.publication_numbers(self._repo):
                manifests = store.publication_directory(self._repo, number) / "manifests"
                for path in manifests.glob("*.json"):
                    # Unchanged manifests are hard links of the same file: read each once.
                    if (inode := path.stat().st_ino) not in seen:
                        seen.add(inode)
                        self._earlier.append(read_manifest(path).entries)
        return self._earlier


def _first(all_entries: Iterable[Entries], path: str) -> Entry | None:
    return next((e for entries in all_entries if (e := entries.get(path)) is not None), None)


@dataclass(frozen=True)
class _Draft:
    """A suite to which packages come."""

    before: Entries
    added: dict[str, Entry] = field(default_factory=dict)
    _by_name: dict[str, list[Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        # What it has already stays as it is: it may be phased.
        if entry.path not in self.added and self.before.get(entry.path) is None:
            self.added[entry.path] = entry
            self._by_name.setdefault(entry.package, []).append(entry)

    def done(self) -> Entries:
        return self.before.changed(added=self.added.values()) if self.added else self.before

    def same(self, entry: Entry) -> list[Entry]:
        """Those that apt would take for one and the same."""
        if entry.kind == "file":
            return []
        others = [*self.before.named(entry.package), *self._by_name.get(entry.package, ())]
        return [
            e for e in others
            if (e.kind, e.architecture) == (entry.kind, entry.architecture)
            and _same_version(e.version, entry.version)
        ]  # fmt: skip


def _same_version(one: str, other: str) -> bool:
    """Whether dpkg takes two versions for the same, as it does 1.0 and 1.00."""
    if one == other:
        return True
    from debian.debian_support import Version

    return bool(Version(one) == Version(other))
