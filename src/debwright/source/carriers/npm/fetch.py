"""Tarballs of a registry, fetched once, checked, and kept by their hash."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from debwright.host.http import (
    IDENTITY,
    InvalidAddress,
    NotThere,
    Refused,
    ask,
    client,
    read,
    write,
)
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import Evidence
from debwright.source.carriers.npm.model import (
    Integrity,
    Locked,
    NpmError,
    Platform,
    RegistryUnreachable,
    best,
    integrity,
)
from debwright.source.carriers.npm.registry import Registry

if TYPE_CHECKING:
    import httpx

SIZE_LIMIT = 1024**3
"""Bytes of one tarball."""
ABOUT_LIMIT = 8 * 1024**2
AT_ONCE = 8
POLICY = RetryPolicy(attempts=3, first_pause=2.0)

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A tarball in the cache that has the hash it must have."""

    package: Locked
    path: Path
    sha512: str


def file_name(package: Locked) -> str:
    return f"{package.name.removeprefix('@').replace('/', '+')}-{package.version}.tgz"


def completed(
    packages: Sequence[Locked], registry: Registry, store: Path, *, note: Say, activity: Say
) -> list[Locked]:
    """`packages` with what their lock does not say: the hash, and the platform of optional ones.

    The registry is asked once for each; a version's description does not change. Raises NpmError
    where even the registry has no hash.
    """

    def is_missing(package: Locked) -> bool:
        return package.integrity is None or (package.optional and package.platform is None)

    def complete(package: Locked, http: "httpx.Client") -> Locked:
        about = _description(package, registry, store, http, note)
        dist = about["dist"]
        shasum = {"sha1": str(dist.get("shasum") or "")}
        found = package.integrity or integrity(dist.get("integrity")) or best(shasum)
        if found is None:
            raise NpmError(
                f"nobody says what {package.name} {package.version} hashes to",
                code="npm/no-hash",
                cause="the lock has no integrity for it, nor has the registry",
                fix="npm install --package-lock-only",
            )
        return replace(package, integrity=found, platform=package.platform or _platform(about))

    asked = [p for p in packages if is_missing(p)]
    done = iter(_all(asked, complete, activity, "asking the registry"))
    return [next(done) if is_missing(p) else p for p in packages]


def _platform(about: dict[str, Any]) -> Platform:
    return Platform(
        **{kind: tuple(map(str, about.get(kind) or ())) for kind in ("os", "cpu", "libc")}
    )


def _description(
    package: Locked, registry: Registry, store: Path, http: "httpx.Client", note: Say
) -> dict[str, Any]:
    kept = store / "described" / f"{file_name(package)}.json"
    try:
        known = json.loads(kept.read_text())
    except (OSError, ValueError):
        url = registry.description(package)
        content = _get(registry, url, http, note, lambda a: read(a, limit=ABOUT_LIMIT))
        full = json.loads(content)
        known = {key: full.get(key) for key in ("dist", "os", "cpu", "libc")}
        known["dist"] = {k: (known["dist"] or {}).get(k) for k in ("integrity", "shasum")}
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(known))
    return dict(known)


def fetch_all(
    packages: Sequence[Locked], registry: Registry, store: Path, *, note: Say, activity: Say
) -> list[Fetched]:
    """Fetch what is not in `store` (HASH/NAME) yet; in the order of `packages`.

    Raises NpmError for a tarball with another hash, RegistryUnreachable after the last attempt.
    """
    unique = {(str(p.integrity), file_name(p)): p for p in packages}
    missing = [p for p in unique.values() if not _place(p, store).is_file()]

    def one(package: Locked, http: "httpx.Client") -> None:
        _fetch(package, registry, store, http, note)

    _all(missing, one, activity, "fetching")
    sums = {key: _sha512(_place(p, store)) for key, p in unique.items()}
    return [
        Fetched(
            package=p, path=_place(p, store), sha512=sums[str(p.integrity), file_name(p)]
        )
        for p in packages
    ]  # fmt: skip


def _place(package: Locked, store: Path) -> Path:
    assert package.integrity is not None
    return store / package.integrity.hexdigest / file_name(package)


def _sha512(path: Path) -> str:
    os.utime(path)  # "last used", for pruning
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def _all(
    packages: Sequence[Locked],
    work: Callable[[Locked, "httpx.Client"], T],
    activity: Say,
    what: str,
) -> list[T]:
    """`work` for all packages, several at once; what they cost counts for the stage that waits."""
    if not packages:
        return []
    done = 0

    def one(package: Locked, http: "httpx.Client") -> T:
        nonlocal done
        made = work(package, http)
        done += 1
        activity(f"{what}: {done} of {len(packages)}, {package.name}")
        return made

    with client() as http, ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        contexts = [copy_context() for _ in packages]
        return list(pool.map(lambda c, package: c.run(one, package, http), contexts, packages))


def _fetch(
    package: Locked, registry: Registry, store: Path, http: "httpx.Client", note: Say
) -> None:
    store.mkdir(parents=True, exist_ok=True)
    url = registry.tarball(package)
    handle, name = tempfile.mkstemp(prefix=".fetch-", dir=store)
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            _download(registry, url, file, http, note)
            file.flush()
            os.fsync(file.fileno())
        _check(package, staged)
        staged.chmod(0o644)
        final = _place(package, store)
        final.parent.mkdir(exist_ok=True)
        staged.rename(final)
    finally:
        staged.unlink(missing_ok=True)


def _check(package: Locked, path: Path) -> None:
    wanted = package.integrity
    assert wanted is not None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, wanted.algorithm).hexdigest()
    found = Integrity(algorithm=wanted.algorithm, hexdigest=digest)
    if found != wanted:
        raise NpmError(
            f"{file_name(package)} is not the file that was locked",
            code="npm/hash",
            evidence=[
                Evidence(text=f"should be {wanted}"),
                Evidence(text=f"and is    {found}"),
            ],
            cause="the registry serves another file than the one that was locked, or something "
            "between changes it",
            fix="compare the file with its publisher's; do not change the lock before that",
        )


def _download(
    registry: Registry, url: str, file: BinaryIO, http: "httpx.Client", note: Say
) -> None:
    end = time.monotonic() + POLICY.seconds

    def take(answer: "httpx.Response") -> None:
        # What an attempt before this one has left.
        file.seek(0)
        file.truncate()
        write(answer, file, limit=SIZE_LIMIT, end=end, shown=_shown(url))

    _get(registry, url, http, note, take)


def _get(
    registry: Registry, url: str, http: "httpx.Client", note: Say,
    take: Callable[["httpx.Response"], T],
) -> T:  # fmt: skip
    shown = _shown(url)
    # Not to the machine a redirection leads to: httpx sees to that.
    login = registry.login(url)
    headers = IDENTITY | ({"Authorization": login} if login else {})
    try:
        return ask(http, "GET", url, take, policy=POLICY, shown=shown, note=note, headers=headers)
    except (Unreachable, NotThere, Refused, InvalidAddress) as error:
        raise RegistryUnreachable(
            f"{shown} could not be fetched",
            evidence=error.evidence,
            cause="the registry is down or out of reach, or does not have it",
            fix="npm ping; another registry is named by [npm] registry",
        ) from error


def _shown(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:300]
