"""What a publication will change, decided before anything is touched."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from debwright.keys.signing import Signer
from debwright.model.errors import CheckError, DebwrightError, Evidence
from debwright.repository import incoming, pool, store, validity
from debwright.repository.model import Entry, PublicationRecord, RepositorySettings, SuiteManifest
from debwright.repository.promises import Promise, Withdrawal, given, kept


@dataclass(frozen=True, kw_only=True)
class State:
    """A publication as it was recorded."""

    record: PublicationRecord
    suites: dict[str, SuiteManifest]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a publication will change."""

    entries: dict[str, tuple[Entry, ...]]
    """All suites, with what they will have."""
    promises: dict[str, Promise]
    """What the Release of each names."""
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
            suite: SuiteManifest.model_validate_json(
                (directory / "manifests" / f"{suite}.json").read_bytes()
            )
            for suite in record.suites
        }
    except (FileNotFoundError, ValidationError) as error:
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
) -> Plan:
    """Add what arrives; then each suite keeps the newest versions alone, if so configured."""
    suites = entries_of(before)
    published = Published(repo, before)
    same = {suite: _Packages(entries.values()) for suite, entries in suites.items()}
    added: set[str] = set()
    missing: dict[str, tuple[Path, Entry]] = {}
    for item in arriving:
        entry = item.entry
        entries = suites.setdefault(item.suite, {})
        packages = same.setdefault(item.suite, _Packages(()))
        known = published.find(entry.path)
        for other in (known, *packages.same(entry)):
            if other is not None:
                pool.refuse_change(entry, other)
        # A file that no publication names was left by a crash and is as good as none.
        if known is None or not pool.in_pool(repo, entry):
            missing[entry.path] = (_path_of(item), entry)
        if entry.path not in entries:
            entries[entry.path] = entry
            packages.add(entry)
            added.add(entry.path)
        published.add(entry)
    if not settings.sources:
        suites = {
            suite: {path: e for path, e in entries.items() if e.kind == "deb"}
            for suite, entries in suites.items()
        }
    fresh = {p: path for p, (path, _) in missing.items()}
    suites, notes = keep_newest(repo, suites, settings, fresh, added)
    kept = {path for entries in suites.values() for path in entries}
    missing = {path: source for path, source in missing.items() if path in kept}
    return replace(decide(before, suites, signer, settings, missing=missing), notes=notes)


def keep_newest(
    repo: Path, suites: dict[str, dict[str, Entry]], settings: RepositorySettings,
    arriving: Mapping[str, Path], added: Collection[str],
) -> tuple[dict[str, dict[str, Entry]], tuple[str, ...]]:  # fmt: skip
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


def entries_of(state: State | None) -> dict[str, dict[str, Entry]]:
    """The entries of each suite by their path."""
    if state is None:
        return {}
    return {s: {e.path: e for e in m.entries} for s, m in state.suites.items()}


def decide(
    before: State | None,
    suites: Mapping[str, Mapping[str, Entry]],
    signer: Signer,
    settings: RepositorySettings,
    *,
    missing: Mapping[str, tuple[Path, Entry]] | None = None,
    what: str = "publish",
    renew: bool = False,
    withdrawal: Withdrawal | None = None,
) -> Plan:
    """What has to be done so that the suites have these entries; `renew` signs all again.

    A suite that is not among them is published without packages, unless it is withdrawn.
    """
    had = entries_of(before)
    gone = {withdrawal.suite} if withdrawal is not None and withdrawal.whole else set()
    suites = {s: suites.get(s, {}) for s in dict.fromkeys([*had, *suites]) if s not in gone}
    changed = frozenset(
        suite for suite, entries in suites.items() if had.get(suite, {}).keys() != entries.keys()
    ) | (had.keys() - suites.keys())
    promises = {
        suite: _promise(before, suite, tuple(entries.values()), settings, withdrawal)
        for suite, entries in suites.items()
    }
    changed |= {s for s, p in promises.items() if s in had and p != _given(before, s)}
    old = {path for entries in had.values() for path in entries}
    new = {path for entries in suites.values() for path in entries}
    fresh = {(s, p) for s in changed for p in suites.get(s, {}).keys() - had.get(s, {}).keys()}
    publishing = bool(changed or missing)
    return Plan(
        entries={s: tuple(sorted(e.values(), key=_order)) for s, e in suites.items()},
        promises=promises,
        changed=changed,
        resigned=renew or _must_resign(before, publishing, signer, settings),
        added=tuple(sorted({path for _, path in fresh})),
        missing=dict(missing or {}),
        removed=tuple(sorted(old - new)),
        what=what,
    )


def _promise(
    before: State | None, suite: str, entries: Sequence[Entry], settings: RepositorySettings,
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


def _order(entry: Entry) -> tuple[str, str]:
    return entry.package, entry.path


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
        self._known: dict[str, Entry] = {}
        self._complete = False
        if current is not None:
            self._known.update((e.path, e) for m in current.suites.values() for e in m.entries)

    def find(self, path: str) -> Entry | None:
        # Earlier publications matter only when the file is there: most of the time it is not,
        # and their manifests need not be read.
        if path not in self._known and not self._complete and (self._repo / path).exists():
            self._read_all()
        return self._known.get(path)

    def add(self, entry: Entry) -> None:
        self._known[entry.path] = entry

    def _read_all(self) -> None:
        seen: set[int] = set()
        for number in store.publication_numbers(self._repo):
            manifests = store.publication_directory(self._repo, number) / "manifests"
            for path in manifests.glob("*.json"):
                # Unchanged manifests are hard links of the same file: read each once.
                if (inode := path.stat().st_ino) not in seen:
                    seen.add(inode)
                    manifest = SuiteManifest.model_validate_json(path.read_bytes())
                    for entry in manifest.entries:
                        self._known.setdefault(entry.path, entry)
        self._complete = True


class _Packages:
    """The packages of a suite, to find those that apt would take for one and the same."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._known: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        if entry.kind != "file":
            self._known[entry.kind, entry.package, entry.architecture].append(entry)

    def same(self, entry: Entry) -> list[Entry]:
        others = self._known.get((entry.kind, entry.package, entry.architecture), ())
        return [e for e in others if _same_version(e.version, entry.version)]


def _same_version(one: str, other: str) -> bool:
    """Whether dpkg takes two versions for the same, as it does 1.0 and 1.00."""
    if one == other:
        return True
    from debian.debian_support import Version

    return bool(Version(one) == Version(other))
