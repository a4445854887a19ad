"""The dependencies of a project of Node, as its lock has them and as their tarballs are."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.host import process
from debwright.host.process import CommandError
from debwright.init.ecosystems.node.package import names_of
from debwright.init.ecosystems.node.start import scripts_of
from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.roots.cache import Cache, default_cache
from debwright.source.carriers.npm.locks import find_lock
from debwright.source.carriers.npm.prepare import wish

LOCK = ("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")
LOCK_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    lock: str | None
    """None where there are no dependencies."""
    items: Sequence[Mapping[str, Any]] = ()
    """As the manifest of the carried tarballs has them."""

    @property
    def run(self) -> list[Mapping[str, Any]]:
        return [item for item in self.items if not item["dev"]]

    def direct(self, package: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What the project itself asks for, to run and to be built.

        What those depend on in turn often asks for the newest node and runs on older ones, where
        npm warns and goes on.
        """
        kinds = ["dependencies", *(["devDependencies"] if "build" in scripts_of(package) else [])]
        wanted = {f"node_modules/{name}" for name in names_of(package, *kinds)}
        return [item for item in self.items if item["path"] in wanted]

    @property
    def compiled(self) -> bool:
        """Whether something that runs is compiled for a machine and a node."""
        return any(item["compiled"] for item in self.run)

    @property
    def prebuilt(self) -> bool:
        """Whether something that runs is there for each architecture."""
        return any(item["cpu"] for item in self.run)


def read_dependencies(
    directory: Path, package: Mapping[str, Any], notes: list[str]
) -> Dependencies:
    """Fetch what the lock names, to see what it is. Where there is no lock, npm makes one.

    Raises UsageError without lock and npm, and what `Wish.packed` raises.
    """
    wanted = names_of(package, "dependencies", "optionalDependencies", "devDependencies")
    if not wanted:
        return Dependencies(lock=None)
    lock = find_lock(directory)
    if lock is None:
        _make_lock(directory)
        lock = "package-lock.json"
        notes.append(f"there was no lock of the dependencies: npm has made {lock}; keep it")
    cache = Cache(default_cache())
    cache.prepare()
    asked = wish(directory, lock, ())
    packed = asked.packed(cache, note=notes.append, activity=lambda _: None)
    return Dependencies(lock=lock, items=packed.items)


def _make_lock(directory: Path) -> None:
    if shutil.which("npm") is None:
        raise UsageError(
            "package.json names dependencies, and there is no lock that says which versions",
            cause="a build needs package-lock.json, pnpm-lock.yaml or yarn.lock, and there is no "
            "npm on this machine that could make one",
            fix=Command("apt-get", "install", "npm"),
        )
    try:
        process.run([*LOCK], cwd=directory, timeout=LOCK_SECONDS)
    except CommandError as error:
        raise UsageError(
            "package.json names dependencies, there is no lock, and npm cannot make one",
            evidence=error.evidence[-5:],
            fix=Command(*LOCK),
        ) from error
