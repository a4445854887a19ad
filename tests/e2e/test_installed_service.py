"""local-rag's own tests, all of them, against the package that apt installed on a booted Debian 12.

`make e2e` runs it. Its source is not in the system: what the tests import is below
/usr/lib/local-rag. What only they need (pytest, the models' sources, selenium) is beside it.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from debwright.config import load
from debwright.isolation.namespaces import Bind
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway, opened
from debwright.systems.nspawn import NspawnSandbox
from tests.integration.docs.places import TARGET, TOP, roots
from tests.kit.projects import copy_tracked

SERVICE = TOP / "services/local-rag"
INSTALLED = "/usr/lib/local-rag"
PROGRAMS = ("chromium", "chromium-driver", "iproute2", "util-linux", "procps")
LEAST = 400
"""Tests that must have passed."""


def names_in(lock: Path) -> dict[str, str]:
    """Each distribution of a lock, with its lines."""
    parts = re.split(r"^(?=[A-Za-z0-9][\w.-]*==)", lock.read_text(), flags=re.MULTILINE)[1:]
    return {f"{p.split('==')[0].lower()} {number}": p for number, p in enumerate(parts)}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What only the tests need, for the system's Python."""
    path = tmp_path_factory.mktemp("beside")
    wheelhouse = load(SERVICE).config.wheelhouse
    assert wheelhouse is not None
    carried = {name.split()[0] for name in names_in(SERVICE / "requirements.lock")}
    carried -= set(wheelhouse.exclude)
    wanted: list[str] = []
    for lock in ("dev", "models", "browser"):
        for name, lines in names_in(SERVICE / f"requirements-{lock}.lock").items():
            if name.split()[0] not in carried and lines not in wanted:
                wanted.append(lines)
    (path / "wanted.txt").write_text("".join(dict.fromkeys(wanted)))
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}") or "uv"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--python-version",
         "3.11", "--target", str(path / "packages"), "-r", str(path / "wanted.txt")],
        check=True,
    )  # fmt: skip
    assert not list((path / "packages").glob("local_rag*"))
    return path / "packages"


@contextmanager
def installed(dist: Path, beside: Path) -> Iterator[NspawnSandbox]:
    """Booted, with local-rag from the repository that was published."""
    known: Roots = roots()
    with known.boot(TARGET).in_use(), known.cache.scratch("e2e") as scratch:
        overlay = make_throwaway(scratch, known.boot(TARGET))
        repository = str(dist / "apt")
        binds = [Bind(source=dist / "apt", target=repository)]
        apt = ["apt-get", "-q", "-y", "--no-install-recommends"]
        with opened(overlay, network=True, bounded=False, binds=binds) as inside:
            inside.run(["sh", "-c", f"cp {repository}/*-bookworm.sources /etc/apt/sources.list.d/"])
            for words in (["update"], ["install", "local-rag", *PROGRAMS]):
                inside.run([*apt, *words], merge=True, timeout=900,
                           env={"DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip
        services = overlay.upper / "srv/services"
        copy_tracked(SERVICE.parent, services, without="local-rag/src/")
        shutil.copytree(beside, overlay.upper / "srv/packages", symlinks=True)
        with NspawnSandbox(overlay) as system:
            yield system


def test_the_whole_suite_passes(local_rag_dist: Path, beside: Path) -> None:
    environment = {
        "PYTHONPATH": f"{INSTALLED}:/srv/packages", "HOME": "/root", "PATH": "/usr/bin:/usr/sbin",
        "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    with installed(local_rag_dist, beside) as system:
        asked = ["python3", "-c", "import local_rag, llama_cpp; print(local_rag, llama_cpp)"]
        assert system.run(asked, env=environment).output.count(f"{INSTALLED}/") == 2
        done = system.run(
            ["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
            cwd="/srv/services/local-rag", env=environment, merge=True, check=False, timeout=1800,
        )  # fmt: skip
    assert done.returncode == 0, done.output[-12000:]
    found = re.search(r"(\d+) passed", done.output)
    assert found, done.output[-2000:]
    assert int(found[1]) >= LEAST
