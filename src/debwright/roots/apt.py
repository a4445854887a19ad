"""apt inside a root: the commands, their options, and what their failures mean."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from debwright.host import process
from debwright.host.files import sha256_file
from debwright.host.process import CommandError, Completed, LineSink
from debwright.host.retry import RetryPolicy
from debwright.isolation.namespaces import Namespaces, OverlayMount, Submount
from debwright.model.errors import BuildError, DebwrightError, Evidence, MissingError
from debwright.model.fix import Command

T = TypeVar("T")

MIRROR = RetryPolicy(attempts=3, first_pause=2.0)

LOCK_SECONDS = 300.0
LOCK_PAUSE = 3.0

NONINTERACTIVE = {
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBCONF_NONINTERACTIVE_SEEN": "true",
    "APT_LISTCHANGES_FRONTEND": "none",
}
OPTIONS = (
    "-q",
    "-y",
    "-o", "Dpkg::Use-Pty=0",
    "-o", "Acquire::Retries=2",
    "-o", "Acquire::Languages=none",
    "-o", "APT::Sandbox::User=root",
    "-o", "Dpkg::Options::=--force-confold",
)  # fmt: skip
ARCHIVES = "/var/cache/apt/archives"
LIST_DOWNLOADS = (
    "--print-uris", "-o", "Acquire::ForceHash=SHA256", "-o", "Dir::Cache::archives=/nonexistent",
)  # fmt: skip
"""Lists what a command would download into an empty cache, with its hashes (apt-get(8))."""

_DOWNLOAD = re.compile(r"^'[^']+' (?P<name>[^\s/]+) \d+ SHA256:(?P<sha256>[0-9a-f]{64})$", re.M)

_MIRROR = re.compile(
    r"Failed to fetch|Could not resolve|Temporary failure resolving|Unable to connect|"
    r"Connection (?:failed|refused|timed out)|Hash Sum mismatch|Mirror sync in progress|"
    r"Could not connect|Some index files failed to download|does not have a Release file|"
    r"Network is unreachable|download failed|404  ?Not Found"
)
_LOCKED = re.compile(
    r"frontend lock was locked by another process|"
    r"Could not get lock /var/(?:lib/dpkg|lib/apt|cache/apt)/"
)
# Once dpkg is at work it has the lock: it is a maintainer script then that asks for it in vain.
_AT_WORK = re.compile(r"^(?:Preparing to unpack|Unpacking|Setting up|Removing|Purging) ", re.M)
_NO_SPACE = re.compile(r"No space left on device|don't have enough free space in")
_UNSIGNED = re.compile(
    r"NO_PUBKEY|EXPKEYSIG|BADSIG|public key is not available|"
    r"signatures? (?:couldn't be verified|were invalid)|OpenPGP signature verification failed"
)
_STALE = re.compile(r"Release file for .* is (?:expired|not valid yet)")
_UNMET = re.compile(
    r"unmet dependencies|^ .+ : (?:Pre)?Depends:|is not installable|has no installation candidate|"
    r"Unable to locate package|Unable to (?:find|satisfy)|but it is not (?:going to be )?install|"
    r"dependency .* cannot be satisfied|^E: Build-dependencies for|builddeps:.* : Depends:|"
    r"held broken packages"
)
_UNMET_NAME = re.compile(
    r"(?:Depends: |Unable to locate package |Package '|dependency )([A-Za-z0-9][A-Za-z0-9+.:-]+)"
    r"(?:(?: \([^)]*\))? but |' has no|$| .*cannot be)",
    re.M,
)


class MirrorError(MissingError):
    """The archive could not be reached, or changed while it was read. Worth another attempt."""


class UnsatisfiableError(BuildError):
    """apt cannot find what a package says it needs."""


def lines_matching(pattern: re.Pattern[str], text: str, limit: int = 8) -> list[Evidence]:
    """The lines that match, as evidence; each once."""
    seen: dict[str, Evidence] = {}
    for line in text.splitlines():
        if pattern.search(line):
            seen.setdefault(line.strip(), Evidence(text=line.strip()))
    return list(seen.values())[:limit]


def explain(done: Completed, what: str) -> DebwrightError:
    """The typed error for a failed apt or mmdebstrap run."""
    text = done.output + done.error
    # First of all: apt reports a download it has no room for as one that failed.
    if evidence := lines_matching(_NO_SPACE, text):
        return MissingError(
            f"{what}: the disk is full",
            evidence=evidence,
            fix=Command("debwright", "cache", "prune"),
        )
    if evidence := lines_matching(_UNSIGNED, text):
        return MissingError(
            f"{what}: the package archive's signature cannot be verified",
            evidence=evidence,
            cause="the keyring lacks the key the archive is signed with, or the key has expired",
            fix="install the newest keyring package of the distribution, or name the file in "
            'debwright.toml: [suites.SUITE] keyring = "..."',
        )
    if evidence := lines_matching(_STALE, text):
        return MissingError(
            f"{what}: the package lists are not valid at this machine's time",
            evidence=evidence,
            cause="the mirror has not been updated for weeks, or this machine's clock is wrong",
            fix='compare `date`, or name another mirror: [suites.SUITE] mirror = "..."',
        )
    if evidence := lines_matching(_MIRROR, text):
        return MirrorError(
            f"{what}: the package archive could not be read",
            evidence=evidence,
            cause="the mirror is down, out of reach, or moved on since the package lists were read",
            fix="try again later, or name another mirror in debwright.toml: "
            '[suites.SUITE] mirror = "..."',
        )
    if evidence := lines_matching(_UNMET, text):
        names = ", ".join(unmet_names(text)) or "see below"
        return UnsatisfiableError(
            f"{what}: dependencies cannot be satisfied: {names}",
            evidence=evidence,
            cause="a package named in the dependencies is not in the archive of this suite and "
            "architecture, or not in that version",
            fix="correct the names in debian/control, or add the archive that has them under "
            "[suites.SUITE] extra_sources",
        )
    return CommandError(done, f"{what} failed")


def unmet_names(text: str) -> list[str]:
    """The packages that apt says it cannot have, each once."""
    # "Building dependency tree..." reads like one.
    return list(dict.fromkeys(m[1] for m in _UNMET_NAME.finditer(text) if m[1][-1] != "."))


def retry(
    action: Callable[[], T],
    *,
    note: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = process.pause,
) -> T:
    """Run `action` again, as long as it is the mirror that fails."""
    return MIRROR.run(action, on=MirrorError, note=note, sleep=sleep)


def when_unlocked(
    run: Callable[[], Completed],
    *,
    seconds: float = LOCK_SECONDS,
    note: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = process.pause,
) -> Completed:
    """What `run` gives, once no other apt or dpkg of the system is at work; or after `seconds`.

    On a real machine unattended upgrades begin soon after its start. apt waits for one of its two
    locks only, and dpkg for none.
    """
    waited = 0.0
    while True:
        done = run()
        said = done.output + done.error
        locked = _LOCKED.search(said) and not _AT_WORK.search(said)
        if done.returncode == 0 or not locked or waited >= seconds:
            return done
        if not waited:
            note("another apt or dpkg is at work on the system; waiting for it")
        sleep(LOCK_PAUSE)
        waited += LOCK_PAUSE


def get(
    inside: Namespaces,
    arguments: Sequence[str],
    *,
    what: str,
    sink: LineSink | None = None,
    timeout: float = 1800,
) -> Completed:
    """`apt-get ARGUMENTS` in a root, not asking anything; failures become typed errors.

    Only what fetches has the network: no script of a package that is being installed.
    """
    fetches = arguments[0] == "update" or "--download-only" in arguments
    done = inside.run(
        ["apt-get", *OPTIONS, *arguments],
        network=fetches and inside.spec.network,
        env=NONINTERACTIVE,
        sink=sink,
        merge=True,
        check=False,
        timeout=timeout,
    )
    if done.returncode != 0:
        raise explain(done, what)
    return done


def installed(inside: Namespaces) -> tuple[str, ...]:
    """`name:arch=version` of every installed package, sorted."""
    done = inside.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}:${Architecture}=${Version}\n"]
    )
    return tuple(
        sorted(line.split(maxsplit=1)[1] for line in done.output.splitlines() if line[:2] == "ii")
    )


class DebCache:
    """Downloaded packages, shared between sandboxes without any of them writing to it.

    A sandbox sees the kept files below a throw-away overlay; what apt downloads lands in the
    overlay and is taken over by `keep` before any package script has run. apt compares only the
    size of a file it finds in its archives, so scripts must never be able to write the shared ones,
    and `altered` compares the rest.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def lend(self, scratch: Path) -> Submount:
        for name in ("archives", "archives-work"):
            (scratch / name).mkdir()
        return Submount(
            target=ARCHIVES,
            overlay=OverlayMount(
                lower=[self.directory],
                upper=scratch / "archives",
                work=scratch / "archives-work",
            ),
        )

    def altered(self, listed: str) -> list[str]:
        """Names of kept files that are not what apt's index names; `listed` is LIST_DOWNLOADS'."""
        return [
            found["name"]
            for found in _DOWNLOAD.finditer(listed)
            if (kept := self.directory / found["name"]).is_file()
            and sha256_file(kept) != found["sha256"]
        ]

    def keep(self, scratch: Path) -> int:
        """Take over what was downloaded; returns its bytes. Call before installing anything."""
        fetched = 0
        for deb in (scratch / "archives").glob("*.deb"):
            if not deb.is_file() or deb.is_symlink():
                continue
            fetched += deb.stat().st_size
            # Another sandbox may be keeping the same package just now: a name of its own.
            handle, name = tempfile.mkstemp(prefix=f".{deb.name[:150]}.", dir=self.directory)
            os.close(handle)
            staged = Path(name)
            try:
                shutil.copyfile(deb, staged)
                staged.chmod(0o644)
                staged.rename(self.directory / deb.name)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
        return fetched
