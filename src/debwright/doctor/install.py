"""debwright doctor --install: carries out what the doctor recommends."""

from collections.abc import Callable, Sequence

from debwright.config import Config
from debwright.doctor import Health
from debwright.doctor.machine import examine
from debwright.host import process
from debwright.host.process import CommandError
from debwright.model.errors import Evidence, MissingError
from debwright.model.fix import Command, Install, Setup
from debwright.roots.apt import MirrorError, explain, retry

ROUNDS = 3
"""Registering an emulator, say, can be needed only once its package is there."""
APT_SECONDS = 1200.0

Say = Callable[[str], None]


def install_missing(config: Config, say: Say) -> list[Health]:
    """Install and set up what is missing, as far as a command can; what the doctor finds then.

    Only what is typed as a `Setup` is carried out, and nothing that somebody has written as a text.
    The network is tried again with growing pauses, nothing else. Raises MissingError.
    """
    found = examine(config)
    done: set[str] = set()
    for _ in range(ROUNDS):
        wanted = [h.fix for h in found if not h.ok and isinstance(h.fix, Setup)]
        fresh = [fix for fix in dict.fromkeys(wanted) if fix not in done]
        if not fresh:
            break
        _install([f for f in fresh if isinstance(f, Install)], say)
        for command in (f for f in fresh if not isinstance(f, Install)):
            say(command)
            _carry_out(command)
        done.update(fresh)
        found = examine(config)
    return found


def _install(wanted: Sequence[Install], say: Say) -> None:
    packages = list(dict.fromkeys(p for install in wanted for p in install.packages))
    if not packages:
        return
    again = ["--reinstall"] if any(install.reinstall for install in wanted) else []
    say(f"installing with apt: {' '.join(packages)}")

    def attempt() -> None:
        for arguments in (
            ["update"], ["install", "--no-install-recommends", *again, *packages],
        ):  # fmt: skip
            options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
            command = Command(
                "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *options, *arguments, root=True
            )
            done = process.run(command.argv(), check=False, timeout=APT_SECONDS)
            if done.returncode != 0:
                problem = explain(done, f"apt-get {' '.join(arguments)[:120]}")
                if isinstance(problem, MirrorError):
                    raise problem
                raise MissingError(
                    problem.what, evidence=problem.evidence, cause=problem.cause,
                    fix=Command("apt-get", *arguments, root=True),
                )  # fmt: skip

    retry(attempt, note=say)


def _carry_out(command: Command) -> None:
    try:
        process.run(command.argv(), timeout=120)
    except CommandError as error:
        raise MissingError(
            f"`{command}` failed",
            evidence=error.evidence or [Evidence(text=error.what)],
            cause="a container needs more rights for it, or the kernel has no binfmt_misc",
            fix=Command("debwright", "doctor"),
        ) from error
