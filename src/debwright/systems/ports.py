"""What listens in a container, read from the kernel's tables (proc(5), /proc/net/tcp)."""

import ipaddress
import re
from pathlib import Path

_LISTEN = "0A"
_UNCONNECTED = "07"
_LOCAL = re.compile(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")


SOCKETS = (
    ("tcp", "tcp", _LISTEN),
    ("tcp6", "tcp", _LISTEN),
    ("udp", "udp", _UNCONNECTED),
    ("udp6", "udp", _UNCONNECTED),
)
"""Table below /proc/net, protocol, and the state of a socket that waits for others."""


def listening(pid: int) -> set[str]:
    """`ADDRESS:PORT/tcp|udp` of every socket that waits for others in the process's network."""
    found = set()
    for table, protocol, state in SOCKETS:
        try:
            text = Path(f"/proc/{pid}/net/{table}").read_text()
        except OSError:
            continue
        found |= {f"{address}/{protocol}" for address in parse_table(text, state)}
    return found


def parse_table(text: str, state: str) -> list[str]:
    """Local addresses of the table's sockets in `state`; IPv6 in brackets."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[3] == state and (match := _LOCAL.fullmatch(fields[1])):
            found.append(f"{_address(match[1])}:{int(match[2], 16)}")
    return found


def _address(text: str) -> str:
    # Each 32-bit word is printed as a number in the machine's own, little-endian, order.
    raw = bytes.fromhex(text)
    swapped = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    address = ipaddress.ip_address(swapped)
    return f"[{address}]" if address.version == 6 else str(address)
