"""Kills, interrupts, dead mirrors and full disks: nothing is left, and the next run works."""

import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright

from debwright.roots.cache import default_cache

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.3)]


@pytest.fixture
def own_cache() -> Iterator[Path]:
    """A cache with the shared layers and a scratch space of its own, whose path marks its users."""
    shared = default_cache()
    directory = Path(tempfile.mkdtemp(prefix="bad-days-", dir=shared))
    cache = directory / "debwright"
    cache.mkdir()
    for name in ("layers", "debs", "locks"):
        (shared / name).mkdir(exist_ok=True)
        (cache / name).symlink_to(shared / name)
    yield cache
    shutil.rmtree(directory, ignore_errors=True)


def traces(cache: Path, dist: Path) -> list[str]:
    """Processes, mounts in any namespace, and half-written files that debwright left."""
    mark = str(cache.parent)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ", "mountinfo"):
            try:
                text = (process / name).read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if mark in text:
                found.append(f"{name} of process {process.name}")
    if dist.exists():
        found += [str(p) for p in dist.rglob("*.new")]
    return found


def settle(cache: Path, dist: Path) -> list[str]:
    """What is left once the kernel has had a moment to end the namespaces."""
    for _ in range(100):
        if not (left := traces(cache, dist)):
            return []
        time.sleep(0.1)
    return left


MOMENTS = {
    "source": r" source +dpkg-source",
    "build": r" build +dpkg-buildpackage",
    "sbom": r" sbom +started",
    "static": r" check +elf$",
    "boot": r" check +booting",
    "install": r" check +installing",
    "purge": r" check +purge",
    "publish": r" publish +signing",
}
"""A moment of each stage, and several of the longest, by what debwright says then.

pebble goes through all of them in a third of the time that greeter takes.
"""


@contextmanager
def running_until(
    moment: str, debwright: Debwright, *arguments: str, later: float = 0.0
) -> Iterator[subprocess.Popen[str]]:
    """debwright once it has said `moment`, a regular expression, and `later` seconds on."""
    with subprocess.Popen(
        debwright.argv("-v", *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env={**os.environ, **debwright.environment},
    ) as started:  # fmt: skip
        assert started.stdout is not None
        said = []
        for line in started.stdout:
            said.append(line)
            if re.search(moment, line):
                break
        else:
            raise AssertionError(f"it never said {moment}:\n{''.join(said)[-3000:]}")
        # With nobody to read it would soon wait in the middle of a line.
        reader = threading.Thread(target=started.stdout.read, daemon=True)
        reader.start()
        time.sleep(later)
        try:
            yield started
        finally:
            started.kill()
            reader.join(10)


@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_9_in_every_stage(
    moment: str, project: Callable[[str], Debwright], own_cache: Path
) -> None:
    """Nothing is left running or mounted, and the next run just works."""
    debwright = project("pebble")
    debwright.environment["XDG_CACHE_HOME"] = str(own_cache.parent)
    arguments = ("run", "-t", "bookworm-amd64")
    later = random.random() * 0.3
    with running_until(MOMENTS[moment], debwright, *arguments, later=later) as started:
        assert traces(own_cache, debwright.directory / "dist"), "nothing to be seen"
        started.send_signal(signal.SIGKILL)
        started.wait()
        # A file may be half written when the kill comes, under a name that nothing reads.
        assert settle(own_cache, own_cache / "nothing") == []
    run = debwright(*arguments)
    assert run.code == 0, run.said[-3000:]
    assert list((own_cache / "scratch").iterdir()) == [], "the next start heals"
    assert traces(own_cache, debwright.directory / "dist") == []


def test_kill_9_while_cross_built_packages_are_tested(
    project: Callable[[str], Debwright], own_cache: Path
) -> None:
    """The built tree is gone with the run: it is built again, or its tests could not be run."""
    debwright = project("greeter")
    debwright.environment["XDG_CACHE_HOME"] = str(own_cache.parent)
    with running_until(r" test +tests under", debwright, "build", "-t", "*-arm64") as started:
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert settle(own_cache, debwright.directory / "dist") == []
    run = debwright("build", "-t", "*-arm64")
    assert run.code == 0, run.said[-3000:]
    stages = {s["stage"]: s["status"] for s in run.target("bookworm-arm64")["stages"]}
    assert stages["test"] == "passed"


def test_kill_9_while_a_root_is_made(project: Callable[[str], Debwright], tmp_path: Path) -> None:
    """mmdebstrap has processes, mounts and half a system by then."""
    debwright = project("broken/setuid-file")
    cache = tmp_path / "cache/debwright"
    debwright.environment["XDG_CACHE_HOME"] = str(cache.parent)
    with running_until(r" source +preparing a root", debwright, "build", later=4) as started:
        assert any(t.startswith("cmdline of") for t in traces(cache, debwright.directory / "dist"))
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert settle(cache, debwright.directory / "dist") == []
    listed = debwright("--json", "cache", "list")
    assert json.loads(listed.output)["layers"] == [], "half a root is none"
    assert list((cache / "scratch").iterdir()) == [], "the next start heals"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["source", "build", "boot", "install", "publish"])
