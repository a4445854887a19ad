"""The programs that run containers: docker, and podman, which took over its command line.

Where the two differ is data here; all else of this package is the same for both. podman has no
daemon, knows how to run systemd (podman-run(1), --systemd), and limits what it starts to what it
may set itself.
"""

import os
import resource
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.host import process
from debwright.host.process import CommandError, Completed
from debwright.model.arch import ARCHITECTURES, BY_GO
from debwright.model.errors import DebwrightError, Evidence, MissingError, printable
from debwright.model.fix import Install
from debwright.roots.apt import MirrorError

OWNER_LABEL = "debwright.owner"
LAYER_LABEL = "debwright.layer"

_CAP_SYS_RESOURCE = 24
_UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")
"""There where control groups are of version 2 alone (cgroups(7))."""
# What systemd and the sandboxing of units need (systemd.exec(5)): mounts of their own and network
# namespaces. Not --privileged: that takes every capability the kernel
# knows, and fails where the daemon itself has not got them all.
_SANDBOXING = (
    "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE",
    "--cap-drop=MKNOD", "--security-opt=apparmor=unconfined",
)  # fmt: skip


@dataclass(frozen=True)
class Image:
    """An image that the engine has; `arch` is Debian's name where it is known, else Go's."""

    id: str
    arch: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One of the programs, by what is its own."""

    name: str
    package: str
    probe: tuple[str, ...]
    """A command that succeeds where containers can be started."""
    trouble: str
    """What is wrong where it does not."""
    cause: str
    fix: str
    init: tuple[str, ...]
    """Options of a container whose process 1 is systemd: control groups, /run, signals."""
    platform: Callable[[str], tuple[str, ...]]
    """Options of `import` that say the architecture, by Go's name of it."""
    general: Callable[[], tuple[str, ...]] = tuple
    """Options before every command."""
    limits: Callable[[], tuple[str, ...]] = tuple
    """Options of `create` on this machine."""
    at_once: tuple[str, ...] = ()
    """Options of `rm --force`, which is not to wait."""

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """The argv of one of its commands."""
        return [self.name, *self.general(), *arguments]

    def run(
        self, *arguments: str | Path, timeout: float, check: bool = True, merge: bool = False
    ) -> Completed:
        """Run one of its commands."""
        return process.run(self.command(*arguments), timeout=timeout, check=check, merge=merge)

    def problem(self) -> MissingError | None:
        """Why no container can be started from here, with the command that helps."""
        try:
            done = self.run(*self.probe, check=False, timeout=30)
        except MissingError:
            return MissingError(f"{self.name} is not installed", fix=Install(self.package))
        if done.returncode == 0:
            return None
        evidence = [Evidence(text=line) for line in done.tail(3)]
        if "permission denied" in done.error.lower():
            return MissingError(
                f"this user may not use {self.name}", evidence=evidence,
                fix="run the same command with sudo, or: sudo adduser $USER docker, and log in "
                "again" if self is DOCKER else "run the same command with sudo",
            )  # fmt: skip
        return MissingError(self.trouble, evidence=evidence, cause=self.cause, fix=self.fix)

    def create(
        self, name: str, image: str, command: Sequence[str], options: Sequence[str] = ()
    ) -> None:
        """Make a container without a network that is this process's."""
        self.run(
            "create", f"--name={name}", f"--label={OWNER_LABEL}={_owner(os.getpid())}",
            "--network=none", "--hostname=debwright", *self.limits(), *options, "--", image,
            *command, timeout=300,
        )  # fmt: skip

    def removal(self, name: str) -> list[str | Path]:
        """The argv that ends a container, running or not, and removes it."""
        return self.command("rm", "--force", "--volumes", *self.at_once, name)

    def remove(self, name: str) -> None:
        """End a container and remove it; none of that name is no error."""
        process.run(self.removal(name), check=False, timeout=60)

    def running(self, name: str) -> bool:
        """Whether a container's process 1 runs."""
        done = self.run("inspect", "--format={{.State.Running}}", name, check=False, timeout=30)
        return done.output.strip() == "true"

    def remove_orphans(self) -> None:
        """Remove containers whose debwright, and whose reaper too, were killed."""
        listing = self.run(
            "ps", "--all", f"--filter=label={OWNER_LABEL}",
            f'--format={{{{.Names}}}} {{{{.Label "{OWNER_LABEL}"}}}}', check=False, timeout=30,
        )  # fmt: skip
        for line in listing.output.splitlines():
            name, _, owner = line.partition(" ")
            pid = owner.rpartition("/")[2]
            if pid.isdigit() and owner == _owner(pid) and not Path("/proc", pid).exists():
                self.remove(name)

    def has_image(self, name: str) -> bool:
        """Whether an image of that name is there."""
        return self.run("image", "inspect", name, check=False, timeout=60).returncode == 0

    def import_image(self, tarball: Path, name: str, arch: str, labels: Mapping[str, str]) -> None:
        """Make an image of a root's tarball. Raises DebwrightError with the engine's words."""
        changes = [f"--change=LABEL {key}={value}" for key, value in labels.items()]
        platform = self.platform(ARCHITECTURES[arch].go)
        try:
            self.run("import", *platform, *changes, tarball, name, timeout=900)
        except CommandError as error:
            raise DebwrightError(
                f"{self.name} did not take the root as an image", evidence=error.evidence,
                fix=f"{self.name} info; {self.name} system df",
            ) from error  # fmt: skip

    def pull_image(self, name: str, arch: str) -> Image:
        """The image as its registry has it now; the engine's own where no registry has one.

        Raises MirrorError when there is neither: registries fail now and then.
        """
        platform = f"--platform=linux/{ARCHITECTURES[arch].go}"
        done = self.run("pull", "--quiet", platform, "--", name, check=False, timeout=1800)
        known = self.run(
            "image", "inspect", "--format={{.Id}} {{.Architecture}}", "--", name,
            check=False, timeout=60,
        )  # fmt: skip
        words = known.output.split()
        if known.returncode == 0 and len(words) == 2:
            row = BY_GO.get(words[1])
            return Image(words[0], row.name if row else words[1])
        raise MirrorError(
            f"the image {name} cannot be pulled for {arch}",
            evidence=[
                Evidence(text=printable(line), file=f"{self.name} pull") for line in done.tail(3)
            ],
            cause="the name is wrong, or its registry is down or wants a login",
            fix=f"{self.name} pull {platform} {name}",
        )

    def export_image(self, identifier: str, tarball: Path) -> None:
        """The image's files, all layers of it, as a tarball."""
        name = container_name()
        try:
            self.create(name, identifier, ["true"])
            self.run("export", f"--output={tarball}", name, timeout=900)
        finally:
            self.remove(name)


