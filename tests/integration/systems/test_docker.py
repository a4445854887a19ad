"""Checks in docker, with a daemon of our own: no registry, no bridge, no firewall rules."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Debwright
from tests.kit import bellhop, kinds
from tests.kit.companion import checked_with_a_companion

from debwright.checks import registry as checks
from debwright.config import Config
from debwright.model.results import Status
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.systems.container import ContainerSystem
from debwright.systems.container.container import Container
from debwright.systems.container.engine import DOCKER

pytestmark = pytest.mark.minutes(0.25)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dockerd; what commands started by the tests are given as DOCKER_HOST."""
    if shutil.which("dockerd") is None:
        pytest.skip("dockerd is not installed: sudo apt-get install docker.io")
    home = tmp_path_factory.mktemp("docker")
    address = f"unix://{home}/socket"
    with (home / "log").open("wb") as log:
        dockerd = subprocess.Popen(
            ["dockerd", "--iptables=false", "--bridge=none", f"--data-root={home}/data",
             f"--exec-root={home}/exec", f"--pidfile={home}/pid", f"--host={address}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        for _ in range(600):
            if ask(address, "version").returncode == 0:
                break
            assert dockerd.poll() is None, (home / "log").read_text()[-2000:]
            time.sleep(0.1)
        yield address
        assert ask(address, "ps", "--all", "--quiet").stdout == "", "a container was left behind"
    finally:
        dockerd.terminate()
        dockerd.wait(timeout=60)
        # It leaves a network namespace mounted, which would keep the directory from going.
        for line in Path("/proc/mounts").read_text().splitlines()[::-1]:
            if (place := line.split()[1]).startswith(f"{home}/"):
                subprocess.run(["umount", place], check=False)


def ask(address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], env={**os.environ, "DOCKER_HOST": address},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def debwright(daemon: str, tmp_path: Path) -> Debwright:
    (tmp_path / "debwright.toml").write_text(bellhop.CONFIG)
    return Debwright(tmp_path, {"DOCKER_HOST": daemon})


def results(debwright: Debwright) -> dict[str, dict[str, Any]]:
    (path,) = debwright.directory.glob("dist/check/*/bookworm-amd64/check.json")
    return {result["name"]: result for result in json.loads(path.read_text())["checks"]}


def test_every_live_check_with_systemd_in_the_container(debwright: Debwright) -> None:
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 0, run.said
    found = results(debwright)
    for name in ("dependencies", "install", "service", "smoke", "files", "reboot", "purge"):
        assert found[name]["status"] == "passed", found[name]
    assert found["service"]["measurements"]["memory_bytes"] > 1_000_000


PROBES = """
[[service]]
unit = "kinds-web.service"
steady_seconds = 0
probe = { url = "tcp://127.0.0.1:8500" }
[[service]]
unit = "kinds.socket"
steady_seconds = 0
probe = { url = "unix:///run/kinds.sock", send = "ping\\n", expect = "pong" }
[checks]
"""


def test_a_port_and_a_socket_of_files_are_asked_in_the_container(debwright: Debwright) -> None:
    """Neither can be reached from outside: a program in the container connects."""
    off = {c.name for c in checks.unasked()} - {"install", "dependencies", "service", "restart"}
    lines = "".join(f'{name} = "off"\n' for name in sorted(off))
    (debwright.directory / "debwright.toml").write_text(PROBES + lines)
    deb = kinds.package(debwright.directory)
    run = debwright("check", "--sandbox", "docker", str(deb))
    assert run.code == 0, run.said
    found = results(debwright)
    assert found["service"]["status"] == found["restart"]["status"] == "passed", found


def test_what_fails_in_nspawn_fails_here(debwright: Debwright) -> None:
    config = debwright.directory / "debwright.toml"
    config.write_text(config.read_text().replace("at service", "something else"))
    config.write_text(config.read_text().replace("[service]", "[service]\nstart_seconds = 20"))
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 4
    assert "did not become healthy" in run.said
    assert "at service" in run.said


def test_a_killed_check_leaves_no_container(debwright: Debwright, daemon: str) -> None:
    started = debwright.start(
        "check", "--sandbox", "docker", str(bellhop.make(debwright.directory))
    )
    while not ask(daemon, "ps", "--quiet").stdout:
        assert started.poll() is None, "it ended before there was a container"
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    for _ in range(300):
        if not (left := ask(daemon, "ps", "--all", "--quiet").stdout):
            break
        time.sleep(0.1)
    assert left == ""


def test_without_systemd_it_is_said(
    daemon: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image without an init: packages can be installed there, units cannot be looked at."""
    monkeypatch.setenv("DOCKER_HOST", daemon)
    cache = Cache(default_cache())
    cache.prepare()
    with ExitStack() as stack:
        layer = Roots(cache, Config()).base(Target("bookworm", "amd64"))
        stack.enter_context(layer.in_use())
        subprocess.run(
            ["tar", "--create", "--numeric-owner", f"--directory={layer.tree}",
             f"--file={tmp_path}/base.tar", "bin", "sbin", "lib", "lib64", "etc", "usr"],
            check=True,
        )  # fmt: skip
        assert ask(daemon, "import", f"{tmp_path}/base.tar", "no-init:1").returncode == 0
        content = tmp_path / "content"
        content.mkdir()
        system = stack.enter_context(Container(DOCKER, "no-init:1", content))
        assert system.without_init is not None
        assert "systemd does not run in this docker container" in system.without_init
        assert system.run(["true"]).returncode == 0
        mark = system.mark_files()
        system.run(["sh", "-ec", "chmod 4755 /usr/bin/env; rm /etc/issue; echo >> /etc/new; "
                    "echo >> /etc/issue.net"])  # fmt: skip
        altered = mark.altered()
        assert mark.rewritten() == {"/etc/issue.net"}
        assert set(altered) == {"/usr/bin/env", "/etc/issue"}
        assert altered["/etc/issue"].now is None
        assert set(mark.created()) == {"/etc/new"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """HOST:PORT of a registry of our own, empty."""
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed: sudo apt-get install docker-registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "registry.yml").write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    with (tmp_path / "registry.log").open("wb") as log:
        serving = subprocess.Popen(
            ["docker-registry", "serve", tmp_path / "registry.yml"], stdout=log, stderr=log
        )
    host, port = address.split(":")
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex((host, int(port))) == 0:
                break
        time.sleep(0.1)
    yield address
    serving.terminate()
    serving.wait()


def published(daemon: str, registry: str, directory: Path) -> str:
    """Debian as its image on Docker Hub is: no init, and what keeps services from starting."""
    cache = Cache(default_cache())
    cache.prepare()
    layer = Roots(cache, Config()).base(Target("bookworm", "amd64"))
    tarball, more = directory / "debian.tar", directory / "more"
    (more / "usr/sbin").mkdir(parents=True)
    (more / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (more / "usr/sbin/policy-rc.d").chmod(0o755)
    with layer.in_use():
        # The file alone: docker takes no archive that has a directory twice.
        added = "./usr/sbin/policy-rc.d"
        for mode, tree, what in (("--create", layer.tree, "."), ("--append", more, added)):
            subprocess.run(
                ["tar", mode, "--numeric-owner", "--owner=0", "--exclude=./var/lib/apt/lists/*",
                 f"--directory={tree}", f"--file={tarball}", what],
                check=True,
            )  # fmt: skip
    name = f"{registry}/debian:12"
    for command in (["import", str(tarball), name], ["push", name], ["rmi", name]):
        assert (done := ask(daemon, *command)).returncode == 0, done.stderr
    return name


def test_an_image_pulled_by_its_name(debwright: Debwright, daemon: str, registry: str) -> None:
    name = published(daemon, registry, debwright.directory)
    config = debwright.directory / "debwright.toml"
    before = config.read_text()
    config.write_text(f'{before}[environments.images]\nbookworm-amd64 = "{name}"\n')
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 0, run.said
    found = results(debwright)
    for check in ("dependencies", "install", "service", "smoke", "reboot", "purge", "minimum"):
        assert found[check]["status"] == "passed", found[check]
    (said,) = (n for n in found["service"]["notes"] if "image" in n)
    assert name in said
    assert "sha256:" in said

    config.write_text(f'{before}[environments.images]\nbookworm-amd64 = "{registry}/none:1"\n')
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 5, run.said
    assert "none:1 cannot be pulled for amd64" in run.said
    assert results(debwright)["install"]["status"] == "skipped"


OTHER = "127.0.0.1:9/other:1"
"""Of a registry that is not there: only the daemon has it."""


def test_an_image_of_something_else_is_refused(daemon: str, debwright: Debwright) -> None:
    tarball, tree = debwright.directory / "other.tar", debwright.directory / "other"
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "usr/lib/os-release").write_text("ID=other\n")
    subprocess.run(["tar", "-c", f"--directory={tree}", f"--file={tarball}", "."], check=True)
    assert ask(daemon, "import", str(tarball), OTHER).returncode == 0
    config = debwright.directory / "debwright.toml"
    config.write_text(f'{config.read_text()}[environments.images]\nbookworm-amd64 = "{OTHER}"\n')
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 2, run.said
    assert f"the image {OTHER} is no system of bookworm-amd64: it has no dpkg" in run.said


def test_no_daemon_says_what_to_do(debwright: Debwright, tmp_path: Path) -> None:
    debwright.environment["DOCKER_HOST"] = f"unix://{tmp_path}/nothing"
    run = debwright("check", "--sandbox", "docker", str(bellhop.make(debwright.directory)))
    assert run.code == 5
    assert "there is no docker daemon to talk to" in run.said
    assert "sudo systemctl start docker" in run.said


def test_companions_are_at_hand(
    daemon: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the product depends on and its own repository has, is installed from there."""
    monkeypatch.setenv("DOCKER_HOST", daemon)
    results = checked_with_a_companion(tmp_path, ContainerSystem(DOCKER))
    assert results["service"].status is Status.PASSED, results["service"]
    assert "demo-data" in results["dependencies"].notes[0]
