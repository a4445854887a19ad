"""What a system that debwright has not made says of itself, and whether packages fit it."""

import re
from dataclasses import dataclass

from debwright.model.errors import CheckError
from debwright.model.suites import suite_info
from debwright.model.targets import Target
from debwright.systems.base import Sandbox


@dataclass(frozen=True)
class Facts:
    """What a machine says of itself; `codename` is None where its release has none."""

    arch: str
    distribution: str
    codename: str | None

    @property
    def target(self) -> str:
        return f"{self.codename or self.distribution}-{self.arch}"


def ask_facts(system: Sandbox) -> Facts:
    """Architecture and release (os-release(5)); raises CheckError on a system without dpkg."""
    arch = _dpkg_architecture(system)
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


def _dpkg_architecture(system: Sandbox) -> str:
    """Raises CheckError when the system has no dpkg: it is not Debian, nor of its family."""
    done = system.run(["dpkg", "--print-architecture"], check=False, timeout=60)
    word = done.output.strip()
    if done.returncode != 0 or not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", word):
        raise CheckError(
            "the system does not say its architecture: it has no dpkg",
            cause="it is not Debian, Ubuntu or Raspberry Pi OS",
        )
    return word
