"""Fetching a model file: resumable, checked, and never half there.

The bytes go to a hidden file next to the target; only a complete file with the right checksum
gets the target's name. Requests and answers: RFC 9110 sections 13.1.5 (If-Range), 14 (ranges).
"""

import fcntl
import json
import os
import re
import shutil
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import httpcore
import httpx

from local_rag.core.errors import Conflict, InvalidInput, ModelError, Unavailable
from local_rag.core.files import compute_sha256, sync_directory
from local_rag.core.network import GuardedBackend, Limits, Stopped

MAX_BYTES = 64 << 30
KEEP_FREE_BYTES = 256 << 20
ATTEMPTS = 5
TIMEOUT = httpx.Timeout(30.0, connect=15.0)
PAUSE_S = 0.5
LEAST_BYTES = 64 << 10
"""What has to come in `PATIENCE_S`; a request that brought less counts as failed."""
PATIENCE_S = 60.0
LONGEST_S = 48 * 3600.0
"""A download is given up after this long, however well it goes."""
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a partial file comes from, and which version of it."""

    url: str
    sha256: str
    validator: str | None = None


class _Partial:
    """The hidden file that grows, and the note next to it that says what it is."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def source(self) -> Source | None:
        try:
            return Source(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, source: Source) -> None:
        self._note.write_text(json.dumps(asdict(source)), encoding="utf-8")

    def clear(self) -> None:
        if self.path.exists():
            os.truncate(self.path, 0)
        self._note.unlink(missing_ok=True)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def drop_note(self) -> None:
        self._note.unlink(missing_ok=True)


