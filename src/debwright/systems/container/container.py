"""A booted system in a container: systemd as process 1, a network of its own.

Commands go through the engine's `exec`, so a daemon may be anywhere. Where it does not let systemd
run, the container runs without it, and says so: packages can then be installed and removed only.
"""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from debwright.host import process
from debwright.host.process import CommandError, Completed
from debwright.isolation import bounds
from debwright.isolation.emulation import PRELOAD, QEMU_USER_NOTE
from debwright.model.errors import Evidence, printable
from debwright.systems.base import BootError
from debwright.systems.container.engine import Engine, container_name
from debwright.systems.remote import RELAY, RemoteSandbox

BOOT_TIMEOUT = 120.0
_INIT = ("/sbin/init",)
_IDLE = ("sleep", "infinity")


@dataclass
class Container(RemoteSandbox):
    """A context manager: entering starts a container of `image`, leaving removes it."""

    engine: Engine
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
    name: str = field(default_factory=container_name)
    kind: str = field(init=False)
    _reaper: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.kind = self.engine.name

    def __enter__(self) -> Self:
        if problem := self.engine.problem():
            raise problem
        self.engine.remove_orphans()
        self._reaper = _start_reaper(self.engine, self.name)
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
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
            profile = f"--security-opt=seccomp={bounds.engine_profile_file()}"
            self._create((*self.engine.init, profile, *preload), _INIT)
            self._wait_until_up(started)
        except (CommandError, BootError) as problem:
            said = problem.evidence[-1].text if problem.evidence else problem.what
            self.engine.remove(self.name)
            self._idle()
            self.without_init = f"systemd does not run in this {self.kind} container: {said[:300]}"
        self.boot_seconds = time.monotonic() - started

    def _idle(self) -> None:
        try:
            self._create((), _IDLE)
        except CommandError as problem:
            raise BootError(
                f"{self.kind} does not start a container", evidence=problem.evidence,
                fix=f"{self.kind} info",
            ) from problem  # fmt: skip

    def _create(self, options: Sequence[str], command: Sequence[str]) -> None:
        self.engine.create(self.name, self.image, command, options)
        self.engine.run("cp", f"{self.content}/.", f"{self.name}:/", timeout=300)
        self.engine.run("start", self.name, timeout=120)

    def _wait_until_up(self, started: float) -> None:
        """Until systemd has started everything; what failed of it is not the container's fault."""
        while time.monotonic() - started < BOOT_TIMEOUT:
            process.go_on()
            state = self.run(["systemctl", "is-system-running"], check=False, timeout=30)
            if state.output.strip() in {"running", "degraded"}:
                return
            if not self.engine.running(self.name):
                break
            time.sleep(0.1)
        logs = self.engine.run("logs", "--tail=8", self.name, check=False, merge=True, timeout=60)
        raise BootError(
            f"the system in the {self.kind} container did not come up",
            evidence=[
                Evidence(text=printable(line), file=f"{self.kind} logs") for line in logs.tail(8)
            ],
        )

    def reboot(self) -> float:
        """See BootedSandbox: systemd ends, and the container, whose files stay, starts again."""
        if self.without_init:
            raise BootError("there is nothing to reboot", cause=self.without_init)
        started = time.monotonic()
        self.run(["systemctl", "--no-block", "reboot"])
        while self.engine.running(self.name):
            process.go_on()
            if time.monotonic() - started > BOOT_TIMEOUT:
                raise BootError(f"the system did not shut down within {BOOT_TIMEOUT:.0f} s")
            time.sleep(0.1)
        self.engine.run("start", self.name, timeout=120)
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
        words = ["exec", f"--workdir={cwd}"]
        if input_follows:
            words.append("--interactive")
        if uid is not None:
            words.append(f"--user={uid}:{gid}")
        return self._exec(*words, self.name, "env", "-i", *variables, *argv)

    def relay(self) -> list[str]:
        return self._exec("exec", "--interactive", self.name, *RELAY)

    def _exec(self, *words: str) -> list[str]:
        return [str(word) for word in self.engine.command(*words)]

    def ended(self, done: Completed) -> None:
        """A container that is gone says so by the command's status, which is the command's own."""

    def notes(self) -> list[str]:
        return [*self.said, *([QEMU_USER_NOTE] if self.emulated else [])]


def _start_reaper(engine: Engine, name: str) -> subprocess.Popen[bytes]:
    """Removes the container once its standard input closes, in whatever way debwright ends."""
    return subprocess.Popen(
        ["sh", "-c", 'cat >/dev/null; exec "$@"', "sh", *engine.removal(name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=process.environment(),
        start_new_session=True,
    )
