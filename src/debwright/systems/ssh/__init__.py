"""Live checks on a real machine by ssh: what is there is told first, what came is taken away after.

The machine is somebody's. It resolves the dependencies from its own archives, is never rebooted,
and a package that is installed there is not touched unless debwright was told to.
"""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.environment import CleaningError, Open
from debwright.checks.engine.runtime import (
    REPOSITORY,
    SOURCE_LINE,
    SOURCE_LIST,
    UnsatisfiableDependencies,
    make_repository,
)
from debwright.checks.engine.session import AptSources, Session
from debwright.checks.live.purge import leftovers
from debwright.model.errors import CheckError, DebwrightError, Evidence, UsageError
from debwright.model.suites import suite_info
from debwright.model.targets import Target
from debwright.roots import apt
from debwright.systems import inside
from debwright.systems.ssh import CLEANER, Address, SshSandbox

CLEAN_SCRIPT = Path(__file__).with_name("clean.sh")

# apt notes apart from the machine's own log what it installs for the check: that and nothing else
# is purged in the end.
_APT = ("-o", f"Dir::Log={inside.STATE}/log")
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
class Facts:
    """What a machine says of itself; `codename` is None where its release has none."""

    arch: str
    distribution: str
    codename: str | None

    @property
    def target(self) -> str:
        return f"{self.codename or self.distribution}-{self.arch}"


def ask_facts(system: SshSandbox) -> Facts:
    """Architecture and release (os-release(5)); raises CheckError on a system without dpkg."""
    arch = inside.dpkg_architecture(system)
    return facts_of(arch, system.run(["cat", "/etc/os-release"], check=False, timeout=60).output)


def facts_of(arch: str, release: str) -> Facts:
    """`release` is the text of os-release(5)."""
    return Facts(arch, _field(release, "ID") or "linux", _field(release, "VERSION_CODENAME"))


def _field(text: str, name: str) -> str | None:
    match = re.search(rf'^{name}="?([a-z0-9][a-z0-9.+_-]{{0,40}})"?$', text, re.M)
    return match[1] if match else None


def mismatch(facts: Facts, target: Target) -> str | None:
    """Why packages for `target` say nothing about a machine like this, or None."""
    if facts.arch != target.arch:
        return f"it is a machine for {facts.arch} packages"
    info = suite_info(target.suite)
    # Raspberry Pi OS for 64 bits calls itself debian; 32-bit ones were told above.
    family = {"raspios": {"debian", "raspbian"}}.get(info.distribution, {info.distribution})
    if info.known and facts.distribution not in family:
        return f"it runs {facts.distribution}"
    if info.known and info.release and facts.codename != info.codename:
        return f"it runs {facts.codename or facts.distribution}"
    return None


@dataclass(frozen=True)
class SshEnvironment:
    """A machine at `address`; `replace` allows to replace, and purge, what is installed there."""

    address: Address
    config: Path | None = None
    replace: bool = False

    kind = "ssh"
    elsewhere = False
    several = False

    def __str__(self) -> str:
        return str(self.address)

    def unavailable(self) -> str | None:
        return None

    def layer(self, _: CheckContext) -> None:
        """See Environment: the machine has packages of its own."""

    def prepare(self, context: CheckContext, stack: ExitStack) -> Open:
        """See Environment; raises UsageError when the machine is of another kind or in use."""
        # One check at a time: each installs and purges there.
        stack.enter_context(context.cache.lock(f"machine-{self.address.host}"))
        context.activity(f"connecting to {self.address.host}")
        system = stack.enter_context(SshSandbox(self.address, config=self.config))
        facts = ask_facts(system)
        if why := mismatch(facts, context.target):
            raise UsageError(
                f"{self.address} is not a machine for {context.target}: {why}",
                fix=f"debwright check -t {facts.target} --sandbox {self.address}",
            )
        _finish_earlier(context, system)
        names = [d.package for d in context.installable]
        if not self.replace:
            self._refuse_installed(system, names)
        _bring(context, system, stack, names)
        _resolve(context, system)
        system.said.append(
            f"ran on a machine with {facts.distribution} {facts.codename or 'of no release'} "
            f"({facts.arch}), beside its other packages and services"
        )
        return lambda _: Session.begin(context, system, _SOURCES)

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


def _finish_earlier(context: CheckContext, system: SshSandbox) -> None:
    """Clean up after a check whose connection broke before it could."""
    if system.run(["test", "-e", CLEANER], check=False, timeout=60).returncode == 0:
        context.activity("cleaning up after an earlier check")
        if _run_cleaner(context, system, "all"):
            raise _not_clean(system, "an earlier check left packages that could not be purged")


