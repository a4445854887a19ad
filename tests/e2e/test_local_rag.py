"""Somebody's documents on an installed local-rag: the release after it, the way back, a broken one.

`make e2e` runs it, for the targets that E2E_TARGETS names.
"""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from debwright.host.machine import host_arch
from debwright.model.targets import Target
from tests.e2e.test_end_to_end import TARGETS, Machine, machine
from tests.integration.docs.places import TOP
from tests.kit.projects import copy_tracked, published

ASKED = "When does the lease of the garden end?"
ENTRY = """local-rag ({version}) unstable; urgency=medium

  * The release after it.

 -- local-rag <local-rag@example.org>  Mon, 02 Nov 2026 10:00:00 +0000

"""


def sources(work: Path) -> Path:
    """What is in git of the service and its models, on its own."""
    copy_tracked(TOP / "services", work)
    # The service's documents are of the project around it.
    config = work / "local-rag/debwright.toml"
    config.write_text(config.read_text().partition("# Always about the newest release")[0])
    return work / "local-rag"


def with_key(tree: Path, home: Path) -> None:
    """A key that stays: users follow a repository from one release to the next by it."""
    home.mkdir(mode=0o700)
    made = subprocess.run(
        [sys.executable, "-m", "debwright", "-C", str(tree), "--json", "keys", "new",
         "local-rag <local-rag@example.org>", "--no-passphrase"],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        env={**os.environ, "GNUPGHOME": str(home)},
    )  # fmt: skip
    key = json.loads(made.stdout)["fingerprint"]
    with (tree / "debwright.toml").open("a") as config:
        config.write(f'[signing]\nkey = "{key}"\nhome = "{home}"\n')


def next_release(tree: Path, version: str = "99.0.0-1") -> None:
    changelog = tree / "debian/changelog"
    changelog.write_text(ENTRY.format(version=version) + changelog.read_text())
    (tree / "src/local_rag/released.py").write_text('"""New in this release."""\n')


def healthy(user: Machine) -> None:
    """Wait for the service, as somebody who has just upgraded would."""
    user.run(
        "for n in $(seq 120); do"
        "  if local-rag status --json | grep -q '\"ok\"'; then exit 0; fi; sleep 1; "
        "done; local-rag status --verbose; journalctl -u local-rag | tail -20; exit 1"
    )


def answered(user: Machine) -> str:
    """What the service says; an emulated machine is spared the model that writes sentences."""
    words = "--json" if user.target.arch == host_arch() else "--json --passages"
    said = user.run(f"local-rag query {words} '{ASKED}'")
    assert "31 March 2031" in said, said
    return said


@pytest.mark.parametrize("name", TARGETS)
def test_documents_survive_a_release(releases: tuple[Path, Path, Path], name: str) -> None:
    dist, first, second = releases
    target = Target.parse(name)
    with ExitStack() as stack:
        (deb,) = (p for p in dist.glob(f"*/{target}/local-rag_*.deb") if "99.0" not in p.name)
        user = stack.enter_context(machine(deb, target))
        user.mirror(first)
        sources_file = f"/etc/apt/sources.list.d/local-rag-{target.suite}.sources"
        user.run(f"cp /srv/apt/local-rag-{target.suite}.sources {sources_file}")
        user.run(f"sed -i 's|^URIs: .*|URIs: http://127.0.0.1:8399/apt|' {sources_file}")
        user.apt("update")
        user.apt("install", "local-rag")
        healthy(user)
        user.run(
            "printf '<h1>Garden</h1><p>The lease ends on 31 March 2031.</p>' > /tmp/lease.html"
            " && local-rag import /tmp/lease.html"
        )
        user.run("echo '# mine' >> /etc/local-rag/config.yaml")
        before = answered(user)
        user.mirror(second)
        user.apt("update")
        user.apt("upgrade")
        assert "99.0.0" in user.run("dpkg-query -W -f '${Version}' local-rag")
        healthy(user)
        after = answered(user)
        assert "# mine" in user.run("cat /etc/local-rag/config.yaml")
        versions = user.run("apt-cache madison local-rag | awk '{ print $3 }' | sort -u").split()
        (old,) = (v for v in versions if not v.startswith("99.0.0"))
        user.apt("--allow-downgrades", "install", f"local-rag={old}")
        healthy(user)
        back = answered(user)
        assert "# mine" in user.run("cat /etc/local-rag/config.yaml")
    assert before.count("snippet") == after.count("snippet") == back.count("snippet")


def test_a_release_that_does_not_start_reaches_nobody(releases: tuple[Path, Path, Path]) -> None:
    dist, _, second = releases
    tree = dist.parent
    next_release(tree, "99.1.0-1")
    unit = tree / "debian/local-rag.service"
    right = unit.read_text()
    unit.write_text(
        right.replace("ExecStart=/usr/bin/local-rag ", "ExecStart=/usr/bin/local-ragd ")
    )
    assert unit.read_text() != right
    published(tree, TARGETS[:1], expect=4)
    assert not list((dist / "apt/pool").rglob("local-rag_99.1.0*"))
    for suite in {Target.parse(name).suite for name in TARGETS}:
        here, there = (r / f"dists/{suite}/InRelease" for r in (dist / "apt", second))
        assert here.read_bytes() == there.read_bytes(), "the repository is what it was"
    (home,) = dist.glob("99.1.0*")
    said = subprocess.run(
        [sys.executable, "-m", "debwright", "-C", str(tree), "diagnose", str(home)],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
    assert "local-rag.service" in said, said


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """`dist`, and the repository as it was after either release."""
    work = tmp_path_factory.mktemp("releases")
    tree = sources(work)
    with_key(tree, work / "gnupg")
    copies = []
    for number in (1, 2):
        published(tree, TARGETS)
        copies.append(work / f"{number}" / "apt")
        shutil.copytree(tree / "dist/apt", copies[-1], symlinks=True)
        next_release(tree)
    return tree / "dist", copies[0], copies[1]