def test_interrupt_cleans_up(
    number: signal.Signals,
    moment: str,
    project: Callable[[str], Debwright],
    own_cache: Path,
) -> None:
    debwright = project("pebble")
    debwright.environment["XDG_CACHE_HOME"] = str(own_cache.parent)
    arguments = ("run", "-t", "bookworm-amd64")
    with running_until(MOMENTS[moment], debwright, *arguments) as started:
        started.send_signal(number)
        assert started.wait(timeout=30) == 130
    assert settle(own_cache, debwright.directory / "dist") == []
    assert list((own_cache / "scratch").iterdir()) == []


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


def test_disk_full_in_the_overlay(project: Callable[[str], Debwright], own_cache: Path) -> None:
    """The scratch space, and nothing else, is a file system of 512 KB."""
    debwright = project("greeter")
    debwright.environment["XDG_CACHE_HOME"] = str(own_cache.parent)
    # The roots, which have their place elsewhere.
    assert debwright("build", "-t", "bookworm-amd64").code == 0
    shutil.rmtree(debwright.directory / "dist")
    (own_cache / "scratch").mkdir(exist_ok=True)
    script = 'mount -t tmpfs -o size=512k,mode=755 tmpfs "$1"; shift; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", str(own_cache / "scratch"),
         *debwright.argv("build", "-t", "bookworm-amd64")],
        capture_output=True, text=True, check=False,
        env={**os.environ, **debwright.environment},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 5, said
    assert "disk is full" in said
    assert "cache prune" in said


def test_two_at_once_in_one_place(project: Callable[[str], Debwright]) -> None:
    debwright = project("greeter")
    first = debwright.start("build", "-t", "bookworm-amd64")
    time.sleep(3)
    second = debwright("build", "-t", "bookworm-amd64")
    assert second.code == 1
    assert "another debwright is working" in second.error
    assert first.wait(timeout=300) == 0


def test_another_product_of_the_same_version_is_refused(
    project: Callable[[str], Debwright],
) -> None:
    debwright = project("greeter")
    (taken,) = {line.split()[1] for line in debwright("plan").output.splitlines()[:1]}
    home = debwright.directory / "dist" / taken
    (home / "bookworm-amd64").mkdir(parents=True)
    (home / "bookworm-amd64/other.deb").write_text("built")
    (home / ".product").write_text("other\n")
    run = debwright("build", "-t", "bookworm-amd64")
    assert run.code == 2
    assert "has the packages of other, and this is greeter" in run.error
    assert "--output" in run.error
    assert (home / "bookworm-amd64/other.deb").read_text() == "built"


@pytest.fixture
def ordinary_user() -> object:
    """A user with subordinate ids, there for one test only."""
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        pytest.skip("this system's AppArmor keeps ordinary users from namespaces (Ubuntu 24.04)")
    name = f"dwtest{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    yield name
    subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def test_an_ordinary_user_builds(ordinary_user: str, tmp_path: Path) -> None:
    """Roots, layers and the build in user namespaces; the boot is skipped and says why."""
    home = Path(pwd.getpwnam(ordinary_user).pw_dir)
    here = Path(__file__).parents[1]
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