def check_url(url: str) -> str:
    """Return the URL, or raise InvalidInput for one that is not http or https or holds a secret."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InvalidInput(f"this is not a URL: {error}") from error
    if parsed.scheme not in ("https", "http") or not parsed.host:
        raise InvalidInput("a model's address begins with https:// or http://")
    if parsed.userinfo:
        raise InvalidInput(
            "a model's address may not hold a user name or password",
            hint="fetch the file yourself and copy it into the models directory",
        )
    return str(parsed)


def download(
    url: str,
    target: Path,
    sha256: str,
    *,
    client: httpx.Client | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    max_bytes: int = MAX_BYTES,
    allow_private: bool = False,
) -> int:
    """Fetch a file to `target` and return its size in bytes.

    Without a `client` of its own only public addresses are connected to, unless `allow_private`;
    by a proxy of the environment, where it connects is its own affair. A download that broke off
    goes on where it was, if the server has the same file still. Raises ModelError when the
    checksum or size is wrong, Unavailable when the server cannot be reached, is too slow, or
    `stop` was set, Conflict when another download of it runs, Forbidden for an address.
    """
    url = check_url(url)
    partial = _Partial(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(partial, target.name) as handle:
        if (partial.source() or Source(url="", sha256="")).sha256 != sha256:
            partial.clear()
        limits = Limits(0, stop or threading.Event())
        own = client or _client(limits, allow_private=allow_private)
        try:
            _Fetch(own, url, sha256, partial, handle, progress, limits, max_bytes).run()
        finally:
            if client is None:
                own.close()
            if partial.size == 0:
                partial.drop()
        return _finish(partial, handle, target, sha256)


class _Guarded(httpx.HTTPTransport):
    """A transport whose connections are guarded (core/network.py)."""

    def __init__(self, backend: GuardedBackend) -> None:
        super().__init__()
        # httpx takes no backend; a test of the service notices when this name changes.
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=backend
        )


def _client(limits: Limits, *, allow_private: bool) -> httpx.Client:
    guarded = _Guarded(GuardedBackend(allow_private=allow_private, limits=limits))
    proxies = urllib.request.getproxies_environment()
    mounts: dict[str, httpx.BaseTransport | None] = {
        f"{scheme}://": httpx.HTTPTransport(proxy=proxies[scheme])
        for scheme in ("http", "https") if scheme in proxies
    }  # fmt: skip
    for host in proxies.get("no", "").split(",") if mounts else ():
        if host.strip(" .*"):
            mounts[f"all://*{host.strip(' .*')}"] = guarded
    return httpx.Client(
        transport=guarded, mounts=mounts, follow_redirects=True, timeout=TIMEOUT, max_redirects=5
    )


@contextmanager
def _locked(partial: _Partial, name: str) -> Iterator[BinaryIO]:
    with partial.path.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(f"{name} is being downloaded already", hint="wait for it") from error
        yield handle


def _finish(partial: _Partial, handle: BinaryIO, target: Path, sha256: str) -> int:
    handle.flush()
    os.fsync(handle.fileno())
    digest = compute_sha256(partial.path)
    if digest != sha256:
        partial.drop()
        raise ModelError(
            f"{target.name}: the checksum is {digest}, not {sha256}; it was deleted",
            hint="compare the checksum with the one its publisher names, then pull again",
        )
    size = partial.size
    partial.path.replace(target)
    partial.drop_note()
    sync_directory(target.parent)
    return size


class _Fetch:
    """One download with its repeated requests."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        sha256: str,
        partial: _Partial,
        handle: BinaryIO,
        progress: Progress | None,
        limits: Limits,
        max_bytes: int,
    ) -> None:
        self._client, self._url, self._sha256 = client, url, sha256
        self._partial, self._handle = partial, handle
        self._progress, self._max_bytes = progress, max_bytes
        self._limits, self._stop = limits, limits.stop

    def run(self) -> None:
        """Ask until the file is whole; a request that got some bytes does not count as a try."""
        failures = 0
        last = time.monotonic() + LONGEST_S
        while True:
            before = self._partial.size
            self._limits.end = time.monotonic() + PATIENCE_S
            try:
                self._request(before)
            except Stopped:
                raise self._stopped() from None
            except (httpx.TransportError, httpcore.TimeoutException, _Again) as error:
                came = self._partial.size - before
                failures = 1 if came >= LEAST_BYTES else failures + 1
                if failures >= ATTEMPTS or time.monotonic() > last:
                    raise Unavailable(
                        f"{self._url} cannot be fetched: {error or type(error).__name__}",
                        hint="try again; it goes on where it was",
                    ) from error
                self._wait(PAUSE_S * failures)
            else:
                return

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise self._stopped()

    def _stopped(self) -> Unavailable:
        return Unavailable("the download was stopped", hint="pull again; it goes on where it was")

    def _request(self, have: int) -> None:
        headers = {"Accept-Encoding": "identity"}
        known = self._partial.source()
        if have:
            headers["Range"] = f"bytes={have}-"
            if known and known.validator and known.url == self._url:
                headers["If-Range"] = known.validator
        with self._client.stream("GET", self._url, headers=headers) as response:
            self._refuse_downgrade(response)
            if response.status_code == 416:
                self._whole_already(response, have)
                return
            if response.status_code >= 500 or response.status_code == 429:
                raise _Again(f"the server says {response.status_code}")
            if response.status_code not in (200, 206):
                raise ModelError(
                    f"{self._url}: the server says {response.status_code} {response.reason_phrase}",
                    hint="check the address",
                )
            total = self._place(response, have)
            self._receive(response, total)

    def _refuse_downgrade(self, response: httpx.Response) -> None:
        if self._url.startswith("https:") and response.url.scheme != "https":
            raise ModelError(f"{self._url} leads to the unprotected address {response.url}")

    def _whole_already(self, response: httpx.Response, have: int) -> None:
        match = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
        if match and int(match.group(1)) == have:
            return
        self._partial.clear()
        raise _Again("the file at the server has changed")

    def _place(self, response: httpx.Response, have: int) -> int | None:
        """Return the size of the whole file; forget what we have when the server starts again."""
        if response.status_code == 206:
            match = _RANGE.match(response.headers.get("Content-Range", ""))
            if match is None or int(match.group(1)) != have:
                self._partial.clear()
                raise _Again("the server sent another part than the one asked for")
            total = None if match.group(2) == "*" else int(match.group(2))
        else:
            self._partial.clear()
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
        etag = response.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else None
        self._partial.begin(Source(url=self._url, sha256=self._sha256, validator=validator))
        self._check_room(total)
        return total

    def _check_room(self, total: int | None) -> None:
        if total is not None and total > self._max_bytes:
            raise ModelError(f"{self._url} is {total} bytes long, more than {self._max_bytes}")
        free = shutil.disk_usage(self._partial.path.parent).free
        wanted = (total or 0) - self._partial.size
        if wanted > free - KEEP_FREE_BYTES:
            raise ModelError(
                f"{wanted >> 20} MiB are to be fetched, {free >> 20} MiB are free",
                hint=f"free some space on the disk of {self._partial.path.parent}",
            )

    def _receive(self, response: httpx.Response, total: int | None) -> None:
        received = mark = self._partial.size
        for block in response.iter_raw():
            if self._stop.is_set():
                self._handle.flush()
                raise self._stopped()
            received += len(block)
            if received - mark >= LEAST_BYTES:
                mark, self._limits.end = received, time.monotonic() + PATIENCE_S
            if received > self._max_bytes or (total is not None and received > total):
                self._partial.clear()
                raise ModelError(f"{self._url}: the server sends more than it said")
            self._handle.write(block)
            self._handle.flush()
            if self._progress is not None:
                self._progress(received, total)
        if total is not None and received < total:
            raise _Again(f"the connection ended after {received} of {total} bytes")


class _Again(Exception):
    """Worth another request."""
