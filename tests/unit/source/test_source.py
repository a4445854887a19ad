"""Sources: what is read of them, what is refused, and the bytes that are made of them."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.host.git import UntrustedRepository
from debwright.model.errors import ConfigError, DebwrightError, MissingError, UsageError
from debwright.model.fix import Command
from debwright.source import make as sources
from debwright.source.digest import source_digest
from debwright.source.make import SourceError, SourceTree, project_files, read_dsc, read_tree
from debwright.source.package import DSC_LIMIT, require_rules

DSC = """\
Format: 3.0 (quilt)
Source: {name}
Binary: hello, hello-data
Architecture: any all
Version: {version}
Maintainer: Jo <jo@example.org>
Checksums-Sha256:
 {sha} 3 {member}
"""
SHA = hashlib.sha256(b"abc").hexdigest()


def dsc(
    directory: Path,
    name: str = "hello",
    version: str = "2.10-3",
    member: str = "hello_2.10.orig.tar.xz",
) -> Path:
    (directory / "hello_2.10.orig.tar.xz").write_bytes(b"abc")
    path = directory / "hello_2.10-3.dsc"
    path.write_text(DSC.format(name=name, version=version, member=member, sha=SHA))
    return path


def test_a_dsc_is_read(tmp_path: Path) -> None:
    package = read_dsc(dsc(tmp_path))
    assert (package.name, package.version) == ("hello", "2.10-3")
    assert [f.name for f in package.files] == ["hello_2.10.orig.tar.xz"]
    assert package.binaries == ("hello", "hello-data")
    assert package.has_all
    assert package.has_any_for("arm64")
    assert package.digest() == hashlib.sha256(package.dsc.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("architectures", "arch", "wanted"),
    [
        ({"all"}, "amd64", False),
        ({"amd64"}, "arm64", False),
        ({"linux-any"}, "arm64", True),
        ({"any-arm64", "all"}, "arm64", True),
        ({"amd64", "arm64"}, "arm64", True),
    ],
)
def test_what_is_built_for_an_architecture(
    tmp_path: Path, architectures: set[str], arch: str, wanted: bool
) -> None:
    path = dsc(tmp_path)
    path.write_text(path.read_text().replace("any all", " ".join(sorted(architectures))))
    assert read_dsc(path).has_any_for(arch) is wanted


@pytest.mark.parametrize(
    "member",
    ["../secret", "/etc/passwd", "..", ".", "a/b", ".hidden", "-o", "x;y", "\x1b[31mx"],
)
def test_a_dsc_may_name_only_files_beside_it(tmp_path: Path, member: str) -> None:
    with pytest.raises(UsageError, match=r"outside its directory|not a Debian source control"):
        read_dsc(dsc(tmp_path, member=member))


@pytest.mark.parametrize(
    "name", ["../../etc", "a/b", "-rf", "x\x1b[2J", "Hello", "..", "h", "hello world"]
)
def test_a_hostile_source_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a package's name"):
        read_dsc(dsc(tmp_path, name=name))


@pytest.mark.parametrize(
    "version", ["1/../../../tmp/x", "../1", "-1", "1 2", "x1", "1:../2", "1;2", "1\u0661"]
)
def test_a_hostile_version_is_refused(tmp_path: Path, version: str) -> None:
    """It names the directory below dist/."""
    with pytest.raises(UsageError, match="not a Debian version"):
        read_dsc(dsc(tmp_path, version=version))


@pytest.mark.parametrize("version", ["1", "1:2.0~rc1+ds-1~deb12u1", "0.0-0", "1.0-1+b1"])
def test_versions_of_the_archive_are_not(tmp_path: Path, version: str) -> None:
    assert read_dsc(dsc(tmp_path, version=version)).version == version


def test_a_dsc_without_its_files_says_how_to_fetch_them(tmp_path: Path) -> None:
    path = dsc(tmp_path)
    (tmp_path / "hello_2.10.orig.tar.xz").unlink()
    with pytest.raises(UsageError, match="is not beside it") as caught:
        read_dsc(path)
    assert "dget" in str(caught.value.fix)


def test_what_is_no_dsc(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a Debian source control file"):
        read_dsc(tmp_path / "gone.dsc")
    with pytest.raises(UsageError, match="not a Debian source control file"):
        read_dsc(tmp_path)
    big = tmp_path / "big.dsc"
    with big.open("wb") as handle:
        handle.truncate(DSC_LIMIT + 1)
    with pytest.raises(UsageError, match="not a Debian source control file") as caught:
        read_dsc(big)
    assert "longer" in caught.value.evidence[0].text


@given(st.binary(max_size=300))
def test_any_bytes_as_a_dsc_are_refused_politely(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("dsc", numbered=True) / "x.dsc"
    path.write_bytes(content + b"\nSource: x\nVersion: 1\nChecksums-Sha256:\n zz\n")
    with pytest.raises(UsageError):
        read_dsc(path)


CHANGELOG = """\
demo (1.2-1) unstable; urgency=medium

  * First.

 -- Jo <jo@example.org>  Wed, 01 Jan 2025 10:00:00 +0000