def container_name() -> str:
    """A new container's name."""
    return f"debwright-{os.getpid()}-{secrets.token_hex(4)}"


def _owner(pid: int | str) -> str:
    """Names a process of this machine: a daemon may serve several, and containers of one."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}/{pid}"


def _runtime() -> tuple[str, ...]:
    """runc where control groups are not of version 2 alone.

    crun, which podman prefers, refuses the mixed kind and wants every hierarchy of version 1.
    """
    runc = None if _UNIFIED.exists() else shutil.which("runc")
    return (f"--runtime={runc}",) if runc else ()


def _raises_limits() -> bool:
    """Whether podman may do as it likes; of an ordinary user it knows that it may not."""
    status = Path("/proc/self/status").read_text()
    effective = next(int(s.split()[1], 16) for s in status.splitlines() if s.startswith("CapEff:"))
    return os.geteuid() != 0 or bool(effective >> _CAP_SYS_RESOURCE & 1)


def _own_limits() -> tuple[str, ...]:
    """This machine's own limits, where podman may not raise them (capabilities(7)).

    Unasked it gives a container more open files and processes than it has itself; as many
    processes as it keeps for itself are no more than there can be process numbers.
    """
    if _raises_limits():
        return ()
    most = int(Path("/proc/sys/kernel/pid_max").read_text())
    limits = []
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(number)[1]
        if name == "nproc":
            hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
        limits.append(f"--ulimit={name}={hard}:{hard}")
    return tuple(limits)


DOCKER = Engine(
    name="docker",
    package="docker.io",
    probe=("version", "--format={{.Server.Version}}"),
    trouble="there is no docker daemon to talk to",
    cause="it is not running, or DOCKER_HOST names another place",
    fix="sudo systemctl start docker; docker info",
    init=(
        *_SANDBOXING, "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
        "--tmpfs=/run:exec,mode=755", "--tmpfs=/run/lock", "--env=container=docker",
        "--stop-signal=SIGRTMIN+3",
    ),
    platform=lambda go: (f"--platform=linux/{go}",),
)  # fmt: skip

PODMAN = Engine(
    name="podman",
    package="podman",
    probe=("info", "--format={{.Host.Arch}}"),
    trouble="podman does not work here",
    cause="its storage or its configuration cannot be used by this user",
    fix="podman info; podman system migrate",
    init=(*_SANDBOXING, "--systemd=always"),
    platform=lambda go: ("--os=linux", f"--arch={go}"),
    general=_runtime,
    limits=_own_limits,
    at_once=("--time=0",),
)
