"""Who takes part in an end-to-end test: whoever packages a service, and whoever installs it."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from debwright.config import Config
from debwright.host.machine import host_arch
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway
from debwright.roots.preload import preload_for
from debwright.systems.nspawn import NspawnSandbox
from debwright.systems.runtime import runtime_layer

APT = ["apt-get", "-q", "-y", "-o", "APT::Update::Error-Mode=any"]
WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}


class Packager:
    """Types commands in the directory of a service."""

    def __init__(self, tree: Path, environment: Mapping[str, str]) -> None:
        self.tree = tree
        self.tree.mkdir()
        self.environment = {**os.environ, **WHO, "GIT_CONFIG_GLOBAL": "/dev/null", **environment}

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.tree, env=self.environment, check=True,
            capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def __call__(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "debwright", *arguments], cwd=self.tree,
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == expect, f"debwright {' '.join(arguments)}\n{said[-6000:]}"
        return said


class Installed:
    """A booted system, which knows the repository and nothing else."""

    def __init__(self, system: NspawnSandbox, target: Target) -> None:
        self.system, self.target = system, target
        self.run("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")

    def run(self, text: str, *, expect: int = 0) -> str:
        done = self.system.run(
            ["bash", "-euo", "pipefail", "-c", text], merge=True, check=False, timeout=900,
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        assert done.returncode == expect, f"{self.target}: {text}\n{done.output}"
        return done.output

    def mirror(self, repository: Path) -> None:
        """The repository as it is now, in /srv/apt."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(repository, "apt")
        self.system.run(
            ["sh", "-c", "rm -rf /srv/apt && tar -x -C /srv -f -"], stdin=packed.getvalue()
        )

    def apt(self, *arguments: str) -> str:
        return self.run(" ".join([*APT, *arguments]))

    def version(self, package: str) -> str:
        return self.run(f"dpkg-query -W -f '${{Version}}' {package}")


@contextmanager
def booted(deb: Path, target: Target) -> Iterator[NspawnSandbox]:
    """A system of the target, with what the package needs of the archive."""
    cache = Cache(default_cache())
    cache.prepare()
    with ExitStack() as stack:
        roots = Roots(cache, Config())
        layer = runtime_layer(roots, target, [read_deb(deb)], lambda _: None)
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(stack.enter_context(cache.scratch("e2e")), layer)
        emulated = target.arch != host_arch()
        preload = preload_for(roots, target, layer)
        yield stack.enter_context(NspawnSandbox(overlay, emulated=emulated, preload=preload))
