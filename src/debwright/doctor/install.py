"""debwright doctor --install: carries out what the doctor recommends."""

import os
import shlex
from collections.abc import Callable, Sequence

from debwright.config import Config
from debwright.doctor.machine import Diagnosis, examine
from debwright.host import process
from debwright.host.process import CommandError
from debwright.model.errors import Evidence, MissingError
from debwright.roots.apt import MirrorError, explain, retry

ROUNDS = 3
"""Registering an emulator, say, can be needed only once its package is there."""
APT_SECONDS = 1200.0
_APT = ("apt-get", "install")
_ALSO = (("mount", "-t", "binfmt_misc"), ("update-binfmts", "--enable"))
"""What else may be carried out, as the first words of a command."""

Say = Callable[[str], None]


def install_lacking(config: Config, say: Say) -> list[Diagnosis]:
    """Install and set up what lacks, as far as a command can do it; what the doctor finds then.

    The network is tried again with growing pauses, nothing else. Raises MissingError.
    """
    found = examine(config)
    done: set[tuple[str, ...]] = set()
    for _ in range(ROUNDS):
        packages, commands = _to_do(found)
        fresh = [c for c in commands if c not in done]
        packages = [p for p in packages if (p,) not in done]
        if not packages and not fresh:
            break
        if packages:
            say(f"installing with apt: {' '.join(packages)}")
            _install(packages, say)
        for command in fresh:
            say(shlex.join(command))
            _as_root(command)
        done |= {(p,) for p in packages} | set(fresh)
        found = examine(config)
    return found


def _to_do(found: Sequence[Diagnosis]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Packages, and commands, of the recommendations that may be carried out unasked."""
    packages: dict[str, None] = {}
    commands: dict[tuple[str, ...], None] = {}
    for item in found:
        if item.ok or not item.fix:
            continue
        words = shlex.split(item.fix)
        words = words[1:] if words[:1] == ["sudo"] else words
        if tuple(words[:2]) == _APT:
            packages |= dict.fromkeys(words[2:])
        elif any(tuple(words[: len(start)]) == start for start in _ALSO):
            commands[tuple(words)] = None
    return list(packages), list(commands)


def _install(packages: Sequence[str], say: Say) -> None:
    def attempt() -> None:
        for arguments in (["update"], ["install", "--no-install-recommends", *packages]):
            command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", *arguments]
            done = process.run(
                _root(["env", "DEBIAN_FRONTEND=noninteractive", *command]),
                check=False, timeout=APT_SECONDS,
            )  # fmt: skip
            if done.returncode != 0:
                problem = explain(done, f"apt-get {' '.join(arguments)[:120]}")
                if isinstance(problem, MirrorError):
                    raise problem
                raise MissingError(
                    problem.what, evidence=problem.evidence, cause=problem.cause,
                    fix=shlex.join(["sudo", "apt-get", *arguments]),
                )  # fmt: skip

    retry(attempt, note=say)


def _as_root(command: Sequence[str]) -> None:
    try:
        process.run(_root(command), timeout=120)
    except CommandError as error:
        raise MissingError(
            f"`{shlex.join(command)}` failed",
            evidence=error.evidence or [Evidence(text=error.what)],
            cause="a container needs more rights for it, or the kernel lacks binfmt_misc",
            fix="debwright doctor",
        ) from error


def _root(command: Sequence[str]) -> list[str]:
    return list(command) if os.geteuid() == 0 else ["sudo", *command]
