"""What changed since the import, found without importing anything."""

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_rag.config.settings import Settings
from local_rag.core.errors import NotFound, RagError
from local_rag.core.types import Change, ChangeKind
from local_rag.documents.fetch import Fetcher
from local_rag.documents.imports.sources import Found, Policy, is_url, path_of, uri_of
from local_rag.index import Store, StoredSource
from local_rag.index.jobs_table import PURGED
from local_rag.text.hashing import source_hash

Folder = tuple[Path, bool, dict[str, str]]


def watched_folders(settings: Settings) -> list[Path]:
    """Return where the watched folders really are: documents are known by where they really are."""
    return [Path(os.path.realpath(path)) for path in settings.imports.watch]


def folders_of(store: Store, settings: Settings) -> list[Folder]:
    """Return every folder that is looked into: imported ones and watched ones."""
    folders = {Path(path): (recursive, meta) for path, recursive, meta in store.jobs.folders()}
    for path in watched_folders(settings):
        folders[path] = (True, folders.get(path, (True, {}))[1])
    return [(path, recursive, meta) for path, (recursive, meta) in sorted(folders.items())]


def check_updates(
    store: Store,
    settings: Settings | None = None,
    *,
    urls: bool = False,
    only: Sequence[Path] | None = None,
    stop: threading.Event | None = None,
) -> list[Change]:
    """Compare every source with what was imported, and list what is new in its folders.

    Files whose size and time are as before count as unchanged; others are read and hashed. Web
    addresses are asked only with `urls`, since nothing goes over the network unasked. `only`
    limits the look to some folders. Documents that a person deleted are left out. Raises Stopped
    once `stop` is set while an address is asked.
    """
    return _Check(store, settings or Settings(), urls=urls, stop=stop).run(only)


class _Check:
    def __init__(
        self, store: Store, settings: Settings, *, urls: bool, stop: threading.Event | None
    ) -> None:
        self._stop = stop or threading.Event()
        self._store = store
        self._settings = settings
        self._policy = Policy(settings)
        self._urls = urls
        self._seen: dict[str, Found] = {}
        self._settled: dict[str, int] = {}
        self._rejects = store.jobs.rejects()

    def run(self, only: Sequence[Path] | None) -> list[Change]:
        folders = folders_of(self._store, self._settings)
        if only is not None:
            folders = [folder for folder in folders if folder[0] in only]
        self._walk(folders)
        changes: list[Change] = []
        known: set[str] = set()
        for stored in self._store.documents.sources():
            known.add(stored.uri)
            if only is not None and not _within(stored.uri, only):
                continue
            change = self._compare(stored)
            if change is not None:
                changes.append(change)
        if self._settled:
            # So that the next look need not read them again.
            self._store.documents.settle(self._settled)
        for uri, found in self._seen.items():
            if uri not in known and not self._rejected(found) and os.access(path_of(uri), os.R_OK):
                changes.append(Change(uri=uri, kind="new"))
        return sorted(changes, key=lambda change: change.uri)

    def _walk(self, folders: Sequence[Folder]) -> None:
        for path, recursive, _ in folders:
            try:
                real = self._policy.check(path)
            except RagError:
                continue
            for found in self._policy.walk(real, recursive=recursive):
                if found.error is None and found.skipped is None:
                    self._seen.setdefault(found.uri, found)

    def _compare(self, stored: StoredSource) -> Change | None:
        if stored.deleted and stored.deleted_reason == "user":
            return None
        kind = self._url(stored) if is_url(stored.uri) else self._file(stored)
        if stored.deleted:
            # It went away and is back, or is still gone, which was said once.
            if kind == "missing":
                return None
            kind = "new"
        return Change(uri=stored.uri, kind=kind, document_id=stored.document_id)

    def _file(self, stored: StoredSource) -> ChangeKind:
        path = path_of(stored.uri)
        found = self._seen.get(stored.uri)
        try:
            if found is None:
                facts = path.stat()
                found = Found(uri=stored.uri, size=facts.st_size, mtime_ns=facts.st_mtime_ns)
            if (found.size, found.mtime_ns) == (stored.size, stored.mtime_ns):
                return "unchanged"
            if self._rejected(found):
                return "unchanged"
            read = self._policy.read(path)
        except (FileNotFoundError, NotADirectoryError, NotFound):
            # Nobody but the service takes uploaded files away, with their documents. Where one is
            # not there, the index came from a backup, which holds the text but no files.
            return "unchanged" if self._policy.is_upload(path) else "missing"
        except (OSError, RagError):
            # Not readable now is neither gone nor changed.
            return "unchanged"
        if source_hash(stored.uri, stored.metadata, read.data) != stored.source_hash:
            return "changed"
        if read.mtime_ns is not None:
            self._settled[stored.uri] = read.mtime_ns
        return "unchanged"

    def _rejected(self, found: Found) -> bool:
        """Return whether this very state of a file could not be imported before, or was purged."""
        return self._rejects.get(found.uri) in ((found.size, found.mtime_ns), PURGED)

    def _url(self, stored: StoredSource) -> ChangeKind:
        if not self._urls:
            return "unchanged"
        fetcher = Fetcher(
            max_bytes=self._settings.imports.max_file_mb * 1_000_000,
            timeout_s=self._settings.imports.url_timeout_s,
            allow_private=self._settings.imports.allow_private_urls,
            stop=self._stop,
        )
        try:
            fetched = fetcher.fetch(stored.uri, etag=stored.etag)
        except NotFound:
            return "missing"
        except RagError:
            # A server that is down now has not lost the page.
            return "unchanged"
        if fetched.not_modified:
            return "unchanged"
        same = source_hash(stored.uri, stored.metadata, fetched.data) == stored.source_hash
        return "unchanged" if same else "changed"


def _within(uri: str, folders: Sequence[Path]) -> bool:
    return any(uri.startswith(uri_of(folder).rstrip("/") + "/") for folder in folders)


def is_away(uri: str, folders: Sequence[Path]) -> bool:
    """Return whether the watched folder of a file is gone, empty or closed: a disk not mounted.

    That its files are missing then says nothing about them.
    """
    for folder in folders:
        if _within(uri, [folder]):
            try:
                return not any(folder.iterdir())
            except OSError:
                return True
    return False


def metadata_for(uri: str, folders: Sequence[Folder]) -> Mapping[str, str]:
    """Return the metadata of the innermost folder that a file belongs to."""
    best: tuple[int, Mapping[str, str]] = (-1, {})
    for path, _, metadata in folders:
        if _within(uri, [path]) and len(str(path)) > best[0]:
            best = (len(str(path)), metadata)
    return best[1]
