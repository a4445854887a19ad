"""A booted system in a Docker container: systemd as process 1, a network of its own.

Commands go through `docker exec`, so the daemon may be anywhere. Where Docker does not let systemd
run, the container runs without it, and says so: packages can then be installed and removed only.
"""

import os
import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from debwright.host import process
from debwright.host.process import CommandError, Completed
from debwright.isolation.emulation import PRELOAD, QEMU_USER_NOTE
from debwright.model.errors import DebwrightError, Evidence, MissingError, printable
from debwright.roots.apt import MirrorError
from debwright.systems import inside
from debwright.systems.base import BootError
from debwright.systems.remote import Talked

BOOT_TIMEOUT = 120.0
OWNER_LABEL = "debwright.owner"

# What systemd and the sandboxing of units need (systemd.exec(5)): mounts of their own, network
# namespaces, system call filters, and control groups it may write. Not --privileged: that takes
# every capability the kernel knows, and fails where the daemon itself has not got them all.
_SYSTEMD = (
    "--cap-add=SYS_ADMIN", "--cap-add=NET_ADMIN", "--cap-add=SYS_PTRACE",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined",
    "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run:exec,mode=755", "--tmpfs=/run/lock", "--env=container=docker",
    "--stop-signal=SIGRTMIN+3",
)  # fmt: skip
_INIT = ("/sbin/init",)
_IDLE = ("sleep", "infinity")


def docker_problem() -> MissingError | None:
    """Why no container can be started from here, with the command that helps."""
    try:
        done = process.run(
            ["docker", "version", "--format={{.Server.Version}}"], check=False, timeout=30
        )
    except MissingError:
        return MissingError("docker is not installed", fix="sudo apt-get install docker.io")
    if done.returncode == 0:
        return None
    evidence = [Evidence(text=line) for line in done.tail(3)]
    if "permission denied" in done.error.lower():
        return MissingError(
            "this user may not talk to the docker daemon", evidence=evidence,
            fix="run the same command with sudo, or: sudo adduser $USER docker, and log in again",
        )  # fmt: skip
    return MissingError(
        "there is no docker daemon to talk to", evidence=evidence,
        cause="it is not running, or DOCKER_HOST names another place",
        fix="sudo systemctl start docker; docker info",
    )  # fmt: skip


@dataclass
class DockerSandbox(Talked):
    """A context manager: entering starts a container of `image`, leaving removes it."""

    image: str
    content: Path
    """A directory whose files are put into the container before it starts, as root's."""
    emulated: bool = False
    preloaded: bool = False
    """Whether `content` has the library that process 1 of an emulated system needs."""
    said: Sequence[str] = ()
    """Notes on where the image comes from."""
    boot_seconds: float = 0.0
    without_init: str | None = None
    name: str = field(default_factory=lambda: f"debwright-{os.getpid()}-{secrets.token_hex(4)}")
    _reaper: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    kind = "docker"

    def __enter__(self) -> Self:
        if problem := docker_problem():
            raise problem
        _remove_orphans()
        self._reaper = _start_reaper(self.name)
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        reaper, self._reaper = self._reaper, None
        if reaper is not None and reaper.stdin is not None:
            reaper.stdin.close()
            reaper.wait()

    def _start(self) -> None:
        started = time.monotonic()
        try:
            preload = (f"--env=LD_PRELOAD=/{PRELOAD}",) if self.preloaded else ()
            self._create((*_SYSTEMD, *preload), _INIT)
            self._wait_until_up(started)
        except (CommandError, BootError) as problem:
            said = problem.evidence[-1].text if problem.evidence else problem.what
            process.run(["docker", "rm", "--force", self.name], check=False, timeout=60)
            self._create((), _IDLE)
            self.without_init = f"systemd does not run in this docker container: {said[:300]}"
        self.boot_seconds = time.monotonic() - started

    def _create(self, options: Sequence[str], command: Sequence[str]) -> None:
        process.run(
            ["docker", "create", f"--name={self.name}",
             f"--label={OWNER_LABEL}={_owner(os.getpid())}",
             "--network=none", "--hostname=debwright", *options, self.image, *command],
            timeout=120,
        )  # fmt: skip
        process.run(["docker", "cp", f"{self.content}/.", f"{self.name}:/"], timeout=300)
        process.run(["docker", "start", self.name], timeout=120)

    def _wait_until_up(self, started: float) -> None:
        """Until systemd has started everything; what failed of it is not the container's fault."""
        while time.monotonic() - started < BOOT_TIMEOUT:
            process.go_on()
            state = self.run(["systemctl", "is-system-running"], check=False, timeout=30)
            if state.output.strip() in {"running", "degraded"}:
                return
            if not self._running():
                break
            time.sleep(0.1)
        logs = process.run(["docker", "logs", "--tail=8", self.name], check=False, merge=True)
        raise BootError(
            "the system in the docker container did not come up",
            evidence=[Evidence(text=printable(line), file="docker logs") for line in logs.tail(8)],
        )

    def _running(self) -> bool:
        done = process.run(
            ["docker", "inspect", "--format={{.State.Running}}", self.name],
            check=False, timeout=30,
        )  # fmt: skip
        return done.output.strip() == "true"

    def reboot(self) -> float:
        """See BootedSandbox: systemd ends, and the container, whose files stay, starts again."""
        if self.without_init:
            raise BootError("there is nothing to reboot", cause=self.without_init)
        started = time.monotonic()
        self.run(["systemctl", "--no-block", "reboot"])
        while self._running():
            process.go_on()
            if time.monotonic() - started > BOOT_TIMEOUT:
                raise BootError(f"the system did not shut down within {BOOT_TIMEOUT:.0f} s")
            time.sleep(0.1)
        process.run(["docker", "start", self.name], timeout=120)
        self._wait_until_up(time.monotonic())
        return time.monotonic() - started

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
        """See Talked."""
        words = ["docker", "exec", f"--workdir={cwd}"]
        if input_follows:
            words.append("--interactive")
        if uid is not None:
            words.append(f"--user={uid}:{gid}")
        return [*words, self.name, "env", "-i", *variables, *argv]

    def relay(self) -> list[str]:
        """See Talked."""
        return ["docker", "exec", "--interactive", self.name, *inside.RELAY]

    def ended(self, done: Completed) -> None:
        """A container that is gone says so by the command's status, which is the command's own."""

    def notes(self) -> list[str]:
        return [*self.said, *([QEMU_USER_NOTE] if self.emulated else [])]


