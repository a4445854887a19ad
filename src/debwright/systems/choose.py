"""From the name of a sandbox, as a user writes it, to the environment it stands for."""

from collections.abc import Sequence

from debwright.checks.engine.containers import DockerEnvironment
from debwright.checks.engine.environment import Environment, NspawnEnvironment
from debwright.checks.engine.machine import SshEnvironment, ask_facts
from debwright.checks.engine.virtual import VmEnvironment
from debwright.config import LoadedConfig
from debwright.config.environments import KINDS, SSH
from debwright.model.errors import UsageError
from debwright.model.targets import nearest
from debwright.systems.ssh import Address, SshSandbox


def environment_for(
    loaded: LoadedConfig, text: str | None = None, *, replace: bool = False
) -> Environment:
    """`text`, or without it what the configuration names. Raises UsageError."""
    name = text or loaded.config.environments.sandbox
    if replace and not name.startswith(SSH):
        raise UsageError(
            "--replace-installed is for a machine of somebody's: nothing else has anything to lose",
            fix="--sandbox ssh://USER@HOST",
        )
    if name.startswith(SSH):
        config = loaded.config.environments.ssh_config
        return SshEnvironment(
            Address.parse(name), config=loaded.resolve(config) if config else None, replace=replace
        )
    if name == "nspawn":
        return NspawnEnvironment()
    if name == "docker":
        return DockerEnvironment()
    if name == "vm":
        return VmEnvironment()
    kinds = (*KINDS, f"{SSH}USER@HOST[:PORT]")
    raise UsageError(
        f"`{name}` is not a kind of sandbox",
        cause=f"there are {', '.join(kinds)}",
        fix=f"--sandbox {nearest(name, kinds, cutoff=0.4) or KINDS[0]}",
    )


def patterns_for(
    loaded: LoadedConfig, environment: Environment, patterns: Sequence[str]
) -> Sequence[str]:
    """Which targets to check there: for a real machine, without patterns, those of its kind."""
    if patterns or not isinstance(environment, SshEnvironment):
        return patterns
    with SshSandbox(environment.address, config=environment.config) as system:
        facts = ask_facts(system)
    # Raspberry Pi OS calls itself by Debian's names.
    names = [facts.target, f"raspios-{facts.target}"]
    return [n for n in names if n in loaded.config.targets.build] or [facts.target]
