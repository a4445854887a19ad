"""Who may talk to the service.

Three doors, one behind the other. The Host door stops DNS rebinding: a foreign web page whose
name was made to point at 127.0.0.1 still sends its own name. The Origin door stops requests that
another site's page makes (CSRF). The token door is closed only when a token is configured, which
every address other than loopback demands; it makes no exception for loopback clients, because a
reverse proxy makes everyone look like one.
"""

import hmac
import ipaddress
import re
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from local_rag.api.responses import error_response, rag_error_response
from local_rag.config.settings import ServerSettings
from local_rag.core.errors import Unauthorized

# What a browser needs before it can ask for the token, and what a watchdog polls.
_OPEN_PATHS = frozenset({"/", "/health", "/api/v1/health", "/favicon.ico"})
_INTERFACES = ("/api/", "/v1/", "/mcp")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


def host_name(header: str) -> str | None:
    """Return the lower-case name of a Host header without its port, None when malformed."""
    match = _HOST.fullmatch(header)
    return match["name"].lower().rstrip(".") if match else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class AccessPolicy:
    """Decides on Host, Origin and token. Immutable after creation."""

    def __init__(self, server: ServerSettings, token: str | None) -> None:
        self._token = token.encode() if token else None
        self._origins = frozenset(origin.rstrip("/").lower() for origin in server.allowed_origins)
        names = {"localhost", server.host.lower()}
        names |= {urlsplit(origin).hostname or "" for origin in self._origins}
        if not server.loopback:
            own = socket.gethostname().lower()
            names |= {own, f"{own.split('.')[0]}.local"}
        self._names = frozenset(names - {""})

    def host_allowed(self, header: str) -> bool:
        """Return whether a Host header is one of ours; a bare address cannot be rebound."""
        name = host_name(header)
        if name is None:
            return False
        return name in self._names or name.endswith(".localhost") or _is_address(name)

    def origin_allowed(self, origin: str, host: str) -> bool:
        """Return whether a page of this origin may call us."""
        lowered = origin.rstrip("/").lower()
        if lowered in self._origins:
            return True
        parts = urlsplit(lowered)
        return parts.scheme in ("http", "https") and parts.netloc == host.lower()

    def token_valid(self, authorization: str) -> bool:
        """Return whether an Authorization header carries the token (in constant time)."""
        if self._token is None:
            return True
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            given.strip().encode("utf-8", "replace"), self._token
        )


class Gatekeeper:
    """ASGI middleware that applies an AccessPolicy; sets `state.authorised` for handlers."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 or 401, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._foreign(scope, headers)
        if refusal is not None:
            response = error_response(403, refusal[0], {"hint": refusal[1]}, code="forbidden")
            await response(scope, receive, send)
            return
        authorised = self._policy.token_valid(headers.get("authorization", ""))
        scope.setdefault("state", {})["authorised"] = authorised
        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if not authorised and not preflight and not _is_open(scope):
            wrong = "authorization" in headers
            error = Unauthorized(
                "The token is wrong." if wrong else "This service asks for a token.",
                hint="send the header Authorization: Bearer TOKEN; the token is server.token, or "
                "the content of server.token_file, in the configuration",
            )
            await rag_error_response(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _foreign(self, scope: Scope, headers: Headers) -> tuple[str, str] | None:
        """Return why a request is refused, and what to do about it."""
        host = headers.get("host", "")
        if not self._policy.host_allowed(host):
            return (
                f"The host name {host[:100]!r} is not one this service answers to.",
                "use 127.0.0.1 or localhost, or add its origin to server.allowed_origins",
            )
        origin = headers.get("origin")
        if origin is not None and not self._policy.origin_allowed(origin, host):
            return (
                f"Pages of {origin[:100]!r} may not use this service.",
                "add the origin to server.allowed_origins if it is yours",
            )
        # A page on another port of this machine is of the same site, but no page of ours.
        elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site") and origin is None
        reads_page = scope["method"] in _SAFE_METHODS and not scope["path"].startswith(_INTERFACES)
        if elsewhere and not reads_page:
            return "Another web site may not make this request.", "open the page itself"
        return None


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] in ("GET", "HEAD") and (
        path in _OPEN_PATHS or path.startswith("/static/")
    )
