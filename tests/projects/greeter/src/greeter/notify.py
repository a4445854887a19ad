"""Telling systemd how the service is: the protocol of sd_notify(3)."""

import os
import socket
import time


def notify(*assignments: str) -> bool:
    """Send `assignments`, as `READY=1`; false when systemd is not listening."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        # A leading @ stands for the null byte of the abstract namespace.
        sock.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        sock.sendall("\n".join(assignments).encode())
    return True


def reloading() -> bool:
    now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    return notify("RELOADING=1", f"MONOTONIC_USEC={now}")
