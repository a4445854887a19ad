"""One booted system that the live checks share: the package goes in, runs, and goes out again."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from typing import ClassVar, Self

from debwright.checks.engine import debconf, user_manager
from debwright.checks.engine.base import Check, CheckContext
from debwright.checks.engine.processes import outside_units
from debwright.checks.engine.secret_patterns import masked
from debwright.checks.engine.units import SHOWN, Unit
from debwright.config import Service
from debwright.host.process import Completed
from debwright.isolation.snapshot import Altered, Entry
from debwright.model.errors import CheckError, DebwrightError
from debwright.model.errors import Evidence as ErrorEvidence
from debwright.model.results import CheckResult, Evidence
from debwright.roots import apt
from debwright.roots.store import Layer
from debwright.systems import siblings
from debwright.systems.base import AptSources, BootedSandbox, FileMark, Open, Opened
from debwright.systems.runtime import asked

SMOKE_SECONDS = 120.0
SLOWER_EMULATED = 6.0
"""How much longer than configured a service may take under an emulator before it fails."""
# dpkg's words from 1.19 on, and those before; a package's name is only in the former.
_SCRIPT = re.compile(
    r"(?:(?:installed|new|old) (?P<package>\S+) package (?P<script>[a-z-]+) script subprocess"
    r"|subprocess (?:installed|new|old) (?P<old_script>[a-z-]+) script)"
    r" (?:returned error|was killed)"
)
_NUMBERS = re.compile(r"\d+")
_FAILED_PACKAGE = re.compile(r"^dpkg: error processing (?:package|archive) (?P<package>[^\s(]+)")
_SCRIPTS = {
    "pre-installation": "preinst", "post-installation": "postinst",
    "pre-removal": "prerm", "post-removal": "postrm",
}  # fmt: skip


class MaintainerScriptError(CheckError):
    """A preinst, postinst, prerm or postrm failed (Debian policy 6)."""


@dataclass(frozen=True, kw_only=True)
class Reinstalled:
    """How installing the packages over themselves went; file digests are MD5, as dpkg's."""

    packaged: Mapping[str, str]
    """Conffile to the digest that dpkg remembers of the packaged one."""
    before: Mapping[str, str]
    """Conffile to its digest before anything was edited."""
    edited: Mapping[str, str]
    """Conffile to its digest once edited, before the reinstallation."""
    seconds: float
    problem: DebwrightError | None = None


