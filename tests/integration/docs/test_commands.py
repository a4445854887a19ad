"""The commands of the pages, run as a reader would: block after block, in the place they name."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.docs.places import SHELL, TOP, Service, booted, user
from tests.kit.pages import Block, blocks, name_of, pages
from tests.kit.projects import copy_tracked

from debwright.systems.nspawn import NspawnSandbox

pytestmark = pytest.mark.minutes(0.25)

DIST = Path(os.environ.get("LOCAL_RAG_DIST", str(TOP / "dist")))
"""Where `scripts/build-local.sh` writes."""


def commands(page: str) -> list[Block]:
    return [b for b in blocks(TOP / page) if b.mark == "run in"]


@pytest.mark.parametrize("page", ["README.md", "docs/operate.md", "docs/workflows.md"])
def test_a_page_in_a_service(page: str, tmp_path: Path) -> None:
    service = Service(tmp_path)
    found = commands(page)
    assert found
    for block in found:
        if block.value == "service with runs":
            service.remember_runs()
        service.run(block.text)


def test_debwright_is_installed_from_a_clone(tmp_path: Path) -> None:
    copy_tracked(TOP, tmp_path / "clone")
    clone, service = commands("docs/get-debwright.md")
    done = subprocess.run(
        [*SHELL, clone.text], cwd=tmp_path / "clone", capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("debwright, version")
    subprocess.run(
        [*SHELL, service.text], cwd=tmp_path, check=True, capture_output=True,
        env={**os.environ, "PATH": f"{tmp_path}/.local/bin:{os.environ['PATH']}"},
    )  # fmt: skip


def test_no_page_is_forgotten() -> None:
    """Every block that says it is run is on a page that a test of this directory takes."""
    taken = {
        "README.md", "docs/operate.md", "docs/workflows.md", "docs/five-minutes.md",
        "docs/get-debwright.md", "docs/use-local-rag.md", "docs/moving.md",
        "docs/install/debian-12.md", "docs/install/debian-13.md",
    }  # fmt: skip
    assert {name_of(p) for p in pages() if any(b.mark == "run in" for b in blocks(p))} == taken


def test_five_minutes(tmp_path: Path) -> None:
    service = Service(tmp_path)
    found = commands("docs/five-minutes.md")
    *first, install, second, upgrade = found
    assert [b.value for b in found] == ["service"] * len(first) + ["user", "service", "user"]
    for block in first:
        service.run(block.text)
    with user(service.directory) as machine:
        for block, version in ((install, "0.3.0-1"), (upgrade, "0.4.0-1")):
            if block is upgrade:
                service.run(second.text)
            machine.run([*SHELL, block.text], cwd=str(service.directory), merge=True)
            said = machine.run(["dpkg-query", "-W", "-f", "${Status} ${Version}", "plain-service"])
            assert said.output == f"install ok installed {version}"


def packages(dist: Path, pattern: str) -> list[Path]:
    found = [p for p in dist.glob(f"*/**/{pattern}") if "release" not in p.parts]
    return sorted(found, key=lambda p: p.stat().st_mtime)


@contextmanager
def installed(dist: Path) -> Iterator[NspawnSandbox]:
    """local-rag as a user has it who installed it with apt: the newest of `dist`."""
    mine = [p for p in packages(dist, "local-rag_*_amd64.deb") if "bookworm-amd64" in p.parts]
    models = packages(dist, "local-rag-models_*_all.deb")
    if not (mine and models):
        pytest.skip(f"no packages of local-rag in {dist}: run scripts/build-local.sh first")
    with booted([mine[-1]], [models[-1]]) as system:
        healthy(system)
        yield system


@pytest.fixture(scope="module")
def rag() -> Iterator[NspawnSandbox]:
    with installed(DIST) as system:
        yield system


def healthy(system: NspawnSandbox) -> None:
    for _ in range(60):
        done = system.run(["local-rag", "status"], check=False, merge=True)
        if done.returncode in (0, 4):
            return
        time.sleep(0.5)
    raise AssertionError(done.output)


def run_all(system: NspawnSandbox, page: str) -> list[str]:
    said = []
    for block in commands(page):
        for line in block.text.strip().splitlines():
            done = system.run([*SHELL, line], merge=True, check=False, timeout=300)
            # 4: degraded, as without a language model.
            wanted = (0, 4) if " status" in line else (0,)
            assert done.returncode in wanted, f"{line}\n{done.output}"
            said.append(done.output)
            if line.startswith("systemctl start"):
                healthy(system)
    return said


def test_local_rag_is_used(rag: NspawnSandbox) -> None:
    said = run_all(rag, "docs/use-local-rag.md")
    assert any("configuration.md" in s for s in said)


def test_from_development_to_production(rag: NspawnSandbox) -> None:
    """The whole page on a booted package: there, undone, and back; nothing is lost."""
    rag.run([*SHELL, SETUP], merge=True, timeout=300)
    before = set(rag.run([*SHELL, SUMS], merge=True).output.splitlines())
    said = run_all(rag, "docs/moving.md")
    assert any("garden.md" in s for s in said[:5]), said
    after = set(rag.run([*SHELL, SUMS], merge=True).output.splitlines())
    # Going back keeps what it replaces there, so that it can be undone as well.
    more = {line for line in after if "/migrations/" not in line}
    assert before and more == before, "the source stays as it was"


SUMS = "cd /home/alice/rag && find . -type f -name '*.md' -exec sha256sum {} + | sort"
# Alice runs her own: other port, other data, the same program.
SETUP = """
local-rag reset --yes
useradd --create-home alice
install -d -o alice -g alice /home/alice/rag /home/alice/.config /home/alice/.config/local-rag
printf 'server:\\n  port: 8099\\nstorage:\\n  data_dir: /home/alice/rag\\n' \
    > /home/alice/.config/local-rag/config.yaml
chown alice: /home/alice/.config/local-rag/config.yaml
printf '# Garden\\n\\nThe garden lease ends on 31 March 2031.\\n' > /home/alice/rag/garden.md
chown alice: /home/alice/rag/garden.md
systemctl stop local-rag
systemd-run --unit=alice --uid=alice --setenv=HOME=/home/alice local-rag serve
export LOCAL_RAG_URL=http://127.0.0.1:8099
for i in $(seq 60); do
    local-rag status >/dev/null 2>&1 && break; [ $? = 4 ] && break; sleep 0.5
done
runuser -u alice -- env HOME=/home/alice local-rag import --upload /home/alice/rag/garden.md
systemctl stop alice
systemctl start local-rag
"""
