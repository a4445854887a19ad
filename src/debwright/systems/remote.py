"""A running system that can only be talked to: every question is a command inside it.

What containers of a daemon and machines by ssh have in common; how a command gets there is theirs.
What is used inside is Essential in Debian, or part of systemd: sh, coreutils, findutils, grep,
perl-base. Every answer is text of a system that is not trusted: what does not parse is passed over
or refused.
"""

import ipaddress
import json
import re
import secrets
import shlex
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.host import process
from debwright.host.process import CommandError, Completed, LineSink
from debwright.isolation.namespaces import PATH
from debwright.isolation.snapshot import Altered, Entry
from debwright.systems.base import Sandbox, push_through

ENVIRONMENT = (f"PATH={PATH}", "HOME=/root", "LC_ALL=C.UTF-8")
"""Of every command inside, before the variables it is given."""

GRACE = 30.0
"""Seconds that a command's time limit inside has until its client here is ended, too."""

STATE = "/var/lib/debwright-check"
"""Directory inside the system for what must outlive a reboot; root's alone."""

RELAY_VARIABLE = "DEBWRIGHT_RELAY"
"""For scripts run by `run_outside`: JSON of an argv that connects its standard input and output to
the host and port given as two more arguments, and says so by one NUL byte first."""

SOCKET_RELAY_VARIABLE = "DEBWRIGHT_SOCKET_RELAY"
"""The same for the absolute path of a Unix socket, given as one more argument."""

# Every Debian system has perl-base, which is Essential, and knows both kinds of sockets. Who asks
# closes only when it has heard enough; a service that closes ends the relay at once, since an
# answer without a length ends there.
_RELAY = """use strict; use Socket qw(:DEFAULT getaddrinfo);
sub reach { my $s; socket($s, $_[0], SOCK_STREAM, 0) && connect($s, $_[1]) ? $s : undef }
my $s;
if (@ARGV == 1) { $s = reach(PF_UNIX, pack_sockaddr_un($ARGV[0])) }
else {
    my ($problem, @found) = getaddrinfo(@ARGV, {socktype => SOCK_STREAM});
    die "$problem\\n" if $problem;
    for (@found) { last if $s = reach($_->{family}, $_->{addr}) }
}
$s or die "$!\\n";
syswrite STDOUT, "\\0"; my $asker = $$; my $child = fork;
if (!$child) { while (sysread STDIN, my $b, 65536) { syswrite $s, $b } kill TERM => $asker; exit }
while (sysread $s, my $b, 65536) { syswrite STDOUT, $b } kill TERM => $child;"""
RELAY = ("perl", "-e", _RELAY)

_TYPES = {
    "regular file": "file", "regular empty file": "file",
    "directory": "directory", "symbolic link": "symlink",
}  # fmt: skip
# The time to the nanosecond: what a service writes comes in the very second of its start.
STAT = "%F/%a/%u/%g/%s/%.9Y%n"
# As find(1)'s -printf wants it; a path begins with a slash.
NATURE = r"-printf '%y/%m/%U/%G%p\0'"
_LETTERS = {"f": "file", "d": "directory", "l": "symlink"}
_GROUP = re.compile(r"^/proc/(?P<pid>\d{1,10})/cgroup:(?:0::|\d+:name=systemd:)(?P<path>/.*)$")
_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.M)
# A file system of the kernel's, or one where a package's files have no business.
_PRUNED = (STATE, "/proc", "/sys", "/dev", "/run", "/tmp", "/mnt/debwright")  # noqa: S108 - passed over
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


