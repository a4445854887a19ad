"""An S3 server for tests: objects in memory, four kinds of requests, and signatures checked.

The signature is computed here by other means than in debwright: from the request as it came over
the wire. Rules: Amazon S3 API Reference.
"""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS, SECRET, REGION = "AKIDTEST", "secret/key+of=tests", "eu-test-1"
PAGE = 7
"""Keys of one answer: few, so that lists have several."""


@dataclass
class S3:
    """The server, its objects by key, and what was asked."""

    bucket: str
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], int | None] = lambda _m, _k: None
    """Asked first: a status to fail with, or None."""

    def __enter__(self) -> "S3":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...
            def handle_any(self) -> None:
                status, body = outer.answer(self)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, bytes]:  # noqa: PLR0911
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        url = urlsplit(request.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        method = request.command
        self.log.append((method, key))
        if status := self.before(method, key):
            return status, b"<Error><Code>InternalError</Code><Message>try again</Message></Error>"
        if not signature_is_good(request, body):
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"
        if bucket != self.bucket:
            return 404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"
        if method == "PUT":
            self.objects[key] = body
            self.headers[key] = {k.lower(): v for k, v in request.headers.items()}
            return 200, b""
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b""
        if key:
            found = self.objects.get(key)
            return (
                (404, b"<Error><Code>NoSuchKey</Code></Error>") if found is None else (200, found)
            )
        return 200, self.listing(dict(parse_qsl(url.query)))

    def listing(self, query: dict[str, str]) -> bytes:
        assert query["list-type"] == "2"
        keys = sorted(k for k in self.objects if k.startswith(query.get("prefix", "")))
        keys = [k for k in keys if k > query.get("continuation-token", "")]
        rows = "".join(
            f"<Contents><Key>{escape(k)}</Key><Size>{len(self.objects[k])}</Size>"
            f"<ETag>&quot;{md5(self.objects[k])}&quot;</ETag></Contents>"
            for k in keys[:PAGE]
        )
        more = len(keys) > PAGE
        token = f"<NextContinuationToken>{keys[PAGE - 1]}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


def md5(data: bytes) -> str:
    """What S3 gives as the ETag of an object that came in one piece."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def signature_is_good(request: BaseHTTPRequestHandler, body: bytes) -> bool:
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?"
        r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
        request.headers.get("Authorization", ""),
    )
    if found is None or (found[1], found[3]) != (ACCESS, REGION):
        return False
    names = found[4].split(";")
    digest = hashlib.sha256(body).hexdigest()
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
        return False
    if request.headers["X-Amz-Content-Sha256"] != digest:
        return False
    path, _, query = request.path.partition("?")
    lines = [request.command, path, "&".join(sorted(query.split("&")))]
    lines += [f"{n}:{request.headers[n].strip()}" for n in names]
    canonical = "\n".join([*lines, "", ";".join(names), digest])
    scope = f"{found[2]}/{REGION}/s3/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", request.headers["X-Amz-Date"], scope,
         hashlib.sha256(canonical.encode()).hexdigest()]
    )  # fmt: skip
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex() == found[5]
