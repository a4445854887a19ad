"""Writing a whole publication into a directory that nobody reads yet.

A suite that does not change is hard-linked from the publication before.
"""

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.repository import indices, lineage, page, release, store, validity
from debwright.repository.manifest import SuiteManifest, new_state, write_manifest
from debwright.repository.model import PublicationRecord, RepositorySettings
from debwright.repository.plan import Plan, State
from debwright.repository.sources import sources_text
from debwright.repository.written import verify_written


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One publication in the making."""

    repo: Path
    target: Path
    before: State | None
    plan: Plan
    signer: Signer
    settings: RepositorySettings
    say: store.Say = store.silent

    def write(self, number: int) -> None:
        dists = self.target / "dists"
        store.make_directories(dists)
        stale = self.plan.changed & self.plan.entries.keys()
        if stale:
            changes = {suite: self._change(suite, number) for suite in sorted(stale)}
            indices.build(self.repo, dists, changes, self.plan.entries)
        now = release.now_seconds()
        signed = stale | (self.plan.entries.keys() if self.plan.resigned else frozenset())
        for suite in sorted(self.plan.entries):
            if suite in signed:
                self._write_suite(suite, now, link_indices=suite not in stale)
            else:
                self._link_suite(suite)
        self._write_keys()
        verify_written(self.target, sorted(signed), store.work_directory(self.repo))
        self._write_page(number)
        record = PublicationRecord(
            number=number,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            fingerprint=self.signer.fingerprint,
            signs_with=self.signer.signs_with,
            public_key=hashlib.sha256(self.signer.public_key()).hexdigest(),
            settings=self.settings,
            suites=tuple(sorted(self.plan.entries)),
            repository=(self.before and self.before.record.repository) or os.urandom(16).hex(),
            what=self.plan.what,
            removed=self.plan.removed,
            identity=lineage.new_identity(),
            ancestors=lineage.ancestors_after(
                self.repo, self.before.record if self.before is not None else None
            ),
        )
        _write_json(self.target / "publication.json", record.model_dump_json(indent=2))
        store.open_to_readers(self.target)

    def _change(self, suite: str, number: int) -> indices.SuiteChange:
        old = None if self.before is None else self.before.suites.get(suite)
        return indices.SuiteChange(
            entries=self.plan.entries[suite], state=self._states[suite],
            before=old.entries.state if old is not None else "",
            changes=self.plan.changes[suite], promise=self.plan.promises[suite], number=number,
            published=self._old / "dists" / suite if old is not None else None,
        )  # fmt: skip

    @cached_property
    def _states(self) -> dict[str, str]:
        """What the entries of each suite are known by from now on."""
        return {
            suite: new_state() if each or not entries.state else entries.state
            for suite, entries in self.plan.entries.items()
            for each in [self.plan.changes[suite]]
        }

    def _write_suite(self, suite: str, now: int, *, link_indices: bool) -> None:
        directory = self.target / "dists" / suite
        entries, promise = self.plan.entries[suite], self.plan.promises[suite]
        old = None if self.before is None else self.before.suites.get(suite)
        if link_indices:
            store.link_tree(self._old / "dists" / suite, directory, leave_out=release.SIGNED_FILES)
        date = release.release_date(old, now, self.say)
        until = validity.end_of(date, self.settings.valid_days)
        text = release.release_text(
            self.repo, directory, promise, self.settings, date=date, valid_until=until
        )
        release.sign(directory, text, self.signer, date)
        by_hash = release.link_by_hash(directory, text)
        kept: tuple[tuple[str, ...], ...] = ()
        if old is not None:
            kept = release.keep_by_hash(directory, self._old / "dists" / suite, old)
        manifest = SuiteManifest(
            suite=suite, date=date, valid_until=until, entries=entries,
            by_hash=_generations(by_hash, kept), architectures=promise.architectures,
            components=promise.components, phasing=self.plan.phasing[suite],
        )  # fmt: skip
        path = self.target / "manifests" / f"{suite}.json"
        store.make_directories(path.parent)
        write_manifest(path, manifest, state=self._states[suite])

    def _link_suite(self, suite: str) -> None:
        store.link_tree(self._old / "dists" / suite, self.target / "dists" / suite)
        manifest = Path("manifests") / f"{suite}.json"
        store.make_directories(self.target / "manifests")
        (self.target / manifest).hardlink_to(self._old / manifest)

    def _write_keys(self) -> None:
        armored = self.signer.public_key_armored()
        (self.target / "key.asc").write_bytes(armored)
        (self.target / "key.gpg").write_bytes(self.signer.public_key())
        for suite, entries in self.plan.entries.items():
            text = sources_text(
                self.settings,
                self.repo,
                suite,
                key=armored.decode("ascii"),
                components=self.plan.promises[suite].components,
                with_source=entries.has_sources,
            )
            name = f"{self.settings.name}-{suite}.sources"
            (self.target / name).write_text(text, encoding="utf-8")

    def _write_page(self, number: int) -> None:
        text = page.page(
            self.settings, self.repo, self.plan.entries, self.signer.fingerprint,
            key=self.signer.public_key_armored().decode("ascii"), number=number,
        )  # fmt: skip
        (self.target / page.NAME).write_text(text, encoding="utf-8")

    @property
    def _old(self) -> Path:
        assert self.before is not None
        return store.publication_directory(self.repo, self.before.record.number)


def _generations(
    by_hash: tuple[str, ...], kept: tuple[tuple[str, ...], ...]
) -> tuple[tuple[str, ...], ...]:
    """Put the new by-hash files in front; a mere new signature is no new generation."""
    if kept and kept[0] == by_hash:
        return kept
    return (by_hash, *kept)


def _write_json(path: Path, text: str) -> None:
    store.make_directories(path.parent)
    path.write_text(text + "\n", encoding="utf-8")