class RemoteSandbox(ABC):
    """All of BootedSandbox that can be answered by commands."""

    kind: str

    @abstractmethod
    def command(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        variables: Sequence[str],
        uid: int | None,
        gid: int | None,
        input_follows: bool,
    ) -> list[str]:
        """The argv that runs `argv` inside; `variables` are all of its environment."""

    @abstractmethod
    def relay(self) -> list[str]:
        """The argv that runs RELAY; a host and a port, or a socket's path, follow."""

    @abstractmethod
    def ended(self, done: Completed) -> None:
        """Raise when it was not the command that failed but the way to it."""

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        uid: int | None = None,
        gid: int | None = None,
        stdin: str | bytes | None = None,
        timeout: float | None = None,
        sink: LineSink | None = None,
        merge: bool = False,
        check: bool = True,
    ) -> Completed:
        """See Sandbox. The time limit counts inside: killing a client would not end its command."""
        words = self.command(
            _limited(argv, timeout), cwd=cwd, uid=uid,
            gid=uid if gid is None else gid, input_follows=stdin is not None,
            variables=[*ENVIRONMENT, *(f"{k}={v}" for k, v in (env or {}).items())],
        )  # fmt: skip
        done = process.run(
            words, stdin=stdin, timeout=None if timeout is None else timeout + GRACE,
            sink=sink, merge=merge, check=False,
        )  # fmt: skip
        _raise_time_out(done, argv, timeout)
        self.ended(done)
        if check and done.returncode != 0:
            raise CommandError(done)
        return done

    def run_outside(
        self, script: Path, arguments: Sequence[str], timeout: float, stdin: str | None = None
    ) -> Completed:
        relay = json.dumps(self.relay())
        return process.run(
            [sys.executable, "-I", "-S", script, *arguments],
            env={RELAY_VARIABLE: relay, SOCKET_RELAY_VARIABLE: relay}, timeout=timeout,
            stdin=stdin, check=False,
        )  # fmt: skip

    def push(self, source: Path, target: str) -> None:
        push_through(self, source, target)

    def mark_files(self) -> "ListedMark":
        return ListedMark.make(self)

    def listening(self) -> set[str]:
        found = set()
        for table, protocol, state in SOCKETS:
            done = self.run(["cat", f"/proc/net/{table}"], check=False, timeout=60)
            found |= {f"{address}/{protocol}" for address in parse_table(done.output, state)}
        return found

    def unit_memory(self, control_group: str) -> int | None:
        if not control_group.startswith("/") or control_group == "/":
            return None
        script = "grep -H -E '^(0::|[0-9]+:name=systemd:)' /proc/[0-9]*/cgroup 2>/dev/null || true"
        listing = self.run(["sh", "-ec", script], timeout=60).output
        pids = processes_of(listing, control_group)
        if not pids:
            return None
        script = 'for p; do cat "/proc/$p/smaps_rollup" 2>/dev/null || true; done'
        maps = self.run(["sh", "-c", script, "sh", *map(str, pids)], timeout=60).output
        sizes = [int(kib) for kib in _PSS.findall(maps)]
        return sum(sizes) * 1024 if sizes else None

    def memory_enforced(self) -> bool:
        """See BootedSandbox: by the system's own control groups (cgroups(7))."""
        done = self.run(
            ["sh", "-c", "cat /sys/fs/cgroup/cgroup.controllers 2>/dev/null"], check=False,
            timeout=60,
        )  # fmt: skip
        return "memory" in done.output.split()


def _limited(argv: Sequence[str], timeout: float | None) -> list[str]:
    """`argv`, ended inside the system after `timeout` seconds: killing its client would not."""
    return list(argv) if timeout is None else ["timeout", "-k", "5", f"{timeout:.1f}", *argv]


def _raise_time_out(done: Completed, argv: Sequence[str], timeout: float | None) -> None:
    """Raise TimedOut when `_limited` has ended the command (timeout(1), "Exit status")."""
    if timeout is not None and done.returncode in (124, 137) and done.seconds >= timeout:
        raise process.TimedOut(
            f"`{shlex.join(argv)[:300]}` ran longer than {timeout:.0f} s and was stopped"
        )


