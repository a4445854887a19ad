"""An S3 server for tests: objects in memory, signatures checked, the real one's limits kept.

The signature is computed here by other means than in debwright's library: from the request as it
came over the wire. What is refused, and how, is taken from the Amazon S3 API Reference: signatures
(Authenticating Requests), PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects,
ListObjectsV2, multipart uploads and their limits (Amazon S3 User Guide, "Multipart upload limits").
"""

import base64
import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import escape, unescape

ACCESS, SECRET, REGION = "AKIDTEST", "secret/key+of=tests", "eu-test-1"
PAGE = 7
"""Keys of one answer: few, so that lists have several."""
PART = 5 * 1024**2
"""Bytes that every part but the last must have."""
WHOLE = 5 * 1024**3
"""Bytes of an object that may come in one piece."""
DATE = "Mon, 30 Nov 2026 12:00:00 GMT"

Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class S3:
    """The server, its objects by key, and what was asked."""

    bucket: str
    objects: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], int | None] = lambda _m, _k: None
    """Asked first: a status to fail with, or None."""
    page: int = PAGE

    def __enter__(self) -> "S3":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...
            def handle_any(self) -> None:
                status, body, headers = outer.answer(self)
                self.send_response(status)
                length = headers.pop("Content-Length", str(len(body)))
                for name, value in {"Content-Length": length, **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> Answer:  # noqa: PLR0911
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        url = urlsplit(request.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        method = request.command
        self.log.append((method, key))
        if status := self.before(method, key):
            return refused(status, "InternalError")
        if not signature_is_good(request, body):
            return refused(403, "SignatureDoesNotMatch")
        if bucket != self.bucket:
            return refused(404, "NoSuchBucket")
        if "uploadId" in query or "uploads" in query:
            return self.multipart(method, key, query, body, request)
        if method == "PUT":
            if len(body) > WHOLE:
                return refused(400, "EntityTooLarge")
            return self.store(key, body, md5(body), request)
        if method == "POST" and "delete" in query:
            return self.delete_many(body, request)
        if method == "DELETE":
            self.objects.pop(key, None)
            return 204, b"", {}
        if key:
            return self.read(method, key)
        return 200, self.listing(query), {}

    def read(self, method: str, key: str) -> Answer:
        found = self.objects.get(key)
        if found is None:
            return refused(404, "NoSuchKey") if method == "GET" else (404, b"", {})
        etag = f'"{self.etag(key)}"'
        told = {"ETag": etag, "Last-Modified": DATE, "Content-Length": str(len(found))}
        return 200, found if method == "GET" else b"", told

    def etag(self, key: str) -> str:
        return self.etags.get(key) or md5(self.objects[key])

    def store(
        self, key: str, body: bytes, etag: str, request: BaseHTTPRequestHandler | None
    ) -> Answer:
        self.objects[key], self.etags[key] = body, etag
        if request is not None:
            self.headers[key] = {k.lower(): v for k, v in request.headers.items()}
        return 200, b"", {"ETag": f'"{etag}"'}

    def multipart(  # noqa: PLR0911 - one for each of its refusals
        self, method: str, key: str, query: dict[str, str], body: bytes,
        request: BaseHTTPRequestHandler,
    ) -> Answer:  # fmt: skip
        if "uploads" in query:
            name = f"upload{len(self.uploads)}"
            self.uploads[name] = {}
            self.headers[key] = {k.lower(): v for k, v in request.headers.items()}
            return 200, tagged("InitiateMultipartUploadResult", UploadId=name), {}
        parts = self.uploads.get(query["uploadId"])
        if parts is None:
            return refused(404, "NoSuchUpload")
        if method == "PUT":
            number = int(query["partNumber"])
            if not 1 <= number <= 10_000 or len(body) > WHOLE:
                return refused(400, "InvalidArgument")
            parts[number] = body
            return 200, b"", {"ETag": f'"{md5(body)}"'}
        del self.uploads[query["uploadId"]]
        if method == "DELETE":
            return 204, b"", {}
        wanted = [
            (int(_text(part, "PartNumber")), _text(part, "ETag").strip('"'))
            for part in Xml.fromstring(body).iter()  # noqa: S314 - the client's own
            if part.tag.endswith("Part")
        ]
        if wanted != sorted(wanted) or any(md5(parts.get(n, b"")) != tag for n, tag in wanted):
            return refused(400, "InvalidPart")
        if any(len(parts[n]) < PART for n, _ in wanted[:-1]):
            return refused(400, "EntityTooSmall")
        digests = b"".join(bytes.fromhex(tag) for _, tag in wanted)
        etag = f"{md5(digests)}-{len(wanted)}"
        self.store(key, b"".join(parts[n] for n, _ in wanted), etag, None)
        return 200, tagged("CompleteMultipartUploadResult", Key=key, ETag=f'"{etag}"'), {}

    def delete_many(self, body: bytes, request: BaseHTTPRequestHandler) -> Answer:
        """A digest of the request is required there."""
        given = request.headers.get("Content-MD5")
        digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        summed = request.headers.get("x-amz-checksum-sha256")
        sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if given != digest and summed != sha256:
            return refused(400, "InvalidRequest")
        keys = [unescape(k.decode()) for k in re.findall(rb"<Key>([^<]*)</Key>", body)]
        if len(keys) > 1000:
            return refused(400, "MalformedXML")
        for key in keys:
            self.objects.pop(key, None)
            self.log.append(("DELETE", key))
        rows = "".join(f"<Deleted><Key>{escape(k)}</Key></Deleted>" for k in keys)
        return 200, f"<DeleteResult>{rows}</DeleteResult>".encode(), {}

    def listing(self, query: dict[str, str]) -> bytes:
        assert query["list-type"] == "2"
        keys = sorted(k for k in self.objects if k.startswith(query.get("prefix", "")))
        keys = [k for k in keys if k > query.get("continuation-token", "")]
        page = min(self.page, int(query.get("max-keys", 1000)))
        rows = "".join(
            f"<Contents><Key>{escape(k)}</Key><Size>{len(self.objects[k])}</Size>"
            "<LastModified>2026-11-30T12:00:00.000Z</LastModified>"
            f"<ETag>&quot;{self.etag(k)}&quot;</ETag></Contents>"
            for k in keys[:page]
        )
        more = len(keys) > page
        token = f"<NextContinuationToken>{keys[page - 1]}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        ).encode()


def refused(status: int, code: str) -> Answer:
    return status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), {}


def tagged(tag: str, **values: str) -> bytes:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f'<?xml version="1.0"?><{tag}>{inner}</{tag}>'.encode()


def _text(part: Xml.Element, name: str) -> str:
    return next(child.text or "" for child in part if child.tag.endswith(name))


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
    pairs = [p if "=" in p else f"{p}=" for p in query.split("&") if p]
    lines = [request.command, path, "&".join(sorted(pairs))]
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
