"""Fetching a document from a URL without becoming a way into the private network.

Addresses and time are guarded where connections are made (core/network.py).
"""

import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpcore

from local_rag import __version__
from local_rag.core.errors import Forbidden, InvalidInput, NotFound, RagError, TooLarge, Unavailable
from local_rag.core.network import GuardedBackend, Limits
from local_rag.documents.formats import FORMATS

MAX_REDIRECTS = 5
MAX_URL_CHARS = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A document from a URL; `not_modified` when the server says it is as known."""

    url: str
    data: bytes
    media_type: str | None
    charset: str | None
    etag: str | None
    name: str
    not_modified: bool = False


def check_url(url: str) -> str:
    """Return the URL in its stored form: no fragment, host in lower case.

    Raises InvalidInput for anything but http and https, and for user names and passwords.
    """
    if len(url) > MAX_URL_CHARS or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise InvalidInput("the URL is too long or has white space or control characters in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        host_ascii = host.encode("idna").decode("ascii") if host and ":" not in host else host
    except ValueError as error:
        raise InvalidInput(f"not a valid URL: {error}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise InvalidInput(f"only http and https URLs can be imported, not {parts.scheme}:")
    if not host_ascii:
        raise InvalidInput("the URL names no host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("a URL with a user name or password in it is not imported")
    netloc = f"[{host_ascii}]" if ":" in host_ascii else host_ascii.lower()
    if port is not None:
        netloc += f":{port}"
    return urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetcher:
    """Fetches documents; sizes in bytes, the time limit in seconds for the whole transfer."""

    max_bytes: int
    timeout_s: float
    allow_private: bool = False
    verify: ssl.SSLContext | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends a transfer at once."""

    def fetch(self, url: str, *, etag: str | None = None) -> Fetched:
        """Return the document, following up to five redirects, each checked again.

        Raises InvalidInput, Forbidden, NotFound, TooLarge and Unavailable; Stopped by `stop`.
        """
        current = check_url(url)
        deadline = time.monotonic() + self.timeout_s
        with httpcore.ConnectionPool(
            ssl_context=self.verify or ssl.create_default_context(),
            network_backend=GuardedBackend(
                allow_private=self.allow_private, limits=Limits(deadline, self.stop)
            ),
        ) as pool:
            for _ in range(MAX_REDIRECTS + 1):
                try:
                    result = self._one(pool, current, etag, deadline)
                except RagError:
                    raise
                except (httpcore.TimeoutException, TimeoutError):
                    raise self._too_slow(current) from None
                except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                    raise Unavailable(f"{current} cannot be fetched: {error}") from None
                if isinstance(result, Fetched):
                    return result
                current = check_url(urljoin(current, result))
        raise InvalidInput(f"{url} redirects more than {MAX_REDIRECTS} times")

    def _one(
        self, pool: httpcore.ConnectionPool, url: str, etag: str | None, deadline: float
    ) -> Fetched | str:
        left = max(deadline - time.monotonic(), 0.01)
        limits = dict.fromkeys(("connect", "read", "write", "pool"), left)
        with pool.stream(
            "GET", url, headers=_headers(etag), extensions={"timeout": limits}
        ) as response:
            headers = {
                k.decode("latin-1").lower(): v.decode("latin-1") for k, v in response.headers
            }
            status = response.status
            if status in (301, 302, 303, 307, 308) and "location" in headers:
                return headers["location"]
            if status == 304:
                return _fetched(url, b"", headers, etag, not_modified=True)
            _check_status(url, status)
            data = self._body(response, url, headers, deadline)
        return _fetched(url, data, headers, headers.get("etag"))

    def _body(
        self, response: httpcore.Response, url: str, headers: Mapping[str, str], deadline: float
    ) -> bytes:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.max_bytes:
            raise self._too_large(url)
        unpack = _decoder(headers.get("content-encoding", "identity").strip().lower())
        parts: list[bytes] = []
        total = 0
        for raw in response.iter_stream():
            if time.monotonic() > deadline:
                raise self._too_slow(url)
            try:
                data = unpack.decompress(raw, self.max_bytes + 1) if unpack else raw
            except zlib.error as error:
                raise InvalidInput(f"{url} is sent damaged: {error}") from None
            total += len(data)
            if total > self.max_bytes or (unpack and unpack.unconsumed_tail):
                raise self._too_large(url)
            parts.append(data)
        return b"".join(parts)

    def _too_large(self, url: str) -> TooLarge:
        return TooLarge(
            f"{url} is larger than {self.max_bytes // 1_000_000} MB",
            hint="raise imports.max_file_mb if that is wanted",
        )

    def _too_slow(self, url: str) -> Unavailable:
        return Unavailable(
            f"{url} did not arrive within {self.timeout_s:g} s",
            hint="try again, or raise imports.url_timeout_s",
        )


def _headers(etag: str | None) -> list[tuple[str, str]]:
    headers = [
        ("User-Agent", f"local-rag/{__version__}"),
        ("Accept", ", ".join([*(known.media_type for known in FORMATS), "*/*;q=0.5"])),
        ("Accept-Encoding", "identity"),
    ]
    return [*headers, ("If-None-Match", etag)] if etag else headers


def _check_status(url: str, status: int) -> None:
    if status in (404, 410):
        raise NotFound(f"{url} is not there (HTTP {status})")
    if status in (401, 403, 407):
        raise Forbidden(f"{url} is not public (HTTP {status})")
    if status != 200:
        raise Unavailable(f"{url} answered with HTTP {status}", hint="try again later")


def _decoder(encoding: str) -> "zlib._Decompress | None":
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        # 32 lets zlib see for itself whether a gzip or a zlib header comes.
        return zlib.decompressobj(32 + zlib.MAX_WBITS)
    raise InvalidInput(f"the server sends the encoding {encoding}, which was not asked for")


def _fetched(
    url: str,
    data: bytes,
    headers: Mapping[str, str],
    etag: str | None,
    *,
    not_modified: bool = False,
) -> Fetched:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = None
    for parameter in parameters.split(";"):
        key, _, value = parameter.strip().partition("=")
        if key.lower() == "charset" and value:
            charset = value.strip("\"' ")
    name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]) or urlsplit(url).netloc
    return Fetched(
        url=url,
        data=data,
        media_type=media_type.strip().lower() or None,
        charset=charset,
        etag=etag,
        name=name,
        not_modified=not_modified,
    )
