"""The stand-ins for GitHub's actions refuse what the actions refuse."""

import os
import subprocess
from pathlib import Path

import pytest

STAND_INS = Path(__file__).parents[5] / "src/debwright/ci/providers/github/stand_ins"
ON_MAIN = {"GITHUB_REF": "refs/heads/main"}
ON_BRANCH = {"GITHUB_REF": "refs/heads/change"}
PULL_REQUEST = {"GITHUB_REF": "refs/pull/7/merge", "GITHUB_BASE_REF": "main"}


def stand_in(store: Path, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", STAND_INS / name / "run.sh"], capture_output=True, text=True, check=False,
        env={**os.environ, "DEBWRIGHT_CI_STORE": str(store), "NAME": "", "OVERWRITE": "false",
             "MISSING": "error", "SBOM": "", "PATTERN": "", "MERGE": "false", **inputs},
    )  # fmt: skip


def files_below(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir()}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    made = tmp_path / "dist"
    (made / "1.0/.hidden").mkdir(parents=True)
    (made / "1.0/a_1.0_all.deb").write_bytes(b"deb")
    (made / "1.0/twin.deb").hardlink_to(made / "1.0/a_1.0_all.deb")
    (made / "1.0/run.sh").write_text("#!/bin/sh\n")
    (made / "1.0/run.sh").chmod(0o755)
    (made / "1.0/broken").symlink_to("nowhere")
    (made / "1.0/empty").mkdir()
    (made / "1.0/link.deb").symlink_to("a_1.0_all.deb")
    (made / "1.0/.hidden/file").write_text("x")
    (made / ".lock").touch()
    return made


def test_an_artifact_has_what_github_would_give_back(tmp_path: Path, dist: Path) -> None:
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 0, done.stdout + done.stderr
    there = tmp_path / "store/artifacts/packages"
    assert {str(p.relative_to(there)) for p in there.rglob("*")} == {
        "1.0", "1.0/a_1.0_all.deb", "1.0/link.deb", "1.0/twin.deb", "1.0/run.sh",
    }  # fmt: skip
    assert not (there / "1.0/link.deb").is_symlink()
    assert {p.stat().st_nlink for p in (there / "1.0").iterdir()} == {1}
    assert {p.stat().st_mode & 0o777 for p in (there / "1.0").iterdir()} == {0o644}
    again = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert again.returncode == 1
    assert "there is an artifact of the name packages already" in again.stdout


def test_names_that_an_artifact_cannot_have(tmp_path: Path, dist: Path) -> None:
    (dist / "1:1.0").mkdir()
    (dist / "1:1.0/a.deb").touch()
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 1
    assert "1:1.0/a.deb has a character" in done.stdout
    assert not (tmp_path / "store").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="others' files can be made by root only")
@pytest.mark.parametrize("path", ["1.0", "1.0/a_1.0_all.deb"])
def test_what_only_root_can_read_is_not_uploaded(tmp_path: Path, dist: Path, path: str) -> None:
    """debwright is root there, by sudo; the action is not."""
    (dist / path).chmod(0o700)
    done = stand_in(tmp_path / "store", "upload-artifact", NAME="packages", FILES=str(dist))
    assert done.returncode == 1
    assert "can be read by root only" in done.stdout


def test_nothing_to_hand_over(tmp_path: Path) -> None:
    (tmp_path / "dist/empty").mkdir(parents=True)
    inputs = {"NAME": "packages", "FILES": str(tmp_path / "dist")}
    done = stand_in(tmp_path / "store", "upload-artifact", **inputs)
    assert (done.returncode, "no files were found" in done.stdout) == (1, True)
    assert stand_in(tmp_path / "store", "upload-artifact", **inputs, MISSING="warn").returncode == 0


