"""Objects in a bucket: what stores of S3, Azure and the like have in common.

The library obstore speaks their languages. Names of objects are those of the repository's files,
below a prefix; an object is replaced as a whole, so a reader sees the old one or the new one.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debwright.host.http import CONNECT_SECONDS, USER_AGENT
from debwright.host.process import go_on
from debwright.host.retry import RetryPolicy
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.repository.stores.base import FOREIGN, RECORD_LIMIT, is_foreign, vouched
from debwright.repository.stores.tree import PLACES, RECORD, Item, Step, Tree, is_ours

if TYPE_CHECKING:
    from obstore.store import ObjectStore

POLICY = RetryPolicy(attempts=5, first_pause=1.0, seconds=180.0)
TRANSFER_SECONDS = 300.0
PIECE = 8 * 1024**2
"""Bytes of a part of an object; smaller ones are sent in one piece."""
MOST_PIECES = 9000
"""Parts of an object: S3 takes ten thousand."""
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


def options(endpoint: str | None, policy: RetryPolicy = POLICY) -> dict[str, Any]:
    """How every store of the library asks: its time limits, and what it tries again."""
    return {
        "client_options": {
            "user_agent": USER_AGENT,
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=TRANSFER_SECONDS),
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
        },
        "retry_config": {
            "max_retries": policy.attempts - 1,
            "retry_timeout": timedelta(seconds=policy.seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=policy.first_pause),
                "max_backoff": timedelta(seconds=policy.longest_pause),
                "base": policy.factor,
            },
        },
    }


class Objects:
    """A bucket, or what is below a prefix of it.

    What never changes may be cached for ever; the rest must be asked for again each time.
    """

    def __init__(self, name: str, opened: "ObjectStore", *, table: str, rights: str) -> None:
        self._name, self._opened, self._table, self._rights = name, opened, table, rights

    @property
    def name(self) -> str:
        return self._name

    def record(self) -> bytes | None:
        found = self._read(RECORD)
        if found is None:
            there = [name for name in PLACES if any(self._list(name))]
            return FOREIGN if is_foreign(there) else None
        return found

    def push(self, tree: Tree) -> int:
        there = dict(self._list())
        tree.go_ahead()
        known = vouched(self, self._read)
        sent, shown = 0, False
        for item in tree.items:
            go_on()
            if not shown and item.step >= Step.INDEX:
                tree.go_ahead()
                shown = True
            if not _is_there(there.get(item.path), item, known):
                self._put(item)
                sent += 1
        wanted = {item.path for item in tree.items}
        old = [path for path in sorted(there.keys() - wanted)
               if path.startswith(SERVED) or path.endswith(".sources")]  # fmt: skip
        if old:
            # Some say that an object is not there, which is what is wanted.
            with self._asking("DELETE", f"{len(old)} files"), suppress(FileNotFoundError):
                import obstore

                obstore.delete(self._opened, old)
        return sent

    def fetch(self, target: Path) -> None:
        for path, remote in dict(self._list()).items():
            go_on()
            if is_ours(path.partition("/")[0]):
                place = target / path
                if not place.resolve().is_relative_to(target.resolve()):
                    raise DebwrightError(f"{self.name} has a name that leads outside: {path!r}")
                try:
                    self._get(path, place, remote)
                except OSError as error:
                    raise DebwrightError(
                        f"{path!r} of {self.name} cannot be written: {error.strerror}"
                    ) from error

    def _read(self, path: str) -> bytes | None:
        import obstore

        with self._asking("GET", path):
            try:
                found = bytearray()
                for chunk in obstore.get(self._opened, path):
                    found += chunk
                    if len(found) > RECORD_LIMIT:
                        break
                return bytes(found[: RECORD_LIMIT + 1])
            except FileNotFoundError:
                return None

    def _get(self, path: str, place: Path, remote: Remote) -> None:
        import obstore

        with self._asking("GET", path):
            chunks = iter(obstore.get(self._opened, path))
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                total = 0
                for chunk in chunks:
                    go_on()
                    total += len(chunk)
                    if total > remote.size:
                        raise DebwrightError(
                            f"{path} is larger than its list says: {remote.size} bytes",
                            cause="it was replaced while it was read",
                            fix="run the same command again",
                        )
                    file.write(chunk)

    def _put(self, item: Item) -> None:
        import obstore

        cached = "public, max-age=31536000, immutable" if item.immutable else "no-cache"
        kind = TYPES.get(Path(item.path).suffix, "application/octet-stream")
        said = {"Content-Type": kind, "Cache-Control": cached}
        with self._asking("PUT", item.path), item.file.open("rb") as file:
            if item.size <= PIECE:
                obstore.put(self._opened, item.path, file.read(), attributes=said,
                            use_multipart=False)  # fmt: skip
            else:
                piece = max(PIECE, -(-item.size // MOST_PIECES))
                obstore.put(self._opened, item.path, _pieces(file, piece), attributes=said,
                            chunk_size=piece, max_concurrency=4)  # fmt: skip

    def _list(self, below: str | None = None) -> Iterator[tuple[str, Remote]]:
        """What is there, by its path below the prefix."""
        import obstore

        with self._asking("GET", "its list"):
            for chunk in obstore.list(self._opened, below):
                for entry in chunk:
                    if entry["size"] or self._is_file(entry["path"]):
                        tag = (entry["e_tag"] or "").strip('"')
                        yield entry["path"], Remote(size=entry["size"], tag=tag)

    def _is_file(self, path: str) -> bool:
        """Whether an empty object is one of this name, and not a folder of a console's making.

        That one's name ends in a slash, which the library leaves out.
        """
        import obstore

        try:
            obstore.head(self._opened, path)
        except FileNotFoundError:
            return False
        return bool(path)

    @contextmanager
    def _asking(self, method: str, what: str) -> Iterator[None]:
        """Turns the library's errors into words."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if error.filename is not None:
                raise  # a file of this machine
            raise self._refused(method, what, str(error)) from error
        except BaseError as error:
            raise self._refused(method, what, str(error)) from error

    def _refused(self, method: str, what: str, text: str) -> DebwrightError:
        # The address may have a token in its query; what follows is the library's inside.
        said = re.sub(r"\?\S*", "", text.partition("\n\nDebug source")[0])
        number = re.search(r"status code: (\d{3})", said)
        status = int(number[1]) if number else None
        redirected = "redirect" in said
        parts = [re.search(rf"<{tag}>([^<]*)</{tag}>", said) for tag in ("Code", "Message")]
        short = ": ".join(p[1].strip() for p in parts if p) or said.splitlines()[-1][-300:]
        evidence = [Evidence(text=f"HTTP status {status}: {short}" if status else short)]
        if not redirected and (status is None or status >= 500 or status == 429):
            return MissingError(
                f"{self.name} does not answer as it should: {method} {what}",
                evidence=evidence,
                cause="the server, or the network, is out of order",
                fix="run the same command again: what is there is not sent twice",
            )
        causes = {
            401: "the keys are wrong",
            403: f"the keys are wrong, or may not do this ({self._rights}); or this machine's "
            "clock is wrong",
            404: "there is no such place, or it has changed meanwhile",
        }
        return DebwrightError(
            f"{self.name} refused: {method} {what}",
            evidence=evidence,
            cause="it is in another region" if redirected else causes.get(status or 0),
            fix=f"look at [{self._table}] and the variables that it names",
        )


def _pieces(file: Any, size: int) -> Iterator[bytes]:
    while piece := file.read(size):
        go_on()
        yield piece


def _is_there(remote: Remote | None, item: Item, known: Mapping[str, str]) -> bool:
    """Whether the store has this very file.

    A package that no publication there names was left by a push that broke off, and may have been
    built again since: then its MD5 tells, which is the ETag of objects that came in one piece.
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
