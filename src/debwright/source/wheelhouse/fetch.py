"""Files of a package index, fetched once, checked, and kept by their hash."""

import base64
import http.client
import netrc
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from debwright.host import process, usage
from debwright.host.files import sha256_file
from debwright.model.errors import Evidence
from debwright.roots import apt
from debwright.source.wheelhouse.resolve import Chosen, IndexUnreachable, WheelhouseError

SIZE_LIMIT = 4 * 1024**3
"""Bytes of one file."""
TIMEOUT = 60.0
"""Seconds without an answer."""
AT_ONCE = 4
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file in the cache that has one of the hashes it may have."""

    chosen: Chosen
    path: Path
    sha256: str


def fetch_all(
    files: Sequence[Chosen],
    store: Path,
    *,
    note: Callable[[str], None] = lambda _: None,
    activity: Callable[[str], None] = lambda _: None,
) -> tuple[Fetched, ...]:
    """Fetch what is not in `store` (SHA256/NAME) yet; in the order of `files`.

    Raises WheelhouseError for a file with another hash, IndexUnreachable after three attempts.
    """
    missing = [f for f in files if _kept(f, store) is None]
    done = 0

    def one(item: Chosen) -> Fetched:
        nonlocal done
        made = apt.retry(lambda: _fetch(item, store), note=note)
        done += 1
        activity(f"fetching {done} of {len(missing)}: {item.file}")
        return made

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        # What they cost is counted for the stage that waits for them.
        contexts = [copy_context() for _ in missing]
        list(pool.map(lambda context, file: context.run(one, file), contexts, missing))
    return tuple(_kept(f, store) or one(f) for f in files)


def _kept(item: Chosen, store: Path) -> Fetched | None:
    """From the cache; what is there was checked before it got its name."""
    for expected in item.hashes:
        path = store / expected / item.file
        if path.is_file():
            os.utime(path)  # "last used", for pruning
            return Fetched(chosen=item, path=path, sha256=expected)
    return None


def _fetch(item: Chosen, store: Path) -> Fetched:
    store.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".fetch-", dir=store)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(item.url, file)
            file.flush()
            os.fsync(file.fileno())
        found = sha256_file(beside)
        if found not in item.hashes:
            raise WheelhouseError(
                f"{item.file} is not the file that was locked", code="wheelhouse/hash",
                evidence=[
                    Evidence(text=f"SHA-256 should be {' or '.join(item.hashes)}"),
                    Evidence(text=f"and is           {found}"),
                    Evidence(text=f"from {_shown(item.url)}"),
                ],
                cause="the index serves another file than the one that was locked, or something "
                "between changes it",
                fix="compare the file with its publisher's; do not change the lock before that",
            )  # fmt: skip
        beside.chmod(0o644)
        final = store / found / item.file
        final.parent.mkdir(exist_ok=True)
        beside.rename(final)
    finally:
        beside.unlink(missing_ok=True)
    return Fetched(chosen=item, path=final, sha256=found)


def _download(url: str, file: BinaryIO) -> None:
    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise WheelhouseError(
            f"the index names an address that is not fetched: {_shown(url)}",
            code="wheelhouse/address",
        )
    request = urllib.request.Request(url, headers={"User-Agent": "debwright"})  # noqa: S310
    if login := _login(url):
        # Not to the machine a redirection leads to.
        request.add_unredirected_header("Authorization", login)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            usage.fetched(_copy(answer, file, url))
    except (
        urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, EOFError
    ) as error:  # fmt: skip
        raise IndexUnreachable(
            f"{_shown(url)} could not be fetched",
            evidence=[Evidence(text=str(getattr(error, "reason", None) or error))],
            cause="the index is down or out of reach, or a proxy stands between",
            fix="try again later, or name another index: [wheelhouse] index",
        ) from error


def _copy(answer: Any, file: BinaryIO, url: str) -> int:
    """Write all of the answer; its bytes. Raises ConnectionError when it breaks off.

    Python takes a connection that is cut for the end of the file. Its hash would be wrong then,
    but nobody has changed the file: it is worth another attempt.
    """
    total = 0
    while block := answer.read(_BLOCK):
        process.go_on()
        total += len(block)
        if total > SIZE_LIMIT:
            raise WheelhouseError(
                f"{_shown(url)} is larger than {SIZE_LIMIT >> 30} GiB", code="wheelhouse/too-large"
            )
        file.write(block)
    promised = answer.headers.get("Content-Length") or ""
    if promised.isdecimal() and total < int(promised):
        raise ConnectionError(f"the connection ended after {total} of {promised} bytes")
    return total


def _login(url: str) -> str | None:
    """What ~/.netrc has for the address's machine, as for pip and uv."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        return None
    try:
        found = netrc.netrc().authenticators(parts.hostname)
    except (OSError, netrc.NetrcParseError):
        return None
    if found is None:
        return None
    user, _, password = found
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _shown(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:300]
