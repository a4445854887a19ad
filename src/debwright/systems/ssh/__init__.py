"""A real machine by ssh: what is there is noted first, what came is taken away after.

The machine is somebody's. It resolves the dependencies from its own archives, is never rebooted,
and a package that is installed there is not touched unless --replace-installed says so.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.model.errors import CheckError, DebwrightError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.roots import apt
from debwright.systems.base import (
    AptSources,
    CleaningError,
    Open,
    Opened,
    Subject,
    System,
)
from debwright.systems.environments import Environments
from debwright.systems.facts import ask_facts, mismatch
from debwright.systems.kinds import Asked, Kind
from debwright.systems.ownership import leftovers
from debwright.systems.remote import STATE, ListedMark
from debwright.systems.runtime import (
    REPOSITORY,
    SOURCE_LINE,
    SOURCE_LIST,
    UnsatisfiableDependencies,
    make_repository,
)
from debwright.systems.ssh.config_file import require_harmless
from debwright.systems.ssh.connection import CLEANER, Address, SshSandbox

CLEAN_SCRIPT = Path(__file__).with_name("clean.sh")

# apt notes apart from the machine's own log what it installs for the check: that and nothing else
# is purged in the end.
_APT = ("-o", f"Dir::Log={STATE}/log")
# The machine's own lists stay, and the local repository's come beside them.
_SOURCES = AptSources(
    update=(*_APT, "-o", f"Dir::Etc::SourceList={SOURCE_LIST}", "-o", "Dir::Etc::SourceParts=-",
            "-o", "APT::Get::List-Cleanup=0"),
    other=_APT,
)  # fmt: skip
_PACKAGES_PLACES = ("/etc/", "/usr/", "/var/cache/", "/var/lib/", "/var/log/", "/var/spool/")
# $1 is the directory, the rest the packages under test: they are not of what was there before.
_BEFORE = """
state=$1; shift
mkdir -p -m 700 "$state" "$state/log"
printf '%s\\n' "$@" >"$state/own"
dpkg-query -W -f '${db:Status-Status} ${Package}:${Architecture}\\n' |
    sed '/^not-installed /d; s/^[^ ]* //' | sort -u >"$state/packages-all"
awk -F: 'NR == FNR { own[$1]; next } !($1 in own)' "$state/own" "$state/packages-all" \
    >"$state/packages-before"
cut -d: -f1 /etc/passwd | sort >"$state/accounts-before"
cut -d: -f1 /etc/group | sort >"$state/groups-before"
"""


@dataclass(frozen=True)
class SshSystem(System):
    """A machine at `address`; `replace` allows to replace, and purge, what is installed there."""

    address: Address
    config: Path | None = None
    replace: bool = False

    kind = "ssh"
    any_target = False
    own_root = False

    def __str__(self) -> str:
        return str(self.address)

    def targets_there(self, configured: Sequence[str]) -> Sequence[str]:
        """See System: those of its kind."""
        with SshSandbox(self.address, config=self.config) as system:
            facts = ask_facts(system)
        # Raspberry Pi OS calls itself by Debian's names.
        names = [facts.target, f"raspios-{facts.target}"]
        return [n for n in names if n in configured] or [facts.target]

    def layer(self, subject: Subject) -> None:
        """See System: the machine has packages of its own."""

    def prepare(self, subject: Subject, stack: ExitStack) -> Open:
        """See System; raises UsageError when the machine is of another kind or in use."""
        # One check at a time: each installs and purges there.
        stack.enter_context(subject.roots.cache.lock(f"machine-{self.address.host}"))
        subject.activity(f"connecting to {self.address.host}")
        system = stack.enter_context(SshSandbox(self.address, config=self.config))
        facts = ask_facts(system)
        if why := mismatch(facts, subject.target):
            raise UsageError(
                f"{self.address} is not a machine for {subject.target}: {why}",
                fix=Command("debwright", "check", "-t", facts.target, "--sandbox", self.address),
            )
        _finish_earlier(subject, system)
        names = [d.package for d in subject.installable]
        if not self.replace:
            self._refuse_installed(system, names)
        _bring(subject, system, stack, names)
        _resolve(subject, system)
        system.said.append(
            f"ran on a machine with {facts.distribution} {facts.codename or 'of no release'} "
            f"({facts.arch}), next to its other packages and services"
        )
        return lambda _: Opened(system=system, sources=_SOURCES)

    def _refuse_installed(self, system: SshSandbox, names: Sequence[str]) -> None:
        done = system.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n",
             "--", *names], check=False, timeout=60,
        )  # fmt: skip
        there = [r for r in done.output.splitlines() if r and not r.startswith("not-installed")]
        if there:
            raise UsageError(
                f"{self.address.destination} has the package already: "
                f"{', '.join(r.split()[1] for r in there if len(r.split()) > 1)}",
                evidence=[Evidence(text=r, file="dpkg-query") for r in there[:4]],
                cause="the check would replace it, and purge it with its data at the end",
                fix="use another machine; or, when nothing there is worth keeping: "
                f"debwright check --sandbox {self.address} --replace-installed",
            )


def _finish_earlier(subject: Subject, system: SshSandbox) -> None:
    """Clean up after a check whose connection broke before it could."""
    if system.run(["test", "-e", CLEANER], check=False, timeout=60).returncode == 0:
        subject.activity("cleaning up after an earlier check")
        if _run_cleaner(subject, system, "all"):
            raise _not_clean(system, "an earlier check left packages that could not be purged")


def _bring(subject: Subject, system: SshSandbox, stack: ExitStack, names: Sequence[str]) -> None:
    """Note what is there, leave the script that takes everything away, bring the packages."""
    system.run(["sh", "-ec", _BEFORE, "sh", STATE, *names], timeout=120,
               env={"LC_ALL": "C"})  # fmt: skip
    system.run(["sh", "-c", 'umask 077; cat > "$1"', "sh", CLEANER],
               stdin=CLEAN_SCRIPT.read_bytes(), timeout=60)  # fmt: skip
    if _run_cleaner(subject, system, "purge"):  # what was there of the packages under test
        raise CheckError("the installed packages could not be purged before the check")
    mark = system.mark_files()
    stack.callback(_clean, subject, system, mark)
    directory = stack.enter_context(subject.roots.cache.scratch("ssh"))
    repository = make_repository(
        directory / "repository", [*subject.installable, *subject.companions]
    )
    for path in sorted(repository.directory.iterdir()):
        subject.activity(f"sending {path.name}")
        system.push(path, f"{REPOSITORY}/{path.name}")
    system.run(["sh", "-ec", 'cat > "$1"; chmod 644 "$1"', "sh", SOURCE_LIST], stdin=SOURCE_LINE)


def _resolve(subject: Subject, system: SshSandbox) -> None:
    """That the machine's own archives have what the packages need; tried again like any archive."""
    wanted = [f"{d.package}={d.version}" for d in subject.installable]
    for arguments in (
        [*_SOURCES.update, "update"],
        [*_SOURCES.other, "--simulate", "install", *wanted],
    ):
        apt.retry(partial(_apt, subject, system, arguments), note=subject.log)


