"""debwright packages itself; what apt installs of that packages greeter."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.docs.places import TARGET, TOP, roots

from debwright.isolation.namespaces import Bind
from debwright.roots.overlay import opened, throwaway

pytestmark = pytest.mark.minutes(1.5)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`dist` of `debwright run` on this repository, for one target."""
    dist = tmp_path_factory.mktemp("dogfood")
    done = subprocess.run(
        [sys.executable, "-m", "debwright", "-C", str(TOP), "-o", str(dist), "run",
         "-t", str(TARGET)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    yield dist
    shutil.rmtree(dist)


def test_it_passes_its_own_checks(built: Path) -> None:
    (path,) = built.glob(f"*/{TARGET}/check.json")
    checks = {c["name"]: c for c in json.loads(path.read_text())["checks"]}
    assert {checks[n]["status"] for n in ("lintian", "install", "smoke", "purge")} == {"passed"}
    assert list(built.glob("apt/pool/**/debwright_*.deb")), "published"


def test_an_installed_debwright_builds_greeter(built: Path, tmp_path: Path) -> None:
    """In a Debian 12 that has nothing of this source tree but the package."""
    known = roots()
    shutil.copytree(TOP / "tests/projects/greeter", tmp_path / "greeter")
    # The cache is this machine's: an overlay cannot stand on another one.
    binds = [
        Bind(source=built / "apt", target=str(built / "apt")),
        Bind(source=tmp_path, target="/work", read_only=False),
        Bind(source=known.cache.root, target="/root/.cache/debwright", read_only=False),
    ]
    with (
        throwaway(known.cache, known.base(TARGET), "user") as overlay,
        opened(overlay, network=True, bounded=False, binds=binds) as inside,
    ):
        inside.run(
            ["sh", "-c", f"cp {built}/apt/debwright-bookworm.sources /etc/apt/sources.list.d/"]
        )
        for words in ("update", "-y --no-install-recommends install debwright"):
            inside.run(["apt-get", "-q", *words.split()], merge=True, timeout=900,
                       env={"DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip
        command = ["debwright", "-C", "/work/greeter", "build", "-t", str(TARGET)]
        environment = {"HOME": "/root", "PATH": os.defpath + ":/usr/sbin:/sbin"}
        done = inside.run(command, merge=True, check=False, env=environment, timeout=900)
        assert done.returncode == 0, done.output[-4000:]
    assert list((tmp_path / "greeter/dist").glob(f"*/{TARGET}/greeter_*.deb"))
    assert list((tmp_path / "greeter/dist").glob(f"*/{TARGET}/*.cdx.json")), "debsbom was found"