def _start_reaper(name: str) -> subprocess.Popen[bytes]:
    """Removes the container once its standard input closes, in whatever way debwright ends."""
    return subprocess.Popen(
        ["sh", "-c", 'cat >/dev/null; exec docker rm --force --volumes "$1"', "sh", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=process.environment(),
        start_new_session=True,
    )


def _owner(pid: int | str) -> str:
    """Names a process of this machine: a daemon may serve several, and containers of one."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').readlink()}/{pid}"


def _remove_orphans() -> None:
    """Remove containers whose debwright, and whose reaper too, were killed."""
    listing = process.run(
        ["docker", "ps", "--all", f"--filter=label={OWNER_LABEL}",
         f'--format={{{{.Names}}}} {{{{.Label "{OWNER_LABEL}"}}}}'],
        check=False, timeout=30,
    )  # fmt: skip
    for line in listing.output.splitlines():
        name, _, owner = line.partition(" ")
        pid = owner.rpartition("/")[2]
        if pid.isdigit() and owner == _owner(pid) and not Path("/proc", pid).exists():
            process.run(["docker", "rm", "--force", "--volumes", name], check=False, timeout=60)


def import_image(tarball: Path, name: str, arch: str, labels: Mapping[str, str]) -> None:
    """Make an image of a root's tarball. Raises DebwrightError with docker's words."""
    changes = [f"--change=LABEL {key}={value}" for key, value in labels.items()]
    try:
        process.run(
            ["docker", "import", f"--platform=linux/{arch}", *changes, tarball, name], timeout=900
        )
    except CommandError as error:
        raise DebwrightError(
            "docker did not take the root as an image", evidence=error.evidence,
            fix="docker info; docker system df",
        ) from error  # fmt: skip


@dataclass(frozen=True)
class Image:
    """An image that the daemon has; `arch` is Docker's word, which is Debian's for most."""

    id: str
    arch: str


def pull_image(name: str, arch: str) -> Image:
    """The image as its registry has it now; the daemon's own where no registry has one.

    Raises MirrorError when there is neither: registries fail now and then.
    """
    done = process.run(
        ["docker", "pull", "--quiet", f"--platform=linux/{arch}", "--", name],
        check=False, timeout=1800,
    )  # fmt: skip
    known = process.run(
        ["docker", "image", "inspect", "--format={{.Id}} {{.Architecture}}", "--", name],
        check=False, timeout=60,
    )  # fmt: skip
    words = known.output.split()
    if known.returncode == 0 and len(words) == 2:
        return Image(*words)
    raise MirrorError(
        f"the image {name} cannot be pulled for {arch}",
        evidence=[Evidence(text=printable(line), file="docker pull") for line in done.tail(3)],
        cause="the name is wrong, or its registry is down or wants a login",
        fix=f"docker pull --platform=linux/{arch} {name}",
    )


def export_image(identifier: str, tarball: Path) -> None:
    """The image's files, all layers of it, as a tarball."""
    name = f"debwright-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        process.run(
            ["docker", "create", f"--name={name}", f"--label={OWNER_LABEL}={_owner(os.getpid())}",
             "--network=none", "--", identifier, "true"], timeout=300,
        )  # fmt: skip
        process.run(["docker", "export", f"--output={tarball}", name], timeout=900)
    finally:
        process.run(["docker", "rm", "--force", "--volumes", name], check=False, timeout=60)


def has_image(name: str) -> bool:
    done = process.run(["docker", "image", "inspect", name], check=False, timeout=60)
    return done.returncode == 0