def downloaded(tmp_path: Path, count: int, **inputs: str) -> set[str]:
    for number in range(count):
        made = tmp_path / f"dist{number}/1.0"
        made.mkdir(parents=True)
        (made / f"{number}.deb").touch()
        done = stand_in(
            tmp_path / "store", "upload-artifact", NAME=f"packages-{number}",
            FILES=str(made.parent),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    done = stand_in(
        tmp_path / "store", "download-artifact", FILES=str(tmp_path / "to"), PATTERN="packages-*",
        **inputs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return files_below(tmp_path / "to")


def test_a_single_match_goes_straight_into_the_path(tmp_path: Path) -> None:
    assert downloaded(tmp_path, 1) == {"1.0/0.deb"}


def test_several_matches_have_a_directory_each(tmp_path: Path) -> None:
    assert downloaded(tmp_path, 2) == {"packages-0/1.0/0.deb", "packages-1/1.0/1.deb"}


def test_several_matches_are_merged_when_asked(tmp_path: Path) -> None:
    assert downloaded(tmp_path, 2, MERGE="true") == {"1.0/0.deb", "1.0/1.deb"}


def test_no_match_is_no_failure(tmp_path: Path) -> None:
    assert downloaded(tmp_path, 0) == set()


def cached(tmp_path: Path, name: str, key: str, **inputs: str) -> str:
    """What the step says, and its outputs."""
    outputs = tmp_path / "outputs"
    outputs.write_text("")
    done = stand_in(
        tmp_path / "store", f"cache/{name}", KEY=key, RUNNER_TEMP=str(tmp_path / "temp"),
        GITHUB_OUTPUT=str(outputs),
        **{"FILES": str(tmp_path / "temp/pack"), "PREFIX": "", "MAIN": "main"} | inputs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + outputs.read_text()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    made = tmp_path / "temp/pack"
    made.parent.mkdir()
    made.write_text("roots")
    return made


@pytest.mark.parametrize(
    ("saved", "asked", "found"),
    [
        (ON_MAIN, ON_MAIN, True),
        (ON_MAIN, ON_BRANCH, True),
        (ON_MAIN, PULL_REQUEST, True),
        (ON_BRANCH, ON_MAIN, False),
        (PULL_REQUEST, ON_MAIN, False),
        (PULL_REQUEST, {"GITHUB_REF": "refs/pull/8/merge", "GITHUB_BASE_REF": "main"}, False),
    ],
)
def test_which_run_sees_a_cache(
    tmp_path: Path, pack: Path, saved: dict[str, str], asked: dict[str, str], *, found: bool
) -> None:
    base = {"GITHUB_BASE_REF": ""}
    cached(tmp_path, "save", "roots-1", **base | saved)
    pack.unlink()
    said = cached(tmp_path, "restore", "roots-1", **base | asked)
    assert ("cache-hit=true" in said) is found
    assert pack.exists() is found


def test_a_cache_is_one_of_its_path(tmp_path: Path, pack: Path) -> None:
    cached(tmp_path, "save", "roots-1", **ON_MAIN)
    other = {**ON_MAIN, "FILES": str(tmp_path / "elsewhere/pack")}
    assert cached(tmp_path, "restore", "roots-1", **other) == ""
    # A runner of another run has another directory for temporary files.
    moved = {**ON_MAIN, "RUNNER_TEMP": str(tmp_path / "t2"), "FILES": str(tmp_path / "t2/pack")}
    outputs = tmp_path / "outputs"
    done = stand_in(
        tmp_path / "store", "cache/restore", KEY="roots-1", PREFIX="", MAIN="main",
        GITHUB_OUTPUT=str(outputs), **moved,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cache-hit=true" in outputs.read_text()


def test_a_key_that_begins_like_it(tmp_path: Path, pack: Path) -> None:
    """The newest; and a cache that is there is never written over."""
    for number, key in enumerate(("roots-b", "roots-a")):
        pack.write_text(key)
        os.utime(pack, (number, number))
        cached(tmp_path, "save", key, **ON_MAIN)
    pack.write_text("another")
    assert "there is a cache of the key roots-a already" in cached(
        tmp_path, "save", "roots-a", **ON_MAIN
    )
    pack.unlink()
    said = cached(tmp_path, "restore", "roots-c", PREFIX="roots-", **ON_MAIN)
    assert said == "cache-matched-key=roots-a\ncache-hit=false\n"
    assert pack.read_text() == "roots-a"


def test_a_checkout_has_what_the_actions_own_defaults_leave(tmp_path: Path) -> None:
    """No content of submodules, pointers of Git LFS; what is not committed is there, by intent."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    top, work = tmp_path / "top", tmp_path / "work"
    work.mkdir()

    def git(directory: Path, *words: str) -> None:
        subprocess.run(["git", "-C", directory, *who, *words], check=True, capture_output=True)

    for directory in (tmp_path / "library", top):
        directory.mkdir()
        git(directory, "init", "-q", "-b", "main")
        (directory / "file").write_text("x")
        git(directory, "add", "-A")
        git(directory, "commit", "-q", "-m", "x")
    git(top, "submodule", "add", "-q", str(tmp_path / "library"), "library")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n"
    (top / "big").write_text(pointer)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "big")
    # As git-lfs leaves it: the file itself, which git takes for unchanged.
    (top / ".gitattributes").write_text("big filter=lfs\n")
    git(top, "config", "filter.lfs.clean", f"printf '{pointer}'")
    (top / "big").write_text("content")
    (top / "new").write_text("not committed")
    done = stand_in(
        tmp_path / "store", "checkout", REF="", GITHUB_REF="refs/heads/main",
        GITHUB_WORKSPACE=str(work), DEBWRIGHT_CI_TOP=str(top),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (work / "library").is_dir()
    assert list((work / "library").iterdir()) == []
    assert (work / "big").read_text() == pointer
    assert (work / "new").read_text() == "not committed"


def test_a_bill_of_materials_is_one_that_can_be_attested(tmp_path: Path, dist: Path) -> None:
    bill = tmp_path / "a.cdx.json"
    bill.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6"}')
    inputs = {"FILES": f"{dist}/*/*.deb", "SBOM": str(bill)}
    done = stand_in(tmp_path / "store", "attest", **inputs)
    assert done.returncode == 1
    assert "has no serialNumber" in done.stdout
    bill.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": "urn:uuid"}')
    assert stand_in(tmp_path / "store", "attest", **inputs).returncode == 0
    inputs["FILES"] = f"{dist}/*/none*.deb"
    assert "no subject matches" in stand_in(tmp_path / "store", "attest", **inputs).stdout


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
def test_names_that_lead_elsewhere(tmp_path: Path, dist: Path, name: str) -> None:
    done = stand_in(tmp_path / "store", "upload-artifact", NAME=name, FILES=str(dist))
    assert done.returncode == 1
    assert "is not a name" in done.stdout
    assert not (tmp_path / "up").exists()


def test_patterns_that_take_away(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    for name in (
        "1/a/a_1.orig.tar.xz", "1/a/a_1-1.debian.tar.xz", "1/a_1.orig.tar.gz", "1/a.deb",
        "previous/7/old.deb", "1/companions/m/r/m.deb", "1/b/a_1.orig-x.tar.xz.asc",
    ):  # fmt: skip
        (dist / name).parent.mkdir(parents=True, exist_ok=True)
        (dist / name).touch()
    patterns = f"""{dist}
!{dist}/previous/**

!{dist}/**/*.orig*.tar.*
!{dist}/*/companions/**/*.deb
"""
    store = tmp_path / "store"
    done = stand_in(store, "upload-artifact", NAME="some", FILES=patterns)
    assert done.returncode == 0, done.stdout + done.stderr
    assert files_below(store / "artifacts/some") == {"1/a/a_1-1.debian.tar.xz", "1/a.deb"}
    # * stays in its directory.
    done = stand_in(store, "upload-artifact", NAME="all", FILES=f"{dist}\n!{dist}/*.deb")
    assert "1/a.deb" in files_below(store / "artifacts/all")
    done = stand_in(store, "upload-artifact", NAME="none", FILES=f"{dist}\n!{dist}/**")
    assert done.returncode == 1
