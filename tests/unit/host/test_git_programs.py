"""No program runs that the configuration of a checked-out project names to git."""

import shutil
import subprocess
from pathlib import Path

import pytest

from debwright.host.git import ProgramOfProject, git
from debwright.host.git_programs import programs_in
from debwright.host.process import CommandError
from debwright.model.errors import DebwrightError
from debwright.source.digest import source_digest
from debwright.source.version import from_git

REAL = shutil.which("git") or "git"


def run(path: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
    argv = [REAL, "-C", str(path), *identity, "-c", "protocol.file.allow=always", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace, next to itself, of having run."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $*" >>{tmp_path}/ran\nexit 0\n')
    program.chmod(0o755)
    return program


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return made


@pytest.fixture
def project(tmp_path: Path, home: Path) -> Path:
    """A repository with a file that has a filter, of which git cannot know whether it changed."""
    path = tmp_path / "project"
    path.mkdir()
    run(path, "init", "-q")
    (path / ".gitattributes").write_text("*.dat filter=evil diff=evil\n")
    (path / "a.dat").write_text("one\n")
    run(path, "add", "-A")
    run(path, "commit", "-qm", "x")
    run(path, "tag", "v1.0.0")
    (path / "a.dat").write_text("two\n")
    return path


def every_program(path: Path, trap: Path) -> None:
    for key in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass",
        "core.gitProxy", "core.alternateRefsCommand", "diff.external", "diff.evil.textconv",
        "diff.evil.command", "merge.evil.driver", "gpg.program", "credential.helper",
        "credential.https://example.org.helper", "remote.origin.uploadpack",
        "remote.origin.receivepack",
    ):  # fmt: skip
        run(path, "config", key, str(trap))
    hooks = path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "fsmonitor-watchman", "pre-push", "reference-transaction"):
        shutil.copy(trap, hooks / name)
    run(path, "config", "core.hooksPath", str(hooks))
    run(path, "config", "log.showSignature", "true")
    run(path, "config", "protocol.ext.allow", "always")


def test_questions_run_nothing_of_the_project(project: Path, trap: Path) -> None:
    every_program(project, trap)
    source_digest(project)
    from_git(project)
    git(project, "log", "-1", "-p")
    git(project, "diff", "--name-only", "HEAD")
    assert not (trap.parent / "ran").exists()
    assert from_git(project).dirty


def test_remotes_are_reached_without_programs_of_the_project(
    project: Path, trap: Path, tmp_path: Path
) -> None:
    every_program(project, trap)
    bare = tmp_path / "bare"
    subprocess.run([REAL, "clone", "-q", "--bare", str(project), str(bare)], check=True)
    (trap.parent / "ran").unlink(missing_ok=True)
    run(project, "config", "remote.origin.url", str(bare))
    assert "refs/tags/v1.0.0" in git(project, "ls-remote", "origin").output
    git(project, "push", "--quiet", "origin", "HEAD:refs/heads/more")
    run(project, "config", "remote.origin.url", f"ext::{trap}")
    with pytest.raises(CommandError, match="failed") as caught:
        git(project, "ls-remote", "origin")
    assert "which debwright does not run" in str(caught.value.cause)
    assert not (trap.parent / "ran").exists()


def test_a_filter_of_the_project_is_refused_with_a_sentence(project: Path, trap: Path) -> None:
    run(project, "config", "filter.evil.clean", str(trap))
    run(project, "config", "filter.evil.required", "true")
    for ask in (source_digest, from_git):
        with pytest.raises(ProgramOfProject, match="files of the project have the filter"):
            ask(project)
    assert not (trap.parent / "ran").exists()
    (project / "included").write_text(f'[filter "evil"]\n\tprocess = {trap}\n')
    run(project, "config", "--unset", "filter.evil.clean")
    run(project, "config", "include.path", "../included")
    with pytest.raises(ProgramOfProject):
        source_digest(project)
    assert not (trap.parent / "ran").exists()


def test_a_filter_that_no_file_has_is_no_obstacle(project: Path, trap: Path) -> None:
    run(project, "config", "filter.other.clean", str(trap))
    source_digest(project)
    assert not (trap.parent / "ran").exists()


def test_what_the_user_has_made_their_own_runs(project: Path, trap: Path) -> None:
    """Git LFS among it, which `git lfs install` puts there."""
    run(project, "config", "--global", "filter.evil.clean", f"{trap} %f")
    source_digest(project)
    assert (trap.parent / "ran").exists()
    (trap.parent / "ran").unlink()
    other = trap.with_name("other")
    shutil.copy(trap, other)
    run(project, "config", "filter.evil.clean", str(other))  # does not take its place
    (project / "a.dat").write_text("three\n")
    source_digest(project)
    assert "other" not in (trap.parent / "ran").read_text()


def test_a_submodule_has_a_configuration_of_its_own(
    project: Path, trap: Path, tmp_path: Path
) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    run(outer, "init", "-q")
    run(outer, "submodule", "add", "-q", str(project), "inner")
    run(outer, "commit", "-qm", "x")
    inner = outer / "inner"
    assert not from_git(outer).dirty
    (inner / "a.dat").write_text("three\n")
    assert from_git(outer).dirty
    run(inner, "config", "core.fsmonitor", str(trap))
    run(inner, "config", "filter.evil.clean", str(trap))
    with pytest.raises(ProgramOfProject):
        from_git(outer)
    assert not (trap.parent / "ran").exists()


def test_a_bare_repository_within_the_source_is_not_asked(project: Path, trap: Path) -> None:
    below = project / "bare"
    subprocess.run([REAL, "init", "-q", "--bare", str(below)], check=True)
    run(below, "config", "core.fsmonitor", str(trap))
    run(below, "config", "core.worktree", str(project))
    run(below, "config", "core.bare", "false")
    with pytest.raises(DebwrightError):
        git(below, "status")
    assert not (trap.parent / "ran").exists()


@pytest.mark.parametrize(
    ("entries", "filters"),
    [
        # What `git lfs install --local` writes.
        (["local\0filter.lfs.clean\ngit-lfs clean -- %f", "local\0filter.lfs.required\ntrue",
          "local\0filter.lfs.process\ngit-lfs filter-process"], ()),
        (["local\0filter.lfs.clean\ngit-lfs clean -- %f; evil"], ("lfs",)),
        # Programs that git-lfs itself would run.
        (["local\0filter.lfs.clean\ngit-lfs clean -- %f",
          "local\0lfs.extension.x.clean\nevil %f"], ("lfs",)),
        (["worktree\0filter.a.b.smudge\nevil"], ("a.b",)),
        (["global\0filter.lfs.clean\nevil"], ()),
    ],
)  # fmt: skip
def test_whose_a_filter_is(entries: list[str], filters: tuple[str, ...]) -> None:
    assert programs_in("".join(f"{e}\0" for e in entries)).filters == filters
