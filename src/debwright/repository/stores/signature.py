"""Signatures of requests to S3: AWS Signature Version 4.

Rules: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)". Four kinds of
requests do not justify a library of a thousand services.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who asks. Never printed."""

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.access_key[:4]}...)"


def escaped(text: str, *, slash: bool) -> str:
    """Percent-encoding as the signature wants it; `slash` leaves slashes as they are."""
    return quote(text, safe="-_.~/" if slash else "-_.~")


def query_string(query: Mapping[str, str]) -> str:
    return "&".join(
        f"{escaped(k, slash=False)}={escaped(v, slash=False)}" for k, v in sorted(query.items())
    )


def signed_headers(
    method: str, host: str, path: str, query: Mapping[str, str], headers: Mapping[str, str],
    *, payload_sha256: str, region: str, credentials: Credentials, now: datetime,
) -> dict[str, str]:  # fmt: skip
    """`headers` with the signature's. `path` is not escaped and begins with a slash."""
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    own = {k.lower(): v.strip() for k, v in headers.items()}
    own |= {"host": host, "x-amz-date": stamp, "x-amz-content-sha256": payload_sha256}
    if credentials.session_token is not None:
        own["x-amz-security-token"] = credentials.session_token
    names = ";".join(sorted(own))
    lines = [method, escaped(path, slash=True), query_string(query)]
    lines += [f"{name}:{own[name]}" for name in sorted(own)]
    request = "\n".join([*lines, "", names, payload_sha256])
    scope = f"{now:%Y%m%d}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (f"{now:%Y%m%d}", region, "s3", "aws4_request"):
        key = _hmac(key, part)
    signature = _hmac(key, "\n".join([ALGORITHM, stamp, scope, hashed])).hex()
    own["authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key}/{scope},"
        f"SignedHeaders={names},Signature={signature}"
    )
    return own


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
