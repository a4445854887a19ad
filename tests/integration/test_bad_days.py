"""Kills, interrupts, dead mirrors and full disks: nothing is left, and the next run works."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.roots.cache import Cache, default_cache

from .conftest import Debwright


def traces(dist: Path) -> list[str]:
    """Processes, mounts, control groups and half-written files that debwright left."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if re.search(r"sandbox/holder\.py|systemd-nspawn|keeper\.py", command):
            found.append(f"process {process.name}: {command}")
    cache = str(default_cache())
    found += [m for m in Path("/proc/mounts").read_text().splitlines() if cache in m]
    if dist.exists():
        found += [str(p) for p in dist.rglob("*.new")]
    return found


def settle(dist: Path) -> list[str]:
    """What is left once the kernel has had a moment to end the namespaces."""
    for _ in range(100):
        if not (left := traces(dist)):
            return []
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("number", range(8))
def test_kill_9_at_any_moment(
    number: int, project: Callable[[str], Debwright], greeter_run: object
) -> None:
    """Eight moments spread over source, build, check and publish; the next run just works."""
    debwright = project("greeter")
    started = debwright.start("run", "-t", "bookworm-amd64")
    time.sleep(0.4 + number * 2.5 + random.random() * 2)
    started.send_signal(signal.SIGKILL)
    started.wait()
    dist = debwright.directory / "dist"
    assert settle(dist) == []
    run = debwright("run", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-3000:]
    cache = Cache(default_cache())
    assert list(cache.scratches.iterdir()) == [], "the next start heals"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_cleans_up(
    number: signal.Signals, project: Callable[[str], Debwright], greeter_run: object
) -> None:
    debwright = project("greeter")
    started = debwright.start("run", "-t", "bookworm-amd64")
    time.sleep(6)
    started.send_signal(number)
    assert started.wait(timeout=30) == 130
    assert settle(debwright.directory / "dist") == []
    assert list(Cache(default_cache()).scratches.iterdir()) == []


def test_mirror_down(project: Callable[[str], Debwright], tmp_path: Path) -> None:
    debwright = project("broken/setuid-file")
    with (debwright.directory / "debwright.toml").open("a") as config:
        config.write(
            '\n[suites.bookworm]\nmirror = "http://127.0.0.1:9/debian"\nsecurity = false\n'
        )
    run = debwright("run", env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert run.code == 5
    assert "attempt 2 of 3" in run.said
    assert "attempt 3 of 3" in run.said
    assert "127.0.0.1" in run.said
    assert "mirror" in run.said


def test_disk_full_in_the_overlay(project: Callable[[str], Debwright], greeter_run: object) -> None:
    """The scratch space, and nothing else, is a file system of 8 MB."""
    debwright = project("greeter")
    scratch = default_cache() / "scratch"
    script = 'mount -t tmpfs -o size=8m,mode=755 tmpfs "$1"; shift; exec "$@"'
    # The source stage's results are there already: the build is what fills the disk.
    assert debwright("build", "-t", "bookworm-amd64").code == 0
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", str(scratch),
         *debwright.argv("build", "--force", "-t", "bookworm-amd64")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stdout + done.stderr
    assert "disk is full" in done.stdout + done.stderr
    assert "debwright cache prune" in done.stdout + done.stderr


def test_two_at_once_in_one_place(project: Callable[[str], Debwright], greeter_run: object) -> None:
    debwright = project("greeter")
    first = debwright.start("build", "-t", "bookworm-amd64")
    time.sleep(3)
    second = debwright("build", "-t", "bookworm-amd64")
    assert second.code == 1
    assert "another debwright is working" in second.error
    assert first.wait(timeout=300) == 0


@pytest.fixture
def ordinary_user() -> object:
    """A user with subordinate ids, there for one test only."""
    name = f"dwtest{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    yield name
    subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def test_an_ordinary_user_builds(ordinary_user: str, tmp_path: Path) -> None:
    """Roots, layers and the build in user namespaces; the boot is skipped and says why."""
    import pwd
    import shutil
    import sys

    home = Path(pwd.getpwnam(ordinary_user).pw_dir)
    here = Path(__file__).parent
    shutil.copytree(here.parent / "projects/broken/setuid-file", home / "project")
    shutil.copytree(here.parent.parent / "src", home / "src")
    site = next(p for p in sys.path if p.endswith("site-packages"))
    shutil.copytree(site, home / "site", symlinks=True)
    subprocess.run(["chown", "-R", ordinary_user, home], check=True)
    done = subprocess.run(
        ["setpriv", f"--reuid={ordinary_user}", f"--regid={ordinary_user}", "--init-groups",
         "env", f"HOME={home}", f"PYTHONPATH={home}/src:{home}/site", "/usr/bin/python3", "-m",
         "debwright", "-C", str(home / "project"), "check"],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert "files/setuid" in said
    assert "booting a system needs root" in said
    assert list((home / "project/dist").glob("*/bookworm-amd64/*.deb"))
