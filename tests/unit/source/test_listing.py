"""Whether a checkout has all that a source package is made of, and what git is asked."""

import subprocess
from pathlib import Path

import pytest

from debwright.model.errors import ConfigError, UsageError
from debwright.source import make
from debwright.source.digest import source_digest
from debwright.source.listing import quoted, require_debian_in_git, unquoted
from debwright.source.make import project_files

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"


def git(path: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
    subprocess.run(
        ["git", "-C", path, *identity, "-c", "protocol.file.allow=always", *arguments],
        check=True, capture_output=True,
    )  # fmt: skip


def repository(path: Path, *files: str) -> Path:
    path.mkdir(parents=True)
    git(path, "init", "-q")
    for name in files:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(f"{name}\n")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "x")
    return path


def test_a_submodule_that_is_not_checked_out_is_said(tmp_path: Path) -> None:
    library = repository(tmp_path / "library", "own.c")
    product = repository(tmp_path / "product", "debian/control")
    git(product, "submodule", "add", "-q", str(library), "extern/library")
    git(product, "commit", "-qm", "y")
    git(tmp_path, "clone", "-q", str(product), str(tmp_path / "clone"))
    for ask in (source_digest, project_files):
        with pytest.raises(UsageError, match="extern/library is not checked out") as caught:
            ask(tmp_path / "clone")
        assert str(caught.value.fix) == "git submodule update --init --recursive extern/library"
    source_digest(product)


def test_a_sparse_checkout_is_said(tmp_path: Path) -> None:
    clone = repository(tmp_path / "p", "debian/control", "main.c", "doc/guide.md")
    git(clone, "sparse-checkout", "set", "--no-cone", "/*", "!/doc/")
    for ask in (source_digest, project_files):
        with pytest.raises(UsageError, match="1 files of the source are not there") as caught:
            ask(clone)
        assert caught.value.evidence[0].text == "doc/guide.md"
    git(clone, "sparse-checkout", "disable")
    assert "doc/guide.md" in project_files(clone)


def test_a_sparse_checkout_that_has_the_packages_directory_is_enough(tmp_path: Path) -> None:
    clone = repository(tmp_path / "p", "one/debian/control", "two/main.c")
    git(clone, "sparse-checkout", "set", "one")
    assert not (clone / "two").exists()
    assert project_files(clone / "one") == ["debian/control"]


def test_packaging_that_git_ignores_is_said_with_the_line(tmp_path: Path) -> None:
    tree = repository(tmp_path / "p", "main.c")
    (tree / ".gitignore").write_text("*.o\ndebian/\n")
    (tree / "debian").mkdir()
    (tree / "debian/control").write_text("Source: p\n")
    with pytest.raises(UsageError, match="git ignores debian/") as caught:
        require_debian_in_git(tree)
    (seen,) = caught.value.evidence
    assert (seen.file, seen.line, seen.text) == (".gitignore", 2, "debian/")


@pytest.mark.parametrize("ignored", ["", "*.log\n"])
def test_packaging_that_git_sees_is_well(tmp_path: Path, ignored: str) -> None:
    tree = repository(tmp_path / "p", "debian/control", "debian/changelog")
    (tree / ".gitignore").write_text(ignored)
    require_debian_in_git(tree)
    require_debian_in_git(tmp_path)  # where there is no repository at all


def test_a_part_of_a_repository_does_not_count_what_git_ignores(tmp_path: Path) -> None:
    """git takes the names that hash-object is given for names below the top."""
    tree = repository(tmp_path / "p", "ü part/main.c", ".gitignore")
    (tree / ".gitignore").write_text(".venv\n")
    part = tree / "ü part"
    (part / "new.c").write_text("1")
    (part / ".venv").mkdir()
    before = source_digest(part)
    (part / ".venv/lib.py").write_text("x")
    assert source_digest(part) == before
    (part / "new.c").write_text("2")
    assert source_digest(part) != before


def test_a_hook_of_another_repository_does_not_change_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = repository(tmp_path / "p", "main.c")
    other = repository(tmp_path / "other", "else.c")
    before = source_digest(tree)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert project_files(tree) == ["main.c"]
    assert source_digest(tree) == before


@pytest.mark.parametrize("attributes", ["*.bin filter=lfs diff=lfs merge=lfs -text\n", ""])
def test_pointers_of_git_lfs_are_no_files(tmp_path: Path, attributes: str) -> None:
    tree = repository(tmp_path / "p", "main.c")
    (tree / "model.bin").write_text(POINTER)
    (tree / ".gitattributes").write_text(attributes)
    if not attributes:
        make.export_tree(tree, tmp_path / "out", ())
        return
    with pytest.raises(ConfigError, match="1 files are pointers of Git LFS") as caught:
        make.export_tree(tree, tmp_path / "out", ())
    assert caught.value.evidence[0].file == "model.bin"
    make.export_tree(tree, tmp_path / "left-out", ("*.bin",))


@pytest.mark.parametrize("name", [b"plain", b"with space", 'ü\n\t"\\'.encode(), b"\xff\x01"])
def test_names_are_quoted_as_git_reads_them(name: bytes) -> None:
    assert unquoted(quoted(name)) == name
