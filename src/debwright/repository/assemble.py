"""Writing a whole publication into a directory that nobody reads yet.

A suite that does not change is hard-linked from the publication before.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.repository import indices, page, release, store
from debwright.repository.model import PublicationRecord, RepositorySettings, SuiteManifest
from debwright.repository.plan import Plan, State
from debwright.repository.sources import sources_text


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One publication in the making."""

    repo: Path
    target: Path
    before: State | None
    plan: Plan
    signer: Signer
    settings: RepositorySettings

    def write(self, number: int) -> None:
        dists = self.target / "dists"
        store.make_directories(dists)
        stale = (self.plan.changed | self._other_architectures()) & self.plan.entries.keys()
        if stale:
            contents = {s: self.plan.entries[s] for s in sorted(stale)}
            indices.build(self.repo, dists, contents, self.settings)
        now = release.now_seconds()
        for suite in sorted(self.plan.entries):
            if suite in stale or self.plan.resigned:
                self._write_suite(suite, now, link_indices=suite not in stale)
            else:
                self._link_suite(suite)
        self._write_keys()
        self._write_page(number)
        record = PublicationRecord(
            number=number,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            fingerprint=self.signer.fingerprint,
            settings=self.settings,
            suites=tuple(sorted(self.plan.entries)),
            repository=(self.before and self.before.record.repository) or os.urandom(16).hex(),
            what=self.plan.what,
            removed=self.plan.removed,
        )
        _write_json(self.target / "publication.json", record.model_dump_json(indent=2))
        store.open_to_readers(self.target)

    def _other_architectures(self) -> frozenset[str]:
        """Suites that have other indices because the settings name other architectures."""
        if self.before is None:
            return frozenset()
        old = self.before.record.settings
        return frozenset(
            suite
            for suite, manifest in self.before.suites.items()
            if indices.architectures(manifest.entries, old)
            != indices.architectures(manifest.entries, self.settings)
        )

    def _write_suite(self, suite: str, now: int, *, link_indices: bool) -> None:
        directory = self.target / "dists" / suite
        entries = self.plan.entries[suite]
        old = None if self.before is None else self.before.suites.get(suite)
        if link_indices:
            store.link_tree(self._old / "dists" / suite, directory, leave_out=release.SIGNED_FILES)
        date = release.release_date(old, now)
        text = release.release_text(self.repo, directory, entries, self.settings, date)
        release.sign(directory, text, self.signer, date)
        by_hash = release.link_by_hash(directory, text)
        kept: tuple[tuple[str, ...], ...] = ()
        if old is not None:
            kept = release.keep_by_hash(directory, self._old / "dists" / suite, old)
        manifest = SuiteManifest(
            suite=suite, date=date, entries=entries, by_hash=_generations(by_hash, kept)
        )
        _write_json(self.target / "manifests" / f"{suite}.json", manifest.model_dump_json())

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
                components=tuple(indices.components(entries, self.settings)),
                with_source=any(e.kind == "dsc" for e in entries),
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