@dataclass
class Session:
    """A booted root of the target and what was seen of it."""

    context: CheckContext
    system: BootedSandbox
    before: FileMark
    """The files there were before the package came."""
    accounts_before: set[str] = field(default_factory=set)
    ports_before: set[str] = field(default_factory=set)
    processes_before: set[str] = field(default_factory=set)
    """What was started as the checks start theirs, before the packages came (processes.py)."""
    sources: AptSources = field(default_factory=AptSources)
    install_seconds: float = 0.0
    installed_at: float = 0.0
    """When installation ended, by time.monotonic."""
    stopped: bool = False
    """Whether a check has stopped the healthy service, and it is to be started again."""
    gone: bool = False
    """Whether the packages have been purged without a failure."""
    upgraded: bool = False
    """Whether the packages have replaced the previous release."""
    markers: dict[str, str] = field(default_factory=dict)
    """Files that were put among the service's data before the upgrade, with their content."""
    lost: str | None = None
    """Why there is no system any more that later checks could look at."""
    up: set[str] = field(default_factory=set)
    """Listed units that are up and answer, as far as the checks before have seen."""
    ports_reported: set[str] = field(default_factory=set)
    """Ports that were open when a check looked: each is reported once."""
    log_reported: set[str] = field(default_factory=set)
    """Units whose logged errors a check has found: each is reported once."""
    unit_owners: dict[str, frozenset[str]] = field(default_factory=dict)
    """Unit to the packages that ship it (packaged.py)."""
    shipped: frozenset[str] | None = None
    """Every path of the packages, once it has been asked for (packaged.py)."""
    finished: set[str] = field(default_factory=set)
    """Oneshot units that a check has seen end with success: systemd forgets what none refers to."""
    failed_before: set[str] = field(default_factory=set)
    """Units of the system that had failed before the packages came."""
    units_reported: set[str] = field(default_factory=set)
    """Units that a check has found dead: each is reported once."""
    by_hand: set[str] = field(default_factory=set)
    """Units that the packages leave to the administrator to start, and the checks have."""
    reinstalled: Reinstalled | None = None
    memory_seen: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Unit to when its memory was first measured, in seconds after installation, and the bytes."""
    secrets: set[str] = field(default_factory=set)
    """Values of the configuration that a check has found in the log: no excerpt repeats them."""
    ours: set[str] = field(default_factory=set)
    """Paths that came up while commands of debwright.toml ran: none of the packages' doing."""
    layer: Layer | None = None
    """The root with the packages' dependencies; None on a machine that has its own."""
    siblings: tuple[str, ...] = ()
    """Packages that are not checked, but come and go with those that are (siblings.py)."""
    measured: dict[str, dict[str, float]] = field(default_factory=dict)
    """Measurements of the checks before, by their names."""
    _up: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Unit to the moment it came up, in systemd's words, and when that was first seen."""

    @classmethod
    def begin(cls, context: CheckContext, opened: Opened) -> Self:
        """A session on a system the package has not come to yet: what is there is remembered."""
        system, layer = opened.system, opened.layer
        session = cls(context, system, before=system.mark_files(), layer=layer)
        session.sources = opened.sources
        session.accounts_before = session.accounts()
        session.ports_before = system.listening()
        session.failed_before = session.failed_units()
        session.processes_before = outside_units(system)
        session.siblings = tuple(d.package for d in siblings.packages(layer)) if layer else ()
        return session

    @property
    def services(self) -> list[Service]:
        """The listed services, the main one first."""
        return self.context.config.service

    @property
    def healthy(self) -> bool:
        """Whether the main service is up."""
        return any(service.unit in self.up for service in self.services[:1])

    def saw(self, service: Service, *, up: bool) -> None:
        """Remember whether a listed service is up."""
        (self.up.add if up else self.up.discard)(service.unit)

    def created(self) -> dict[str, Entry]:
        """What is in the system now and was not before installation."""
        return self.before.created()

    def altered(self) -> dict[str, Altered]:
        """Files of the system that are gone, or of another kind, owner or mode since then.

        None of a machine that is somebody's: its other programs go on with their work.
        """
        return {} if self.layer is None else self.before.altered()

    def rewritten(self) -> set[str]:
        """Files of the system that have been written to since then; none of somebody's machine."""
        return set() if self.layer is None else self.before.rewritten()

    def listening(self) -> set[str]:
        """`ADDRESS:PORT/PROTOCOL` of the sockets that wait for others, and did not before."""
        return self.system.listening() - self.ports_before

    def apt(self, arguments: list[str], what: str) -> Completed:
        """apt-get inside, from the session's sources; raises MaintainerScriptError too."""
        if arguments[:1] in (["install"], ["satisfy"]):
            self._preseed()
        options = self.sources.update if arguments[:1] == ["update"] else self.sources.other
        # apt would ask dpkg three times for the architectures.
        known = ("-o", f"APT::Architectures::={self.context.target.arch}")
        return self._change(["apt-get", *apt.OPTIONS, *options, *known, *arguments], what)

    def _preseed(self) -> None:
        """Answer debconf's questions before they are asked; a purge has forgotten the answers."""
        context = self.context
        known = [*context.installable, *context.rivals]
        answers = debconf.selections(context.config, known, context.project)
        if not answers:
            return
        try:
            self.system.run(["debconf-set-selections"], stdin=answers, timeout=self.patience(60))
        except DebwrightError as problem:
            raise debconf.preseed_failed(problem) from None

    def unpack_again(self, paths: Sequence[str]) -> Completed:
        """dpkg --install of files in the system, as apt does it when a package is upgraded."""
        return self._change(
            ["dpkg", "--install", "--force-confold", "--", *paths], "installing the packages again"
        )

    def remove(self, packages: list[str]) -> Completed:
        """Remove packages, keeping their configuration. dpkg refuses when others need them."""
        return self._change(["dpkg", "--remove", "--", *packages], "removing the packages")

    def purge(self, packages: list[str]) -> Completed:
        """Purge packages that are removed."""
        return self._change(["dpkg", "--purge", "--", *packages], "purging the packages")

    def _change(self, command: list[str], what: str) -> Completed:
        done = apt.when_unlocked(
            lambda: self.system.run(
                command, env=apt.NONINTERACTIVE, merge=True, check=False, sink=self.context.log,
                timeout=900,
            ),
            note=self.context.log,
        )  # fmt: skip
        if self.of_users:
            self.system.run(user_manager.LOGOUT, check=False, timeout=self.patience(180))
        if done.returncode != 0:
            raise script_failure(done, what, self.context) or apt.explain(done, what)
        return done

    def install(self) -> None:
        started = time.monotonic()
        self.apt(["update"], "reading the local repository")
        wanted = asked(self.context.installable, self.context.relations)
        self.apt(wanted, "installing the packages")
        self.installed_at = time.monotonic()
        self.install_seconds = self.installed_at - started

    def since_install(self) -> float:
        """Seconds since installation ended."""
        return time.monotonic() - self.installed_at

    def unit(self, name: str) -> dict[str, str]:
        """systemctl show, as a dictionary (org.freedesktop.systemd1(5))."""
        return self.units([name]).get(name, {})

    def units(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """What `unit` gives of each of them, asked for at once."""
        users = [name for name in names if name in self.of_users]
        mine = [name for name in names if name not in self.of_users]
        return {**self._shown(mine), **self._shown(users)}

    def _shown(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """Of units of one manager."""
        if not names:
            return {}
        done = self.system.run(
            [*self.manager(names[0]), "show", f"--property={','.join(SHOWN)}", "--", *names],
            check=False,
        )
        # A block for each, in their order; an alias has the Id of what it stands for.
        blocks = done.output.strip("\n").split("\n\n")
        return {
            name: dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            for name, block in zip(names, blocks, strict=False)
        }

    @property
    def of_users(self) -> set[str]:
        """The listed units that are not the system's, but each user's own."""
        return {service.unit for service in self.services if service.scope == "user"}

    def manager(self, name: str) -> tuple[str, ...]:
        """systemctl of the manager that the unit is one of; a verb follows."""
        return user_manager.SYSTEMCTL if name in self.of_users else ("systemctl",)

    def logged_by(self, name: str) -> list[str]:
        """What selects the unit's messages, and systemd's about it, in journalctl."""
        return user_manager.logged_by(name) if name in self.of_users else [f"--unit={name}"]

    def failed_units(self) -> set[str]:
        """The failed units of the system (systemctl(1), --failed)."""
        if self.system.without_init:
            return set()
        done = self.system.run(
            ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--full"],
            check=False, timeout=self.patience(60),
        )  # fmt: skip
        return {line.split()[0] for line in done.output.splitlines() if line.split()}

    def seen_up(self, unit: Unit) -> float:
        """Seconds since a unit that is up was first seen so, without a break since."""
        came, now = unit.get("ActiveEnterTimestampMonotonic", ""), time.monotonic()
        before = self._up.get(unit.get("Id", ""))
        if before is None or before[0] != came:
            before = self._up[unit.get("Id", "")] = (came, now)
        return now - before[1]

    def patience(self, seconds: float) -> float:
        """How long to wait for what takes `seconds` without an emulator."""
        return seconds * SLOWER_EMULATED if self.system.emulated else seconds

    def systemctl(self, verb: str, name: str, timeout: float) -> Completed:
        """`systemctl VERB`; a start is not refused because the checks have started it before."""
        if verb in {"start", "restart"}:
            self.forgive_starts(name)
        return self.system.run(
            [*self.manager(name), verb, "--", name], merge=True, check=False, timeout=timeout
        )

    def forgive_starts(self, name: str) -> None:
        """Let systemd forget how often the checks have started the unit (StartLimitBurst=)."""
        self.system.run([*self.manager(name), "reset-failed", "--", name], check=False, timeout=60)

    def journal(self, unit: str, lines: int = 12) -> tuple[Evidence, ...]:
        """The end of the unit's journal, `lines` of it; what is said over and over counts once."""
        done = self.system.run(
            ["journalctl", "--no-pager", "--output=cat", f"--lines={20 * lines}",
             *self.logged_by(unit)],
            check=False, timeout=60,
        )  # fmt: skip
        return tuple(
            Evidence(text=masked(line, self.secrets), file=f"journal of {unit}")
            for line in condensed(done.output.splitlines())[-lines:]
        )

    @property
    def packages(self) -> list[str]:
        """Names of the packages under test, and of those that come and go with them."""
        return [*(d.package for d in self.context.installable), *self.siblings]

    def accounts(self) -> set[str]:
        """Names of the user accounts there are now."""
        done = self.system.run(["cat", "/etc/passwd"])
        return {line.split(":", 1)[0] for line in done.output.splitlines()}

    def smoke(self, command: str, timeout: float | None = None) -> Completed:
        """`sh -c COMMAND`; within SMOKE_SECONDS, or as much longer as an emulator takes."""
        limit = self.patience(SMOKE_SECONDS) if timeout is None else timeout
        return self.system.run(["sh", "-c", command], merge=True, check=False, timeout=limit)


def condensed(lines: Iterable[str]) -> list[str]:
    """The lines, with runs of those that differ in numbers alone cut to the last and a count."""
    shown: list[str] = []
    for _, run in groupby(lines, key=lambda line: _NUMBERS.sub("0", line)):
        alike = list(run)
        if len(alike) > 2:
            shown.append(f"({len(alike) - 1} lines like the next)")
            alike = alike[-1:]
        shown += alike
    return shown


def sessions(context: CheckContext, opening: Open) -> Callable[[ExitStack], Session]:
    """How sessions begin on the systems that `opening` starts."""
    return lambda stack: Session.begin(context, opening(stack))


def script_failure(
    done: Completed, what: str, context: CheckContext
) -> MaintainerScriptError | None:
    """The maintainer script that failed, with what it said before."""
    lines = done.output.splitlines()
    package = "a package"
    for number, line in enumerate(lines):
        if failed := _FAILED_PACKAGE.match(line):
            package = failed["package"]
        match = _SCRIPT.search(line)
        if match is None:
            continue
        words = match["script"] or match["old_script"]
        script = _SCRIPTS.get(words, words)
        return MaintainerScriptError(
            f"{what} failed: {script} of {match['package'] or package} ended with an error",
            evidence=[ErrorEvidence(text=text) for text in lines[max(0, number - 7) : number + 1]],
            cause=f"a command in debian/{script} or in what debhelper added to it returned an "
            "error",
            fix=context.shell("dpkg --configure -a --debug=2"),
        )
    return None


class LiveCheck(Check):
    """A check on the booted system."""

    needs_init: ClassVar[bool] = True
    """Whether it looks at units, which are not there where systemd does not run."""
    clean_system: ClassVar[bool] = False
    """Whether it begins without the packages: a second system does as well then."""

    def run(self, session: Session) -> CheckResult:
        raise NotImplementedError
