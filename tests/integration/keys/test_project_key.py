"""The key that debwright makes for a project: once, for all runs, and never in CI."""

import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit import debs

from debwright.keys import project
from debwright.keys.gnupg.home import open_home
from debwright.keys.ring import list_keys

pytestmark = pytest.mark.apart


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debwright:
    """A project whose repository gets packages by `repo add`, in a home of its own."""
    for name in ("CI", "SUDO_USER", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home/data"))
    (tmp_path / "home").mkdir()
    directory = tmp_path / "demo"
    debs.write(directory, {
        "debian/control": "Source: demo\nMaintainer: Jo <jo@example.org>\n",
        "debian/changelog": "demo (1-1) unstable; urgency=low\n\n  * X.\n\n"
        " -- Jo <jo@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n",
        "debwright.toml": '[targets]\nbuild = ["bookworm-amd64"]\n',
    })  # fmt: skip
    return Debwright(directory)


def add(demo: Debwright, version: str, **environment: str) -> str:
    deb = debs.build(demo.directory.parent, {"/usr/share/demo/x": version}, version=version)
    run = demo("repo", "add", "--suite", "bookworm", str(deb), env=environment)
    assert run.code == 0, run.said
    return (demo.directory / "dist/apt/key.asc").read_text()


def test_two_versions_have_one_key_and_its_backup_can_be_restored(demo: Debwright) -> None:
    assert add(demo, "1.0") == add(demo, "2.0")
    found = demo("keys", "list")
    assert "[signs]" in found.output
    assert demo("keys", "verify").code == 0
    home = project.key_home("demo")
    assert home.stat().st_mode & 0o077 == 0
    backup = project.ProjectKey(home=home, fingerprint=home.name).backup()
    words = shlex.split(backup)
    assert words[0] == "debwright"
    done = demo(*words[1:])
    assert done.code == 0, done.said
    path = Path(words[words.index("--to") + 1])
    shares = sorted(path.parent.glob("*-share-*.txt"))[:2]
    (demo.directory / "debwright.toml").write_text('[signing]\nhome = "restored"\n')
    options = [w for s in shares for w in ("--share", str(s))]
    assert demo("keys", "restore", str(path), *options).code == 0


def test_in_ci_none_is_made_and_that_is_said(demo: Debwright) -> None:
    first = add(demo, "1.0", CI="true")
    assert first != add(demo, "2.0", CI="true")
    assert not project.key_home("demo").exists()


def test_two_runs_at_once_make_one_key(demo: Debwright) -> None:
    script = "from debwright.keys.project import ensure_key; print(ensure_key('demo').fingerprint)"

    def one(_: int) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        return done.stdout

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(one, range(3)))) == 1
    with open_home(project.key_home("demo")) as home:
        assert len(list_keys(home)) == 1
