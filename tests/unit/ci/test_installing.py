"""What the jobs install: something that has a hash, or nothing."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.kit.installing import INSTALL

from debwright.ci import installing
from debwright.ci.installing import EXAMPLE, from_record, what_to_install
from debwright.model.errors import UsageError

HASH = "a" * 64
WHEEL = f"https://forge.example/v1/debwright-1.0-py3-none-any.whl#sha256={HASH}"
LOCK = f"click==8.1 \\\n    --hash=sha256:{HASH}\nDebwright==1.0 \\\n    --hash=sha256:{HASH}\n"


def git(directory: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", directory, *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_commit_needs_nothing_more(tmp_path: Path) -> None:
    assert what_to_install(INSTALL, [], tmp_path) == INSTALL


@pytest.mark.parametrize("asked", [WHEEL, ".", "tools/debwright", "debwright==1.0"])
def test_everything_else_needs_a_lock(tmp_path: Path, asked: str) -> None:
    with pytest.raises(UsageError, match="no lock file says what it needs") as caught:
        what_to_install(asked, [], tmp_path)
    assert "uv pip compile --generate-hashes" in caught.value.render()
    (tmp_path / "lock.txt").write_text(LOCK)
    assert what_to_install(asked, ["lock.txt"], tmp_path) == asked


@pytest.mark.parametrize("lock", ["", "debwright==1.1 --hash=sha256:00\n", "debwright==1.0\n"])
def test_a_name_on_the_index_without_its_hash(tmp_path: Path, lock: str) -> None:
    """Whoever takes the name would run as root."""
    (tmp_path / "lock.txt").write_text(lock)
    with pytest.raises(UsageError, match=r"has a hash of debwright==1\.0"):
        what_to_install("debwright==1.0", ["lock.txt"], tmp_path)


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"url": "https://forge.example/debwright.git",
          "vcs_info": {"vcs": "git", "commit_id": INSTALL[-40:]}}, INSTALL),
        ({"url": "ssh://git@forge.example/debwright",
          "vcs_info": {"vcs": "git", "commit_id": INSTALL[-40:]}}, INSTALL),
        ({"url": WHEEL.partition("#")[0], "archive_info": {"hashes": {"sha256": HASH}}}, WHEEL),
        ({"url": "file:///tmp/debwright-1.0-py3-none-any.whl",
          "archive_info": {"hashes": {"sha256": HASH}}}, None),
        ({"url": "file:///home/a/debwright", "dir_info": {"editable": True}}, None),
        ({"url": WHEEL.partition("#")[0], "archive_info": {}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_pip_recorded(record: dict[str, Any], found: str | None) -> None:
    assert from_record(record) == found


def test_a_checkout_whose_commit_a_server_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, tree = tmp_path / "server.git", tmp_path / "tree"
    git(tmp_path, "init", "-q", "--bare", str(server))
    git(tmp_path, "init", "-q", "-b", "main", str(tree))
    package = tree / "src/debwright/__init__.py"
    package.parent.mkdir(parents=True)
    package.touch()
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "one")
    monkeypatch.setattr("debwright.__file__", str(package))
    monkeypatch.setattr(installing, "_recorded", lambda: None)
    with pytest.raises(UsageError, match="it is not known where") as caught:
        installing.installed_from()
    assert EXAMPLE in caught.value.render()
    git(tree, "remote", "add", "origin", str(server))
    git(tree, "push", "-q", "origin", "main")
    git(tree, "remote", "set-url", "origin", "git@forge.example:team/debwright.git")
    commit = git(tree, "rev-parse", "HEAD")
    assert installing.installed_from() == f"git+https://forge.example/team/debwright@{commit}"
    git(tree, "commit", "-q", "--allow-empty", "-m", "two")
    with pytest.raises(UsageError):
        installing.installed_from()


def test_nothing_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "installed_from", lambda: INSTALL)
    with pytest.raises(UsageError, match="does not say where") as caught:
        what_to_install(None, [], tmp_path)
    assert f'install = "{INSTALL}"' in caught.value.render()