def _bring(
    context: CheckContext, system: SshSandbox, stack: ExitStack, names: Sequence[str]
) -> None:
    """Note what is there, leave the script that takes everything away, bring the packages."""
    system.run(["sh", "-ec", _BEFORE, "sh", inside.STATE, *names], timeout=120,
               env={"LC_ALL": "C"})  # fmt: skip
    system.run(["sh", "-c", 'umask 077; cat > "$1"', "sh", CLEANER],
               stdin=CLEAN_SCRIPT.read_bytes(), timeout=60)  # fmt: skip
    if _run_cleaner(context, system, "purge"):  # what was there of the packages under test
        raise CheckError("the installed packages could not be purged before the check")
    mark = system.mark_files()
    stack.callback(_clean, context, system, mark)
    directory = stack.enter_context(context.cache.scratch("ssh"))
    repository = make_repository(
        directory / "repository", [*context.installable, *context.companions]
    )
    for path in sorted(repository.directory.iterdir()):
        context.activity(f"sending {path.name}")
        system.push(path, f"{REPOSITORY}/{path.name}")
    system.run(["sh", "-ec", 'cat > "$1"; chmod 644 "$1"', "sh", SOURCE_LIST], stdin=SOURCE_LINE)


def _resolve(context: CheckContext, system: SshSandbox) -> None:
    """That the machine's own archives have what the packages need; tried again like any archive."""
    wanted = [f"{d.package}={d.version}" for d in context.installable]
    for arguments in (
        [*_SOURCES.update, "update"],
        [*_SOURCES.other, "--simulate", "install", *wanted],
    ):
        apt.retry(partial(_apt, context, system, arguments), note=context.log)


def _apt(context: CheckContext, system: SshSandbox, arguments: Sequence[str]) -> None:
    done = apt.when_unlocked(
        lambda: system.run(
            ["apt-get", *apt.OPTIONS, *arguments], env=apt.NONINTERACTIVE, merge=True,
            check=False, sink=context.log, timeout=900,
        ),
        note=context.log,
    )  # fmt: skip
    if done.returncode == 0:
        return
    problem = apt.explain(done, f"{context.target}: the packages cannot be installed")
    if isinstance(problem, apt.UnsatisfiableError):
        raise UnsatisfiableDependencies(
            problem.what, evidence=problem.evidence, cause=problem.cause,
            fix="on the machine: sudo apt-get update; " + (problem.fix or ""),
        )  # fmt: skip
    raise problem


def _clean(context: CheckContext, system: SshSandbox, mark: inside.ListedMark) -> None:
    """Purge what came, remove what the package left, and all notes of the check."""
    context.activity("cleaning the machine")
    try:
        before = _run_cleaner(context, system, "purge")
        mine, others = owned_leftovers(context, system, mark)
        for path in others[:20]:
            context.log(f"new since the check began, and left alone: {path}")
        if mine:
            system.run(["rm", "-rf", "--one-file-system", "--", *mine], timeout=120)
        if before + _run_cleaner(context, system, "all"):
            raise CheckError("packages could not be purged")
    except DebwrightError as problem:
        raise _not_clean(system, problem.what) from problem


def _not_clean(system: SshSandbox, what: str) -> CleaningError:
    return CleaningError(
        f"{system.address.destination} could not be cleaned: {what}",
        fix=f"{system.address.command()} sudo sh {CLEANER} all",
    )


def _run_cleaner(context: CheckContext, system: SshSandbox, what: str) -> int:
    done = system.run(["sh", CLEANER, what], check=False, merge=True, sink=context.log, timeout=900)
    return done.returncode


def owned_leftovers(
    context: CheckContext, system: SshSandbox, mark: inside.ListedMark
) -> tuple[list[str], list[str]]:
    """What has appeared and is certainly the package's; and what may be another program's.

    The machine goes on with its own work meanwhile: only what belongs to an account that the
    package made, or is named after the package or its unit, is the package's.
    """
    listing = system.run(["cut", "-d:", "-f1,3", "/etc/passwd"], timeout=60).output
    known = set(system.run(["cat", f"{inside.STATE}/accounts-before"], timeout=60).output.split())
    pairs = (row.partition(":") for row in listing.splitlines())
    uids = {int(uid) for name, _, uid in pairs if name not in known and uid.isdigit()}
    names = {d.package for d in context.installable} | {d.source for d in context.installable}
    if service := context.config.service:
        names.add(service.unit.removesuffix(".service"))
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
