"""Files of a package index, fetched once, checked, and kept by their hash."""

import base64
import netrc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from debwright.host.files import sha256_file
from debwright.host.http import IDENTITY, NotThere, Refused, ask, client, write
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import Evidence
from debwright.source.wheelhouse.resolve import Chosen, IndexUnreachable, WheelhouseError

if TYPE_CHECKING:
    import httpx

SIZE_LIMIT = 4 * 1024**3
"""Bytes of one file."""
AT_ONCE = 4
INDEX = RetryPolicy(attempts=3, first_pause=2.0)

Note = Callable[[str], None]


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
    note: Note = lambda _: None,
    activity: Callable[[str], None] = lambda _: None,
) -> tuple[Fetched, ...]:
    """Fetch what is not in `store` (SHA256/NAME) yet; in the order of `files`.

    Raises WheelhouseError for a file with another hash, IndexUnreachable after the last attempt.
    """
    missing = [f for f in files if _kept(f, store) is None]
    done = 0

    def one(item: Chosen, http: "httpx.Client") -> Fetched:
        nonlocal done
        made = _fetch(item, store, http, note)
        done += 1
        activity(f"fetching {done} of {len(missing)}: {item.file}")
        return made

    made: list[Fetched] = []
    if missing:
        with client() as http, ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            # What they cost is counted for the stage that waits for them.
            contexts = [copy_context() for _ in missing]
            made += pool.map(lambda c, file: c.run(one, file, http), contexts, missing)
    fetched = {(f.chosen.url, f.chosen.hashes): f for f in made}
    return tuple(fetched.get((f.url, f.hashes)) or _there(f, store) for f in files)


def _there(item: Chosen, store: Path) -> Fetched:
    found = _kept(item, store)
    assert found is not None, "it was there a moment ago, and runs that prune wait for this one"
    return found


def _kept(item: Chosen, store: Path) -> Fetched | None:
    """From the cache, where it is still what its name says: a pack brings whole directories."""
    for expected in item.hashes:
        path = store / expected / item.file
        if path.is_file() and not path.is_symlink() and sha256_file(path) == expected:
            os.utime(path)  # "last used", for pruning
            return Fetched(chosen=item, path=path, sha256=expected)
    return None


def _fetch(item: Chosen, store: Path, http: "httpx.Client", note: Note) -> Fetched:
    store.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".fetch-", dir=store)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(item.url, file, http, note)
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


def _download(url: str, file: BinaryIO, http: "httpx.Client", note: Note) -> None:
    parts, shown = urlsplit(url), _shown(url)
    if parts.scheme == "file":
        with Path(unquote(parts.path)).open("rb") as source:
            shutil.copyfileobj(source, file)
        return
    if parts.scheme not in ("http", "https"):
        raise WheelhouseError(
            f"the index names an address that is not fetched: {shown}", code="wheelhouse/address"
        )
    end = time.monotonic() + INDEX.seconds

    def take(answer: "httpx.Response") -> None:
        # What an attempt before this one has left.
        file.seek(0)
        file.truncate()
        write(answer, file, limit=SIZE_LIMIT, end=end, shown=shown)

    # Not to the machine a redirection leads to: httpx sees to that.
    login = _login(url)
    headers = IDENTITY | ({"Authorization": login} if login else {})
    try:
        ask(http, "GET", url, take, policy=INDEX, shown=shown, note=note, headers=headers)
    except (Unreachable, NotThere, Refused) as error:
        raise IndexUnreachable(
            f"{shown} could not be fetched",
            evidence=error.evidence,
            cause="the index is down or out of reach, or a proxy stands between",
            fix="try again later, or name another index: [wheelhouse] index",
        ) from error


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
