"""S3 and what speaks its language: MinIO, Ceph, R2, Garage and others."""

import contextlib
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from debwright.host.files import sha256_file
from debwright.host.http import CHUNK, CONNECT_SECONDS, USER_AGENT
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.repository.stores.base import FOREIGN, RECORD_LIMIT, is_foreign, vouched
from debwright.repository.stores.signature import (
    EMPTY_SHA256,
    Credentials,
    escaped,
    query_string,
    signed_headers,
)
from debwright.repository.stores.tree import PLACES, RECORD, Item, Step, Tree, is_ours

ATTEMPTS = 5
FILE_LIMIT = 5 * 1024**3
"""Bytes of an object that is sent in one piece."""
TRANSFER_SECONDS = 300.0
LIST_LIMIT = 64 * 1024**2
SERVED = tuple(f"{name}/" for name in PLACES)
TYPES = {
    ".html": "text/html; charset=utf-8", ".json": "application/json", ".xz": "application/x-xz",
    ".deb": "application/vnd.debian.binary-package", ".asc": "text/plain", ".gz":
    "application/gzip", ".sources": "text/plain; charset=utf-8", ".dsc": "text/plain",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Remote:
    """An object as the list has it."""

    size: int
    tag: str
    """Its ETag, which may be an MD5."""


class S3Store:
    """A bucket, or what is below a prefix of it.

    What never changes may be cached for ever; the rest must be asked for again each time.
    """

    def __init__(
        self, bucket: str, prefix: str, *, region: str, credentials: Credentials,
        endpoint: str | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._bucket, self._prefix = bucket, prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._region, self._credentials, self._sleep = region, credentials, sleep
        base = urlsplit(endpoint or f"https://s3.{region}.amazonaws.com")
        self._scheme, self._host, self._base = base.scheme, base.netloc, base.path.rstrip("/")

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}"

    def record(self) -> bytes | None:
        with self._client() as http:
            found = self._read(http, RECORD)
            if found is None:
                places = [name for name in PLACES if self._has(http, f"{name}/")]
                return FOREIGN if is_foreign(places) else None
            return found

    def push(self, tree: Tree) -> int:
        if large := [i for i in tree.items if i.size > FILE_LIMIT]:
            raise DebwrightError(
                f"{large[0].path} is too large for S3, which takes 5 GiB in one piece",
                fix="another store: [repository.rsync]",
            )
        with self._client() as http:
            there = self._list(http)
            known = vouched(self, lambda path: self._read(http, path))
            sent = 0
            for item in tree.items:
                if _is_there(there.get(item.path), item, known):
                    continue
                self._put(http, item)
                sent += 1
            wanted = {item.path for item in tree.items}
            for path in sorted(there.keys() - wanted):
                if path.startswith(SERVED) or path.endswith(".sources"):
                    self._ask(http, "DELETE", path, missing=True)
        return sent

    def fetch(self, target: Path) -> None:
        with self._client() as http:
            for path, remote in self._list(http).items():
                if not is_ours(path.partition("/")[0]):
                    continue
                place = target / path
                if not place.resolve().is_relative_to(target.resolve()):
                    raise DebwrightError(f"{self.name} has a name that leads outside: {path!r}")
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self._ask(http, "GET", path, into=place, limit=remote.size)
                except OSError as error:
                    raise DebwrightError(
                        f"{path!r} of {self.name} cannot be written: {error.strerror}"
                    ) from error

    def _read(self, http: httpx.Client, path: str) -> bytes | None:
        answer = self._ask(http, "GET", path, missing=True)
        return None if answer is None else answer.content[: RECORD_LIMIT + 1]

    def _put(self, http: httpx.Client, item: Item) -> None:
        cached = "public, max-age=31536000, immutable" if item.immutable else "no-cache"
        kind = TYPES.get(Path(item.path).suffix, "application/octet-stream")
        headers = {"Content-Type": kind, "Cache-Control": cached}
        self._ask(http, "PUT", item.path, headers=headers, file=item.file)

    def _has(self, http: httpx.Client, path: str) -> bool:
        """Whether any file is below `path`; the folder itself, of a console's making, is none."""
        query = {"list-type": "2", "prefix": self._prefix + path, "max-keys": "2"}
        answer = self._ask(http, "GET", None, query=query)
        return answer is not None and re.search(r"<Key>[^<]*[^/<]</Key>", answer.text) is not None

    def _list(self, http: httpx.Client) -> "dict[str, Remote]":
        """All that is there, by its path below the prefix (ListObjectsV2)."""
        from xml.etree import ElementTree as Xml

        found: dict[str, Remote] = {}
        token: str | None = None
        while True:
            query = {"list-type": "2", "prefix": self._prefix}
            if token is not None:
                query["continuation-token"] = token
            answer = self._ask(http, "GET", None, query=query)
            assert answer is not None
            # No DTD is in such an answer; with one it could be made to grow without end.
            if len(answer.content) > LIST_LIMIT or b"<!DOCTYPE" in answer.content[:2000]:
                raise DebwrightError(f"{self.name} gives a list that is no list of S3's")
            try:
                root = Xml.fromstring(answer.content)  # noqa: S314 - see above
            except Xml.ParseError as error:
                raise DebwrightError(f"{self.name} gives no list of its files: {error}") from error
            space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
            for entry in root.iter(f"{space}Contents"):
                key, size = entry.findtext(f"{space}Key", ""), entry.findtext(f"{space}Size", "")
                # A name that ends in a slash is a folder of some console's making.
                if key.startswith(self._prefix) and size.isdecimal() and not key.endswith("/"):
                    tag = entry.findtext(f"{space}ETag", "").strip('"')
                    found[key.removeprefix(self._prefix)] = Remote(size=int(size), tag=tag)
            token = root.findtext(f"{space}NextContinuationToken")
            if root.findtext(f"{space}IsTruncated") != "true" or token is None:
                return found

    def _ask(
        self, http: httpx.Client, method: str, path: str | None, *,
        query: dict[str, str] | None = None, headers: dict[str, str] | None = None,
        file: Path | None = None, missing: bool = False, into: Path | None = None, limit: int = 0,
    ) -> httpx.Response | None:  # fmt: skip
        """One request, tried again after a server's error: all of them may be done twice.

        `file` is what is sent; the answer goes to `into`, of at most `limit` bytes.
        """
        place = f"{self._base}/{self._bucket}/"
        place += self._prefix + path if path is not None else ""
        url = f"{self._scheme}://{self._host}{escaped(place, slash=True)}"
        if query:
            url += "?" + query_string(query)
        digest = EMPTY_SHA256 if file is None else sha256_file(file)
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(2.0 ** (attempt - 1))
            signed = signed_headers(
                method, self._host, place, query or {}, headers or {}, payload_sha256=digest,
                region=self._region, credentials=self._credentials, now=datetime.now(UTC),
            )  # fmt: skip
            try:
                with contextlib.ExitStack() as stack:
                    body = stack.enter_context(file.open("rb")) if file is not None else None
                    if file is not None:
                        signed["content-length"] = str(file.stat().st_size)
                    answer = stack.enter_context(
                        http.stream(method, url, headers=signed, content=body)
                    )
                    if answer.is_success and into is not None:
                        _write(answer, into, limit)
                    else:
                        answer.read()
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.is_success:
                return answer
            if answer.status_code == 404 and missing and "NoSuchBucket" not in answer.text:
                return None
            problem = _said(answer)
            if answer.status_code < 500 and answer.status_code != 429:
                raise self._refused(method, path, problem, answer.status_code)
        raise MissingError(
            f"{self.name} does not answer as it should: {method} {path or ''}".rstrip(),
            evidence=[Evidence(text=problem)],
            cause="the server, or the network, is out of order",
            fix="run the same command again: what is there is not sent twice",
        )

    def _refused(self, method: str, path: str | None, said: str, status: int) -> DebwrightError:
        causes = {
            403: "the keys are wrong, or may not do this (s3:ListBucket, GetObject, PutObject, "
            "DeleteObject); or this machine's clock is wrong",
            404: "there is no such bucket",
            301: "the bucket is in another region",
            307: "the bucket is in another region",
        }
        return DebwrightError(
            f"{self.name} refused: {method} {path or 'its list'}",
            evidence=[Evidence(text=f"HTTP status {status}: {said}")],
            cause=causes.get(status),
            fix="look at [repository.s3] and the variables that it names",
        )

    @contextlib.contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        timeout = httpx.Timeout(TRANSFER_SECONDS, connect=CONNECT_SECONDS)
        # A redirection would take the signature elsewhere, where it is not valid.
        with httpx.Client(
            timeout=timeout, headers={"User-Agent": USER_AGENT}, follow_redirects=False
        ) as opened:
            yield opened


def _is_there(remote: "Remote | None", item: Item, known: Mapping[str, str]) -> bool:
    """Whether the store has this very file.

    A package that no publication there names was left by a push that broke off, and may have been
    built again since: then its MD5 tells, which is the ETag of most servers.
    """
    if not item.immutable or remote is None or remote.size != item.size:
        return False
    if item.step is Step.BY_HASH:
        return True
    if item.sha256 is not None and known.get(item.path) == item.sha256:
        return True
    return remote.tag == _md5(item.file)


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
        return digest.hexdigest()


def _write(answer: httpx.Response, target: Path, limit: int) -> None:
    total = 0
    with target.open("wb") as file:
        for chunk in answer.iter_bytes(CHUNK):
            total += len(chunk)
            if total > limit:
                raise DebwrightError(
                    f"{target.name} is larger than its list says: {limit} bytes",
                    cause="it was replaced while it was read",
                    fix="run the same command again",
                )
            file.write(chunk)


def _said(answer: httpx.Response) -> str:
    """The code and message of an error (S3's are XML)."""
    found = [re.search(rf"<{n}>([^<]*)</{n}>", answer.text) for n in ("Code", "Message")]
    return ": ".join(f[1] for f in found if f) or answer.text[:200]