def _apt(subject: Subject, system: SshSandbox, arguments: Sequence[str]) -> None:
    done = apt.when_unlocked(
        lambda: system.run(
            ["apt-get", *apt.OPTIONS, *arguments], env=apt.NONINTERACTIVE, merge=True,
            check=False, sink=subject.log, timeout=900,
        ),
        note=subject.log,
    )  # fmt: skip
    if done.returncode == 0:
        return
    problem = apt.explain(done, f"{subject.target}: the packages cannot be installed")
    if isinstance(problem, apt.UnsatisfiableError):
        raise UnsatisfiableDependencies(
            problem.what, evidence=problem.evidence, cause=problem.cause,
            fix="on the machine: sudo apt-get update; " + (problem.fix or ""),
        )  # fmt: skip
    raise problem


def _clean(subject: Subject, system: SshSandbox, mark: ListedMark) -> None:
    """Purge what came, remove what the package left, and all notes of the check."""
    subject.activity("cleaning the machine")
    try:
        before = _run_cleaner(subject, system, "purge")
        mine, others = owned_leftovers(subject, system, mark)
        for path in others[:20]:
            subject.log(f"new since the check began, and left alone: {path}")
        if mine:
            system.run(["rm", "-rf", "--one-file-system", "--", *mine], timeout=120)
        if before + _run_cleaner(subject, system, "all"):
            raise CheckError("packages could not be purged")
    except DebwrightError as problem:
        raise _not_clean(system, problem.what) from problem


def _not_clean(system: SshSandbox, what: str) -> CleaningError:
    return CleaningError(
        f"{system.address.destination} could not be cleaned: {what}",
        fix=f"{system.address.command()} sudo sh {CLEANER} all",
    )


def _run_cleaner(subject: Subject, system: SshSandbox, what: str) -> int:
    done = system.run(["sh", CLEANER, what], check=False, merge=True, sink=subject.log, timeout=900)
    return done.returncode


def owned_leftovers(
    subject: Subject, system: SshSandbox, mark: ListedMark
) -> tuple[list[str], list[str]]:
    """What has appeared and is certainly the package's; and what may be another program's.

    The machine goes on with its own work meanwhile: only what belongs to an account that the
    package made, or is named after the package or its unit, is the package's.
    """
    listing = system.run(["cut", "-d:", "-f1,3", "/etc/passwd"], timeout=60).output
    known = set(system.run(["cat", f"{STATE}/accounts-before"], timeout=60).output.split())
    pairs = (row.partition(":") for row in listing.splitlines())
    uids = {int(uid) for name, _, uid in pairs if name not in known and uid.isdigit()}
    names = {d.package for d in subject.installable} | {d.source for d in subject.installable}
    names |= {service.unit.rpartition(".")[0] for service in subject.config.service}
    mine: list[str] = []
    others: list[str] = []
    for path, entry in sorted(leftovers(mark.created()).items()):
        if path == SOURCE_LIST:
            continue  # goes with the rest
        certain = entry.uid in uids or named_after(path, names)
        (mine if certain else others).append(path)
    return mine, others


def named_after(path: str, names: set[str]) -> bool:
    """Whether a new file is named after the package, in a place where packages put theirs.

    Elsewhere a name says nothing: people have directories of their own with a product's name.
    """
    return path.startswith(_PACKAGES_PLACES) and any(
        part.split(".")[0] in names for part in path.split("/")
    )


def _asked(asked: Asked) -> SshSystem:
    named = asked.loaded.config.section(Environments).ssh_config
    config = asked.loaded.resolve(named) if named else None
    if named and config is not None:
        require_harmless(config, named, asked.loaded.directory)
    return SshSystem(
        Address.parse(asked.text),
        config=config,
        replace=asked.replace,
    )


SSH = Kind(
    name="ssh",
    address="USER@HOST[:PORT]",
    make=_asked,
    about="a machine of yours",
    needs="a key, `sudo -n`",
    good_for="a Raspberry Pi on the desk",
    somebodys=True,
)
