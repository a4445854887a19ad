"""Connections to servers that others name: to public addresses only, and never without an end.

Every address a name resolves to is checked where the connection is made, so neither a redirect
nor a name that changes its address between check and use gets through. A server that sends a byte
now and then keeps nobody waiting: each wait is limited by what is left of the whole.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpcore

from local_rag.core.errors import Forbidden, Unavailable

SLICE_S = 0.5
"""How long one wait lasts at most, before it is looked whether to go on."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What `ipaddress` holds for global, in some Pythons at least: the former site-local addresses
# (RFC 3879), which private networks still use, and the second range for examples (RFC 9637).
_NOT_PUBLIC = (ipaddress.ip_network("fec0::/10"), ipaddress.ip_network("3fff::/20"))
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Stopped(Exception):
    """Somebody wants no more of it: the service ends, or what it was for was cancelled."""


@dataclass(slots=True)
class Limits:
    """When a transfer ends, of the monotonic clock, and what ends it before."""

    end: float
    stop: threading.Event = field(default_factory=threading.Event)

    def left(self, timeout: float | None, late: type[Exception]) -> float:
        """Return the seconds a wait may last. Raises `late` when there are none, and Stopped."""
        if self.stop.is_set():
            raise Stopped
        left = self.end - time.monotonic()
        if left <= 0:
            raise late("the whole transfer takes too long")
        return left if timeout is None else min(left, timeout)


def is_public(address: _Address) -> bool:
    """Return whether an address is one of the public internet, also when wrapped in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inner = address.teredo[1]
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    if any(address.version == network.version and address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not (
        address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


class GuardedBackend(httpcore.SyncBackend):
    """Connects to public addresses only, within limits. Raises Forbidden for others."""

    def __init__(self, *, allow_private: bool, limits: Limits) -> None:
        super().__init__()
        self._allow_private = allow_private
        self._limits = limits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve once, check every address, connect to one that was checked."""
        addresses = _resolve(host, port)
        if not self._allow_private:
            for address in addresses:
                if not is_public(ipaddress.ip_address(address.partition("%")[0])):
                    raise Forbidden(
                        f"{host} leads to {address}, which is not a public address",
                        hint="set imports.allow_private_urls if that is wanted",
                    )
        failure: Exception | None = None
        for address in addresses:
            seconds = self._limits.left(timeout, httpcore.ConnectTimeout)
            try:
                made = super().connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(made, self._limits)
        raise failure or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Refuse: a URL never means a socket file."""
        raise Forbidden(f"{path} is a socket, not a web server")


class _Stream(httpcore.NetworkStream):
    """A stream whose every wait looks at the limits."""

    def __init__(self, inner: httpcore.NetworkStream, limits: Limits) -> None:
        self._inner, self._limits = inner, limits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come. Raises ReadTimeout and Stopped."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            rest = None if end is None else end - time.monotonic()
            seconds = self._limits.left(rest, httpcore.ReadTimeout)
            try:
                return self._inner.read(max_bytes, max(min(seconds, SLICE_S), 0.001))
            except httpcore.ReadTimeout:
                if end is not None and time.monotonic() >= end:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._inner.write(buffer, self._limits.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        """Begin TLS."""
        seconds = self._limits.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._limits)

    def get_extra_info(self, info: str) -> object:
        """Return what the stream below knows."""
        return self._inner.get_extra_info(info)


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(
            f"{host} cannot be found: {error}", hint="check the name and the network connection"
        ) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