@dataclass(frozen=True)
class ListedMark:
    """A sorted list of all paths, kept in the system itself: it may be megabytes long."""

    system: Sandbox
    path: str

    @classmethod
    def make(cls, system: Sandbox) -> "ListedMark":
        mark = cls(system, f"{STATE}/files-{secrets.token_hex(4)}")
        script = f'mkdir -p -m 700 {STATE}; {_find()} > "$1"; {_find(NATURE)} > "$1.nature"'
        system.run(["sh", "-ec", script, "sh", mark.path], timeout=600)
        return mark

    def created(self) -> dict[str, Entry]:
        script = (
            f'{_find()} | LC_ALL=C comm -z -13 "$1" - '
            f"| xargs -0 -r stat --printf='{STAT}\\0' -- 2>/dev/null || true"
        )
        done = self.system.run(["sh", "-ec", script, "sh", self.path], timeout=600)
        return parse_stat(done.output)

    def altered(self) -> dict[str, Altered]:
        script = f'{_find(NATURE)} > "$1.now"; LC_ALL=C comm -z "$2" "$1.nature" "$1.now"'
        run = partial(self.system.run, timeout=600)
        was = parse_nature(run(["sh", "-ec", script, "sh", self.path, "-23"]).output)
        now = parse_nature(run(["sh", "-ec", script, "sh", self.path, "-13"]).output)
        return {path: Altered(entry, now.get(path)) for path, entry in was.items()}

    def rewritten(self) -> set[str]:
        newer = _find('-type f -newer "$1" -print0')
        script = f'{newer} | LC_ALL=C comm -z -12 "$1" -'
        done = self.system.run(["sh", "-ec", script, "sh", self.path], timeout=600)
        return {path for path in done.output.split("\0") if path.startswith("/")}


def parse_nature(text: str) -> dict[str, Entry]:
    """Entries from find(1)'s output in `NATURE`, each ended by NUL; they have no size or time."""
    found = {}
    for record in text.split("\0"):
        kind, _, rest = record.partition("/")
        fields = rest.split("/", 3)
        try:
            mode, uid, gid = int(fields[0], 8), int(fields[1]), int(fields[2])
            found[f"/{fields[3]}"] = Entry(_LETTERS.get(kind, "special"), mode, uid, gid, 0, 0)
        except (ValueError, IndexError):
            continue
    return found


def _find(action: str = "-print0") -> str:
    pruned = " -o ".join(f"-path {path}" for path in _PRUNED)
    # A file that goes away while it is looked at is no error: the system is running.
    return (
        rf"{{ find / -xdev \( {pruned} \) -prune -o {action} 2>/dev/null || true; }} "
        "| LC_ALL=C sort -z"
    )


def parse_stat(text: str) -> dict[str, Entry]:
    """Entries from stat(1)'s output in `STAT`, each ended by NUL."""
    found = {}
    for record in text.split("\0"):
        fields = record.split("/", 5)
        if len(fields) < 6 or "/" not in fields[5]:
            continue
        seconds, path = fields[5].split("/", 1)
        try:
            whole, _, fraction = seconds.partition(".")
            changed = int(whole) * 10**9 + int(f"{fraction:0<9.9}")
            mode, uid, gid, size = (int(fields[1], 8), *(int(f) for f in fields[2:5]))
        except ValueError:
            continue
        kind = _TYPES.get(fields[0], "special")
        found[f"/{path}"] = Entry(kind, mode, uid, gid, size, changed)
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


def processes_of(listing: str, control_group: str) -> list[int]:
    """Process numbers in a control group or below it, from grep's output of /proc/*/cgroup.

    Inside a container the paths may begin with the container's own group (cgroup_namespaces(7)).
    """
    found = set()
    for line in listing.splitlines():
        match = _GROUP.match(line)
        if match and f"{control_group}/" in f"{match['path']}/":
            found.add(int(match["pid"]))
    return sorted(found)


def boot_id(system: Sandbox) -> str:
    """Which start of the kernel this is (proc(5), random/boot_id)."""
    return system.run(["cat", "/proc/sys/kernel/random/boot_id"], timeout=60).output.strip()
