"""`init` run again: what it wrote is brought up to date, what was edited stays."""

import json
import subprocess
from pathlib import Path

import pytest

from debwright.init import Scaffold, Wishes, prepare, scaffold
from debwright.init.changes import Act, merge
from debwright.init.record import RECORD
from debwright.model.errors import UsageError
from debwright.model.fix import Command

PYPROJECT = """\
[project]
name = "bells"
version = "1.0"
description = "rings bells"
authors = [{ name = "Ada", email = "ada@example.org" }]
dependencies = []

[project.scripts]
bells = "bells:main"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "bells"
    directory.mkdir()
    (directory / "bells.py").write_text(
        "import http.server\nport = 8123\n'/health'\ndef main(): ...\n"
    )
    (directory / "pyproject.toml").write_text(PYPROJECT)
    scaffold(directory)
    return directory


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def files(directory: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def acts(made: Scaffold) -> dict[str, Act]:
    changes = [c for c in made.changes if c.act is not Act.SAME and not c.bookkeeping]
    return {c.path: c.act for c in changes}


def diff(made: Scaffold) -> list[str]:
    return [line for change in made.changes for line in change.diff()]


def test_nothing_changed_nothing_done(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(project)
    # Another day, too: pages and copyright have the date of the first time.
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "2000000000")
    assert acts(scaffold(project)) == {}
    assert files(project) == before


def test_a_new_dependency_is_taken_and_an_edit_kept(project: Path) -> None:
    edit(project / "debian/control", "Section: net", "Section: sound")
    edit(project / "debwright.toml", "start_seconds = 20", "start_seconds = 90")
    edit(project / "pyproject.toml", "dependencies = []", 'dependencies = ["flask"]')
    edit(project / "pyproject.toml", "rings bells", "rings the bells")
    made = scaffold(project)
    assert acts(made)["debian/control"] is Act.MERGED
    control = (project / "debian/control").read_text()
    assert "Section: sound\n" in control
    assert "python3-flask <!nocheck>" in control
    assert "start_seconds = 90" in (project / "debwright.toml").read_text()
    assert acts(made)["debian/bells.1"] is Act.UPDATED
    assert "+Description: rings the bells" in diff(made)
    assert "-Section: net" not in diff(made)
    assert acts(scaffold(project)) == {}


def test_where_both_changed_the_edit_stays_and_the_rest_is_shown(project: Path) -> None:
    edit(project / "debian/control", "Description: rings bells", "Description: my bells")
    edit(project / "pyproject.toml", "rings bells", "rings the bells")
    made = scaffold(project)
    control = (project / "debian/control").read_text()
    assert "Description: my bells\n" in control
    assert "<<<<" not in control
    assert "+Description: rings the bells" in diff(made), "what was not taken is shown"
    assert acts(scaffold(project)) == {}, "and shown once"


def test_an_edit_alone_is_no_news(project: Path) -> None:
    edit(project / "debian/rules", "dh $@", "dh $@ --with=bells")
    before = files(project)
    assert acts(scaffold(project)) == {}
    assert files(project) == before


def test_what_was_removed_stays_away(project: Path) -> None:
    (project / "debian/tests/control").unlink()
    (project / "debian/rules").unlink()
    made = scaffold(project)
    assert acts(made) == {"debian/tests/control": Act.KEPT, "debian/rules": Act.WROTE}
    assert not (project / "debian/tests/control").exists()
    scaffold(project, force=True)
    assert (project / "debian/tests/control").exists()


def test_a_file_that_is_no_longer_of_use_goes_unless_it_was_edited(project: Path) -> None:
    (project / "bells.toml").touch()
    scaffold(project)
    assert (project / "debian/bells.install").exists()
    (project / "bells.toml").unlink()
    assert acts(scaffold(project)) == {"debian/bells.install": Act.REMOVED}
    assert not (project / "debian/bells.install").exists()
    (project / "bells.toml").touch()
    scaffold(project)
    (project / "bells.toml").unlink()
    (project / "debian/bells.install").write_text("mine etc\n")
    assert acts(scaffold(project)) == {"debian/bells.install": Act.KEPT}
    assert (project / "debian/bells.install").exists()


def test_the_mode_of_rules_comes_back(project: Path) -> None:
    (project / "debian/rules").chmod(0o644)
    assert acts(scaffold(project)) == {"debian/rules": Act.UPDATED}
    assert (project / "debian/rules").stat().st_mode & 0o777 == 0o755


def test_line_ends_and_odd_bytes_survive(project: Path) -> None:
    path = project / "debian/copyright"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"# \xff\r\n")
    before = path.read_bytes()
    edit(project / "pyproject.toml", '"Ada"', '"Eve"')
    made = scaffold(project)
    assert path.read_bytes() == before
    assert acts(made)["debian/copyright"] is Act.KEPT
    assert acts(scaffold(project)) == {}


def test_without_the_record_what_is_equal_is_ones_own(project: Path) -> None:
    (project / RECORD).unlink()
    assert acts(scaffold(project)) == {}
    (project / RECORD).unlink()
    edit(project / "debian/control", "net", "sound")
    with pytest.raises(UsageError, match="did not write"):
        scaffold(project)


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "debian/../../x", ""])
def test_a_record_that_leads_elsewhere_is_refused(project: Path, path: str) -> None:
    record = json.loads((project / RECORD).read_text())
    record["files"][path] = "text"
    (project / RECORD).write_text(json.dumps(record))
    (project.parent / "outside").write_text("text")
    with pytest.raises(UsageError, match="cannot be read"):
        scaffold(project)
    assert (project.parent / "outside").exists()


def test_a_record_with_conflicts_says_how_to_get_it_back(project: Path) -> None:
    (project / RECORD).write_text("<<<<<<< HEAD\n{}\n")
    with pytest.raises(UsageError) as refused:
        scaffold(project)
    assert refused.value.fix == f"git checkout HEAD -- {RECORD}"


def test_looking_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "bells.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    before = files(tmp_path)
    made = prepare(tmp_path)
    assert "+Source: bells" in diff(made)
    assert files(tmp_path) == before


def test_workflows_are_written_once_and_not_when_they_are_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "bells.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    prepare(tmp_path, Wishes(workflows=False)).write()
    scaffold(tmp_path)
    assert not (tmp_path / ".github").exists(), "it is remembered"
    prepare(tmp_path, Wishes(workflows=True)).write()
    assert (tmp_path / ".github/workflows/release.yml").exists()
    edit(tmp_path / "debwright.toml", "[workflows]\n", '[workflows]\nmain = "trunk"\n')
    made = scaffold(tmp_path)
    assert acts(made) == {}
    assert [n for n in made.notes if "workflows sync" in n]


def test_the_workflows_are_what_sync_would_write(project: Path) -> None:
    from debwright.cli.app import call

    assert call(["-C", str(project), "workflows", "check"]) == 0


def test_other_workflows_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bells.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/tests.yaml").touch()
    notes = scaffold(tmp_path).notes
    assert [p.name for p in (tmp_path / ".github").rglob("*.y*ml")] == ["tests.yaml"]
    assert [n for n in notes if "workflows already" in n]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "# Built by debwright.\n/dist/\n"),
        ("*.pyc", "*.pyc\n# Built by debwright.\n/dist/\n"),
        ("*.pyc\ndist/\n", None),
        ("/dist\n", None),
    ],
)
@pytest.mark.parametrize("repository", [False, True])
def test_what_is_built_is_ignored(
    tmp_path: Path, before: str | None, after: str | None, repository: bool
) -> None:
    (tmp_path / "bells.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    if repository:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    if before is not None:
        (tmp_path / ".gitignore").write_text(before)
    scaffold(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == (after or before)
    scaffold(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == (after or before)


def test_what_git_ignores_elsewhere_is_not_added(tmp_path: Path) -> None:
    directory = tmp_path / "services/bells"
    directory.mkdir(parents=True)
    (directory / "bells.py").touch()
    (directory / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / ".gitignore").write_text("dist\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    scaffold(directory)
    assert not (directory / ".gitignore").exists()


def test_a_tracked_dist_is_named(tmp_path: Path) -> None:
    (tmp_path / "bells.py").touch()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/a.deb").touch()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "-A"], cwd=tmp_path, check=True)
    assert [n for n in scaffold(tmp_path).notes if "git rm -r -q --cached dist" in n]


def test_a_merge_without_git_keeps_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert merge("a\nb\nc\nd\nE\n", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n") == (
        "A\nb\nc\nd\nE\n", True
    )  # fmt: skip
    monkeypatch.setenv("PATH", "/nowhere")
    assert merge("mine", "base", "other") == ("mine", False)


@pytest.mark.parametrize("name", ["garden-2", "Other_Place"])
def test_another_name_of_the_directory_is_no_other_package(tmp_path: Path, name: str) -> None:
    """A clone is called as whoever clones likes: control got another name than the changelog."""
    first = tmp_path / "garden"
    first.mkdir()
    (first / "index.html").write_text("<title>roses</title>\n")
    scaffold(first)
    second = first.rename(tmp_path / name)
    made = prepare(second)
    assert not acts(made), diff(made)
    assert made.title.startswith("garden ")


def test_a_project_that_is_renamed_is_renamed_everywhere(project: Path) -> None:
    edit(project / "pyproject.toml", 'name = "bells"', 'name = "chimes"')
    with pytest.raises(UsageError) as caught:
        prepare(project)
    assert "debian/changelog is of bells" in caught.value.what
    assert isinstance(caught.value.fix, Command)
    subprocess.run(caught.value.fix.arguments, check=True)
    scaffold(project)
    control = (project / "debian/control").read_text()
    changelog = (project / "debian/changelog").read_text()
    assert control.startswith("Source: chimes\n")
    assert changelog.startswith("chimes (")
