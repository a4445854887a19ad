"""The digest of a source tree."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from debwright.model.errors import UsageError
from debwright.source.digest import source_digest


def git(path: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
    subprocess.run(["git", "-C", path, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(params=["git", "plain"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "tree"
    path.mkdir()
    (path / "a").write_text("a")
    (path / "b").write_text("b")
    (path / "sub").mkdir()
    (path / "sub" / 'odd "é\n name').write_text("c")
    (path / os.fsdecode(b"latin\xe9")).write_text("d")
    (path / "link").symlink_to("a")
    if request.param == "git":
        git(path, "init", "-q")
        git(path, "add", "-A")
        git(path, "commit", "-q", "-m", "x")
    return path


def relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("how", ["content", "mode", "rename", "new", "removed", "link", "odd"])
def test_every_change_shows_and_goes_away_with_it(tree: Path, how: str) -> None:
    before = source_digest(tree)
    assert source_digest(tree) == before
    odd = tree / "sub" / 'odd "é\n name'
    steps: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "content": (lambda: (tree / "a").write_text("A"), lambda: (tree / "a").write_text("a")),
        "mode": (lambda: (tree / "a").chmod(0o755), lambda: (tree / "a").chmod(0o644)),
        "rename": (
            lambda: (tree / "a").rename(tree / "c"),
            lambda: (tree / "c").rename(tree / "a"),
        ),
        "new": (lambda: (tree / "sub/n").write_text(""), (tree / "sub/n").unlink),
        "removed": ((tree / "b").unlink, lambda: (tree / "b").write_text("b")),
        "link": (lambda: relink(tree / "link", "b"), lambda: relink(tree / "link", "a")),
        "odd": (lambda: odd.write_text("C"), lambda: odd.write_text("c")),
    }
    do, undo = steps[how]
    do()
    changed = source_digest(tree)
    assert changed != before
    assert source_digest(tree) == changed
    undo()
    assert source_digest(tree) == before


def test_dist_is_not_source(tree: Path) -> None:
    before = source_digest(tree)
    (tree / "dist").mkdir()
    (tree / "dist" / "x.deb").write_text("x")
    assert source_digest(tree) == before
    (tree / "sub" / "dist").mkdir()
    (tree / "sub" / "dist" / "x").write_text("x")
    assert source_digest(tree) != before


def test_a_later_time_stamp_is_no_change(tree: Path) -> None:
    before = source_digest(tree)
    for name in ("a", "b"):
        os.utime(tree / name, (2_000_000_000, 2_000_000_000))
    assert source_digest(tree) == before


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "-q")
    (path / "a").write_text("a\n")
    (path / ".gitignore").write_text("*.tmp\n")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "x")
    return path


def test_staging_and_committing_is_no_change(repo: Path) -> None:
    (repo / "a").write_text("b\n")
    (repo / "new").write_text("n\n")
    before = source_digest(repo)
    git(repo, "add", "-A")
    assert source_digest(repo) == before
    git(repo, "commit", "-q", "-m", "y")
    assert source_digest(repo) == before


def test_line_ends_git_converts_are_no_change_after_a_touch(repo: Path) -> None:
    (repo / ".gitattributes").write_text("*.txt text eol=crlf\n")
    (repo / "x.txt").write_bytes(b"one\r\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "y")
    before = source_digest(repo)
    os.utime(repo / "x.txt", (1, 1))
    assert source_digest(repo) == before


def test_ignored_files_are_not_source(repo: Path) -> None:
    before = source_digest(repo)
    (repo / "x.tmp").write_text("x")
    assert source_digest(repo) == before


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_files_git_was_told_not_to_look_at_are_looked_at(repo: Path, mark: str) -> None:
    git(repo, "update-index", mark, "a")
    before = source_digest(repo)
    (repo / "a").write_text("changed\n")
    assert source_digest(repo) != before


def test_a_directory_git_ignores_still_changes(repo: Path) -> None:
    (repo / "out.tmp").mkdir()
    (repo / "out.tmp" / "f").write_text("1")
    before = source_digest(repo / "out.tmp")
    (repo / "out.tmp" / "f").write_text("2")
    assert source_digest(repo / "out.tmp") != before


def test_a_part_of_a_repository_is_on_its_own(repo: Path) -> None:
    (repo / "part").mkdir()
    (repo / "part" / "f").write_text("1")
    (repo / "part" / 'q"').write_text("1")
    before = source_digest(repo / "part")
    (repo / "a").write_text("elsewhere\n")
    assert source_digest(repo / "part") == before
    (repo / "part" / 'q"').write_text("2")
    assert source_digest(repo / "part") != before


def test_a_repository_within_counts(repo: Path) -> None:
    (repo / "inner").mkdir()
    git(repo / "inner", "init", "-q")
    (repo / "inner" / "f").write_text("1")
    before = source_digest(repo)
    (repo / "inner" / "f").write_text("2")
    assert source_digest(repo) != before


def test_a_hostile_file_system_monitor_is_not_run(repo: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(trap))
    source_digest(repo)
    assert not (tmp_path / "sprung").exists()


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no directory"):
        source_digest(tmp_path / "missing")
