"""The escape kit on every kind of system, and what each attempt was answered: make check-escape.

In a build's sandbox and in nspawn everything is refused. In containers of an engine run by root a
few attempts work, which docs/security.md names; a virtual machine's kernel is its own, and may do
with it what it likes: only what is of this machine must be out of its reach.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.conftest import PROJECTS, Debwright
from tests.integration.systems.test_docker import daemon  # noqa: F401 - a fixture
from tests.kit import debs
from tests.kit.escape.machine import KIT, Attempt, Bait, attempts, bait, state

from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.previous import Previous
from debwright.config import Config, LoadedConfig
from debwright.host.machine import emulation_problem, host_arch
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.systems.base import BootedSandbox
from debwright.systems.choose import system_for

pytestmark = pytest.mark.vm

OF_THE_MACHINE = {
    "key of the machine", "ptrace", "a file of the machine", "abstract socket",
    "port of the machine", "vsock",
}  # fmt: skip
# What systemd's rights give in a container without ids of its own; see docs/security.md.
IN_ENGINES = {
    "mount of devtmpfs", "sysrq", "core_pattern by a new proc", "core_pattern by a remount",
    "uevent helper by a new sysfs", "power state", "release_agent",
    "release_agent by a new mount", "modprobe path", "core_pattern",
}  # fmt: skip
LEFT = {"build": set[str](), "nspawn": set[str](), "nspawn-arm64": set[str](),
        "docker": IN_ENGINES, "podman": IN_ENGINES}  # fmt: skip


@pytest.fixture(scope="module")
def baited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    before = state()
    with bait(tmp_path_factory.mktemp("bait")) as made:
        yield made
    assert state() == before, "the machine is as it was"


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, list[Attempt]]]:
    """Where and as what the kit ran, to its attempts; printed at the end."""
    rows: dict[str, list[Attempt]] = {}
    yield rows
    names = list(dict.fromkeys(a.name for found in rows.values() for a in found))
    print("\n" + " | ".join(["attempt", *rows]))
    for name in names:
        answers = [next((a.outcome for a in f if a.name == name), "-") for f in rows.values()]
        print(" | ".join([name, *answers]))


def judge(kind: str, found: list[Attempt]) -> None:
    assert len(found) > 25, "the kit ran to its end"
    out = {a.name for a in found if a.outcome == "ESCAPED"}
    assert out <= LEFT[kind] if kind in LEFT else not out & OF_THE_MACHINE


def opened(kind: str, arch: str, deb: Path, output: Path, stack: ExitStack) -> BootedSandbox:
    cache = Cache(default_cache())
    cache.prepare()
    system = system_for(LoadedConfig(config=Config(), start=output), kind)
    context = CheckContext(
        target=Target("bookworm", arch), host_arch=host_arch(), config=Config(),
        debs=[read_deb(deb)], changes=None, roots=Roots(cache, Config()), output=output,
        log=lambda _: None, activity=lambda _: None, previous=Previous(), place=system,
    )  # fmt: skip
    if problem := system.unavailable():
        pytest.skip(problem.what)
    return system.prepare(context, stack)(stack).system


@pytest.mark.parametrize("kind", ["nspawn", "nspawn-arm64", "docker", "podman", "vm"])
def test_a_system(
    kind: str, baited: Bait, table: dict[str, list[Attempt]], tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    name, _, other = kind.partition("-")
    arch = other or host_arch()
    if arch != host_arch() and (trouble := emulation_problem(arch)):
        pytest.skip(str(trouble))
    script = f"#!/bin/sh\nperl /usr/share/kit {' '.join(baited.words)} > /var/lib/kit.log 2>&1\n"
    files = {"usr/share/kit": KIT.read_text(), "DEBIAN/postinst": script}
    deb = debs.build(tmp_path, files, arch="all")
    with ExitStack() as stack:
        if name == "docker":
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("DOCKER_HOST", request.getfixturevalue("daemon"))
        try:
            system = opened(name, arch, deb, tmp_path, stack)
        except Exception as problem:
            if name in ("docker", "podman", "vm"):
                pytest.skip(f"{name}: {problem}")
            raise
        system.push(deb, "/var/tmp/kit.deb")
        system.run(["dpkg", "--install", "/var/tmp/kit.deb"], merge=True)
        table[f"{kind}, postinst"] = attempts(system.run(["cat", "/var/lib/kit.log"]).output)
        said = system.run(["perl", "/usr/share/kit", *baited.words], merge=True).output
        table[f"{kind}, smoke"] = attempts(said)
        unit = ["systemd-run", "--quiet", "--wait", "--pipe", "perl", "/usr/share/kit"]
        table[f"{kind}, unit"] = attempts(system.run([*unit, *baited.words], merge=True).output)
    for way in ("postinst", "smoke", "unit"):
        judge(kind, table[f"{kind}, {way}"])


def test_a_build(
    debwright_of: Callable[[Path], Debwright], baited: Bait, table: dict[str, list[Attempt]],
    tmp_path: Path,
) -> None:  # fmt: skip
    """By debian/rules of a project, as `debwright build` runs it."""
    debwright = debwright_of(tmp_path)
    rules = debwright.directory / "debian/rules"
    (debwright.directory / "kit.pl").write_bytes(KIT.read_bytes())
    rules.write_text(
        f"{rules.read_text()}\nexecute_before_dh_auto_configure:\n"
        f"\tperl kit.pl {' '.join(baited.words)}\n"
    )
    run = debwright("build", "-t", f"bookworm-{host_arch()}")
    assert run.code == 0, run.said[-3000:]
    (log,) = run.dist.glob("*/*/build.log")
    lines = [line[10:] for line in log.read_text().splitlines()]
    table["build, debian/rules"] = attempts("\n".join(lines))
    judge("build", table["build, debian/rules"])


@pytest.fixture
def debwright_of() -> Callable[[Path], Debwright]:
    import shutil

    def copy(directory: Path) -> Debwright:
        shutil.copytree(PROJECTS / "greeter", directory / "greeter")
        return Debwright(directory / "greeter", dict(os.environ))

    return copy
