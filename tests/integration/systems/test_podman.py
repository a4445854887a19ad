"""Checks in podman, with a storage of our own: no daemon, no registry, no network."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.integration.systems.test_docker import results
from tests.kit import bellhop

pytestmark = pytest.mark.minutes(1.5)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A containers-storage.conf(5); what commands are given as CONTAINERS_STORAGE_CONF."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed: sudo apt-get install podman runc")
    home = tmp_path_factory.mktemp("podman")
    path = home / "storage.conf"
    path.write_text(
        f'[storage]\ndriver = "overlay"\nrunroot = "{home}/run"\ngraphroot = "{home}/graph"\n'
    )
    yield str(path)
    assert ask(str(path), "ps", "--all", "--quiet").stdout == "", "a container was left behind"
    ask(str(path), "system", "reset", "--force")


def ask(storage: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["podman", *arguments], env={**os.environ, "CONTAINERS_STORAGE_CONF": storage},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def debwright(storage: str, tmp_path: Path) -> Debwright:
    (tmp_path / "debwright.toml").write_text(
        f'{bellhop.CONFIG}[environments]\nsandbox = "podman"\n'
    )
    return Debwright(tmp_path, {"CONTAINERS_STORAGE_CONF": storage})


def test_every_live_check_with_systemd_in_the_container(debwright: Debwright) -> None:
    run = debwright("check", str(bellhop.make(debwright.directory)))
    assert run.code == 0, run.said
    found = results(debwright)
    for name in ("dependencies", "install", "service", "smoke", "files", "reboot", "purge"):
        assert found[name]["status"] == "passed", found[name]
    assert found["service"]["measurements"]["memory_bytes"] > 1_000_000


def test_a_killed_check_leaves_no_container(debwright: Debwright, storage: str) -> None:
    started = debwright.start("check", str(bellhop.make(debwright.directory)))
    while not ask(storage, "ps", "--quiet").stdout:
        assert started.poll() is None, "it ended before there was a container"
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    for _ in range(300):
        if not (left := ask(storage, "ps", "--all", "--quiet").stdout):
            break
        time.sleep(0.1)
    assert left == ""


def test_an_image_that_only_podman_has(debwright: Debwright, storage: str) -> None:
    tarball, tree = debwright.directory / "other.tar", debwright.directory / "other"
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "usr/lib/os-release").write_text("ID=other\n")
    subprocess.run(["tar", "-c", f"--directory={tree}", f"--file={tarball}", "."], check=True)
    other = "127.0.0.1:9/other:1"
    assert (done := ask(storage, "import", str(tarball), other)).returncode == 0, done.stderr
    config = debwright.directory / "debwright.toml"
    config.write_text(f'{config.read_text()}[environments.images]\nbookworm-amd64 = "{other}"\n')
    run = debwright("check", str(bellhop.make(debwright.directory)))
    assert run.code == 2, run.said
    assert f"the image {other} is no system of bookworm-amd64: it has no dpkg" in run.said