"""


def project(directory: Path, changelog: str = CHANGELOG, control: str = "Source: demo\n") -> Path:
    (directory / "debian/source").mkdir(parents=True)
    (directory / "debian/control").write_text(control)
    (directory / "debian/changelog").write_text(changelog)
    (directory / "debian/source/format").write_text("3.0 (quilt)\n")
    (directory / "debian/rules").write_text("#!/usr/bin/make -f\n")
    (directory / "debian/rules").chmod(0o755)
    (directory / "src").mkdir()
    (directory / "src/main.c").write_text("int main(void) { return 0; }\n")
    (directory / "run").write_text("#!/bin/sh\n")
    (directory / "run").chmod(0o700)
    (directory / "link").symlink_to("src/main.c")
    return directory


def test_a_tree_is_read(tmp_path: Path) -> None:
    tree = read_tree(project(tmp_path))
    assert (tree.name, tree.version, tree.format) == ("demo", "1.2-1", "3.0 (quilt)")
    assert tree.maintainer == "Jo <jo@example.org>"
    assert tree.epoch_seconds == 1735725600


def test_a_directory_without_debian_is_a_wrong_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError) as caught:
        read_tree(tmp_path)
    assert caught.value.code == "source/no-debian"
    assert caught.value.exit_code == 2
    assert caught.value.fix == f"debwright -C {tmp_path} init"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError) as caught:
        read_tree(tmp_path)
    assert caught.value.fix == "debwright init"


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (lambda t: t.replace("demo (1.2-1)", "demo 1.2-1"), 1, "demo 1.2-1"),
        (lambda t: t.replace("  * First.", "  *\nFirst."), 4, "First."),
        (lambda t: t.replace("01 Jan", "41 Foo"), 5, "41 Foo"),
        (lambda t: t.replace("(1.2-1)", "(1/../../x-1)"), 1, "1/../../x-1"),
        (lambda t: t[: t.index(" -- ")], 4, "eof"),
        (lambda t: "\n\n" + t.replace("  * First.", "x"), 5, "x"),
    ],
)
def test_a_bad_changelog_is_shown_with_its_line(
    tmp_path: Path, change: Callable[[str], str], line: int, said: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read_tree(project(tmp_path, change(CHANGELOG)))
    assert caught.value.code == "source/bad-changelog"
    assert caught.value.exit_code == 3
    (evidence,) = caught.value.evidence
    assert evidence.file == "debian/changelog"
    assert evidence.line == line
    assert said in evidence.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", None])
def test_a_changelog_that_cannot_be_read_at_all(tmp_path: Path, content: bytes | None) -> None:
    project(tmp_path)
    path = tmp_path / "debian/changelog"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_tree(tmp_path)
    assert caught.value.code == "source/bad-changelog"
    assert caught.value.evidence


@pytest.mark.parametrize("name", ["../../../tmp/evil", "a/b", "-rf", "x y"])
def test_a_hostile_name_in_control_is_refused(tmp_path: Path, name: str) -> None:
    """It names the directory the tree is exported to."""
    with pytest.raises(SourceError, match="not a package's name"):
        read_tree(project(tmp_path, control=f"Source: {name}\n"))


def test_a_control_file_of_odd_bytes_is_no_traceback(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "debian/control").write_bytes(b"Source: \xff\xfe\n")
    (tmp_path / "debian/source/format").write_bytes(b"\xff\n")
    with pytest.raises(SourceError):
        read_tree(tmp_path)


def git(path: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Jo", "-c", "user.email=jo@example.org")
    subprocess.run(["git", "-C", path, *identity, *arguments], check=True, capture_output=True)


PROJECT = [
    "debian/changelog", "debian/control", "debian/rules", "debian/source/format", "link", "run",
    "src/main.c",
]  # fmt: skip


def test_files_without_git_leave_out_caches_and_results(tmp_path: Path) -> None:
    project(tmp_path)
    for cache in ("__pycache__", ".venv", "dist", "src/__pycache__"):
        (tmp_path / cache).mkdir()
        (tmp_path / cache / "x").touch()
    (tmp_path / "src/dist").mkdir()
    (tmp_path / "src/dist/bundle.js").touch()
    (tmp_path / "directory-link").symlink_to("src")
    assert project_files(tmp_path) == sorted([*PROJECT, "src/dist/bundle.js", "directory-link"])


def test_files_with_git_are_those_tracked_or_about_to_be(tmp_path: Path) -> None:
    project(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("*.o\n")
    (tmp_path / "main.o").touch()
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "x")
    (tmp_path / "new").touch()
    (tmp_path / "run").unlink()
    wanted = sorted({*PROJECT, ".gitignore", "new"} - {"run"})
    assert project_files(tmp_path) == wanted


def test_the_results_of_the_last_run_are_no_source(tmp_path: Path) -> None:
    """Nobody need have told git to ignore dist/."""
    project(tmp_path)
    git(tmp_path, "init", "-q")
    (tmp_path / "dist/1.2-1").mkdir(parents=True)
    (tmp_path / "dist/1.2-1/demo_1.2-1_all.deb").touch()
    assert project_files(tmp_path) == PROJECT


def test_a_repository_git_does_not_trust_is_not_read_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for read in (project_files, source_digest):
        with pytest.raises(UntrustedRepository, match="does not trust") as caught:
            read(tmp_path)
        assert "safe.directory" in (caught.value.fix or "")


def test_odd_and_very_many_names_are_all_there(tmp_path: Path) -> None:
    project(tmp_path)
    git(tmp_path, "init", "-q")
    odd = [os.fsdecode(b"latin\xe9"), "two words", "new\nline", 'quo"te', "t\tab"]
    for name in odd:
        (tmp_path / name).touch()
    many = tmp_path / "many"
    many.mkdir()
    names = [f"{'n' * 200}-{n:05}" for n in range(300)]
    for name in names:
        (many / name).touch()
    found = project_files(tmp_path)
    assert set(odd) <= set(found)
    assert len(found) == len(PROJECT) + len(odd) + len(names)


def test_without_the_program_git_files_are_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise MissingError("git is not installed")

    monkeypatch.setattr(sources, "listing_of", missing)
    assert project_files(project(tmp_path)) == PROJECT


def exported(source: Path, target: Path, exclude: tuple[str, ...] = ()) -> list[str]:
    target.mkdir()
    sources.export_tree(source, target, exclude)
    return sorted(str(p.relative_to(target)) for p in target.rglob("*") if not p.is_dir())


def test_an_export_has_two_modes_and_no_more(tmp_path: Path) -> None:
    source = project(tmp_path / "p")
    (source / "src/main.c").chmod(0o666)
    assert exported(source, tmp_path / "e", ("sr*",)) == [p for p in PROJECT if p[:2] != "sr"]
    assert (tmp_path / "e/run").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "e/debian/control").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize(
    "leads", ["/etc/passwd", "../outside", "src/../../outside", "via/outside", "loop", "{root}/run"]
)
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, leads: str) -> None:
    source = project(tmp_path / "p")
    (tmp_path / "outside").write_text("secret")
    (source / "via").symlink_to(".")
    (source / "link").unlink()
    if leads == "via/outside":
        (source / "outside").symlink_to("../outside")
    (source / ("loop" if leads == "loop" else "link")).symlink_to(leads.format(root=source))
    with pytest.raises(ConfigError, match="leads out of the project") as caught:
        exported(source, tmp_path / "e")
    assert "exclude" in str(caught.value.fix)


def test_a_directory_replaced_by_a_link_is_not_followed(tmp_path: Path) -> None:
    """git still lists what was below; the link would lead to files of this machine."""
    source = project(tmp_path / "p")
    git(source, "init", "-q")
    git(source, "add", ".")
    (tmp_path / "private").mkdir()
    (tmp_path / "private/main.c").write_text("secret")
    (source / "src/main.c").unlink()
    (source / "src").rmdir()
    (source / "src").symlink_to(tmp_path / "private")
    assert "src/main.c" not in exported(source, tmp_path / "e", ("src", "link"))


def tree_of(directory: Path, version: str = "1.2-1") -> SourceTree:
    return SourceTree(
        directory=directory, name="demo", version=version, format="3.0 (quilt)",
        maintainer="Jo <jo@example.org>", epoch_seconds=1735725600,
    )  # fmt: skip


def orig(source: Path, work: Path) -> bytes:
    export = work / "demo-1.2"
    work.mkdir()
    sources.export_tree(source, export, ())
    sources._orig(tree_of(source), export, work, "1.2", 1735725600)
    return (work / "demo_1.2.orig.tar").read_bytes()


def test_the_tarball_is_the_same_whatever_the_umask_the_dates_and_the_order(tmp_path: Path) -> None:
    first = orig(project(tmp_path / "a" / "p"), tmp_path / "one")
    before = os.umask(0o077)
    try:
        other = tmp_path / "b" / "p"
        (other / "src").mkdir(parents=True)
        (other / "src/main.c").write_text("x")  # another order on disk
        (other / "src/main.c").unlink()
        (other / "src").rmdir()
        project(other)
        for path in other.rglob("*"):
            os.utime(path, (5, 5), follow_symlinks=False)
        second = orig(other, tmp_path / "two")
    finally:
        os.umask(before)
    assert first == second
    assert b"debian/" not in first


def test_an_orig_tarball_beside_the_tree_is_taken_even_with_an_epoch(tmp_path: Path) -> None:
    source = project(tmp_path / "p")
    (tmp_path / "demo_1.2.orig.tar.gz").write_bytes(b"upstream's own")
    (tmp_path / "demo_1.2.orig.tar.gz.asc").write_bytes(b"signature")
    for number, version in enumerate(("1.2-1", "3:1.2-1")):
        work = tmp_path / f"work{number}"
        (work / "demo-1.2").mkdir(parents=True)
        sources._orig(tree_of(source, version), work / "demo-1.2", work, "1.2", 0)
        assert [p.name for p in work.glob("*.orig*")] == ["demo_1.2.orig.tar.gz"]


def test_a_linked_debian_directory_is_said(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "packaging").mkdir()
    (tmp_path / "debian").rename(tmp_path / "packaging/debian")
    (tmp_path / "debian").symlink_to("packaging/debian")
    with pytest.raises(DebwrightError, match="debian is a symbolic link") as caught:
        read_tree(tmp_path)
    assert caught.value.fix == (
        "put the directory itself there: rm debian; mv packaging/debian debian"
    )


def test_the_entry_of_a_version_nobody_wrote_is_put_on_top(tmp_path: Path) -> None:
    source = project(tmp_path)
    path = source / "debian/changelog"
    sources._prepend_entry(path, tree_of(source), "1.3~git4-1", 1735725600, "bookworm")
    tree = read_tree(source)
    assert tree.version == "1.3~git4-1"
    assert tree.epoch_seconds == 1735725600
    assert path.read_text().endswith(CHANGELOG)


def test_control_and_changelog_with_two_names(tmp_path: Path) -> None:
    """dpkg-source says it of a tree that has been copied; the remedy was `dpkg-source -b .`."""
    debian = project(tmp_path) / "debian"
    (debian / "control").write_text("Source: other\n\nPackage: other\nArchitecture: all\n")
    with pytest.raises(SourceError) as caught:
        read_tree(tmp_path)
    assert caught.value.code == "source/two-names"
    assert isinstance(caught.value.fix, Command)
    subprocess.run(caught.value.fix.arguments, check=True)
    assert read_tree(tmp_path).name == "other"


def test_without_rules_the_remedy_writes_them(tmp_path: Path) -> None:
    debian = project(tmp_path) / "debian"
    (debian / "rules").unlink()
    with pytest.raises(SourceError) as caught:
        require_rules(tmp_path)
    assert caught.value.code == "source/no-rules"
    subprocess.run(["sh", "-c", str(caught.value.fix)], check=True)
    assert (debian / "rules").read_text() == "#!/usr/bin/make -f\n%:\n\tdh $@\n"
    require_rules(tmp_path)
