"""The places that pages have their commands run in."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.integration.observe.metrics.test_page import history
from tests.kit.installing import with_install

from debwright.config import Config
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.model.targets import Target
from debwright.observe.metrics.store import Store
from debwright.packages.debs import Deb, read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway, opened, throwaway
from debwright.systems.nspawn import NspawnSandbox
from debwright.systems.runtime import make_repository, runtime_layer

TOP = Path(__file__).parents[3]
TARGET = Target("bookworm", "amd64")
SHELL = ["bash", "-euo", "pipefail", "-c"]


def roots() -> Roots:
    cache = Cache(default_cache())
    cache.prepare()
    return Roots(cache, Config())


class Service:
    """A service's directory on this machine, `debwright` on PATH, and nothing of the user's git."""

    def __init__(self, work: Path) -> None:
        self.directory = work / "plain-service"
        shutil.copytree(TOP / "tests/projects/plain-service", self.directory)
        programs = work / "bin"
        programs.mkdir()
        (programs / "debwright").write_text(
            f'#!/bin/sh\nPYTHONPATH={TOP}/src exec {sys.executable} -m debwright "$@"\n'
        )
        (programs / "debwright").chmod(0o755)
        who = {"NAME": "A", "EMAIL": "a@example.org"}
        self.environment = {
            # A reader's machine is no job of a CI service.
            **{name: value for name, value in os.environ.items() if name != "CI"},
            **{f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()},
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "PATH": f"{programs}:{os.environ['PATH']}",
        }

    def remember_runs(self) -> None:
        """A project of debwright's that has been built for two months."""
        if (self.directory / "debwright.toml").exists():
            return
        self.run("git init -q && git add -A && git commit -q -m 'feat: begin' && debwright init")
        config = self.directory / "debwright.toml"
        config.write_text(with_install(config.read_text()))
        with Store.open(self.directory / "dist/metrics/runs.sqlite") as store:
            store.put(history(datetime.now(UTC)))

    def run(self, text: str) -> None:
        done = subprocess.run(
            [*SHELL, text], cwd=self.directory, env=self.environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


@contextmanager
def user(directory: Path) -> Iterator[Namespaces]:
    """A clean Debian 12 with a network, which sees `directory`; root, so sudo has nothing to do."""
    known = roots()
    bind = Bind(source=directory, target=str(directory))
    with (
        throwaway(known.cache, known.base(TARGET), "user") as overlay,
        opened(overlay, network=True, bounded=False, binds=[bind]) as inside,
    ):
        shim = "printf '#!/bin/sh\\nexec \"$@\"\\n' > /usr/bin/sudo && chmod 755 /usr/bin/sudo"
        inside.run(["sh", "-c", shim])
        yield inside


@contextmanager
def booted(debs: Sequence[Path], companions: Sequence[Path] = ()) -> Iterator[NspawnSandbox]:
    """A booted Debian 12 without a network, on which apt has installed these packages."""
    known = roots()
    packages: list[Deb] = [read_deb(p) for p in debs]
    beside = [read_deb(p) for p in companions]
    with ExitStack() as stack:
        layer = runtime_layer(known, TARGET, [*packages, *beside], print, companions=())
        stack.enter_context(layer.in_use())
        scratch = stack.enter_context(known.cache.scratch("docs"))
        overlay = make_throwaway(scratch, layer)
        place = overlay.upper / "srv/packages"
        place.parent.mkdir(parents=True, exist_ok=True)
        make_repository(place, [*packages, *beside])
        system = stack.enter_context(NspawnSandbox(overlay))
        files = [f"/srv/packages/{d.path.name}" for d in (*packages, *beside)]
        system.run(
            ["apt-get", "-q", "-y", "-o", "Dir::Etc::SourceList=/dev/null",
             "-o", "Dir::Etc::SourceParts=/dev/null", "install", *files],
            env={"DEBIAN_FRONTEND": "noninteractive"}, merge=True, timeout=600,
        )  # fmt: skip
        yield system
