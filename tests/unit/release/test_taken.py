"""A release on its way into the repository: its index, and what of it is taken."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from debwright.github.model import Release
from debwright.model.errors import CheckError, DebwrightError
from debwright.model.results import Artifact, CompanionResult, RunResult, TargetResult
from debwright.release.index import NAME, Listed, ReleaseIndex, index_of, read_index
from debwright.release.taken import packages_of, published_release, verified_index


def target(name: str, *paths: tuple[str, str]) -> TargetResult:
    artifacts = tuple(Artifact(path=p, kind=k, size=1, sha256="0" * 64) for p, k in paths)
    return TargetResult(target=name, strategy="native", strategy_reason="", artifacts=artifacts)


def result(*targets: TargetResult, companions: tuple[CompanionResult, ...] = ()) -> RunResult:
    return RunResult(
        debwright="1", package="demo", version="1.0~rc1-1", started=datetime.now(UTC), seconds=1,
        host="amd64", commit="c", targets=targets, companions=companions,
    )  # fmt: skip


def test_the_index_says_for_which_suites_each_file_is() -> None:
    run = result(
        target("bookworm-amd64", ("v/bookworm-amd64/demo_1.0~rc1-1_amd64.deb", "deb"),
               ("v/bookworm-amd64/demo.orig.tar.xz", "source"), ("v/log", "log")),
        # Upstream's sources are kept once, in the directory of the first target.
        target("trixie-amd64", ("v/trixie-amd64/demo_1.0~rc1-1_all.deb", "deb"),
               ("v/bookworm-amd64/demo.orig.tar.xz", "source")),
    )  # fmt: skip
    files = {
        "demo_1.0.rc1-1_amd64.deb": Path("x/demo_1.0~rc1-1_amd64.deb"),
        "demo_1.0.rc1-1_all.deb": Path("x/demo_1.0~rc1-1_all.deb"),
        "demo.orig.tar.xz": Path("x/demo.orig.tar.xz"),
        "demo.cdx.json": Path("x/demo.cdx.json"),
    }
    index = index_of(run, files, tag="v1.0-rc1", prerelease=True)
    assert {name: f.suites for name, f in index.files.items()} == {
        "demo_1.0.rc1-1_amd64.deb": ("bookworm",),
        "demo_1.0.rc1-1_all.deb": ("trixie",),
        "demo.orig.tar.xz": ("bookworm", "trixie"),
    }
    assert index.files["demo_1.0.rc1-1_all.deb"].name == "demo_1.0~rc1-1_all.deb"


def test_companions_are_for_every_suite() -> None:
    artifact = Artifact(path="v/companions/m/r/m_1_all.deb", kind="deb", size=1, sha256="0" * 64)
    models = CompanionResult(
        target="models", strategy="native", strategy_reason="", artifacts=(artifact,), version="1",
        root="bookworm-amd64", source="../m",
    )  # fmt: skip
    run = result(target("bookworm-amd64"), target("trixie-arm64"), companions=(models,))
    index = index_of(run, {"m_1_all.deb": Path("m_1_all.deb")}, tag="v1", prerelease=False)
    assert index.files["m_1_all.deb"].suites == ("bookworm", "trixie")


def an_index(**files: Listed) -> ReleaseIndex:
    named = {name.replace("_X_", "."): listed for name, listed in files.items()}
    return ReleaseIndex(package="demo", version="1", tag="v1", commit=None, prerelease=False,
                        files=named)  # fmt: skip


def test_files_get_their_names_of_the_archive_back(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "files/a_X_deb".replace("_X_", ".")).write_text("deb")
    (tmp_path / "files/SHA256SUMS").write_text(f"{'0' * 64}  a.deb\n")
    index = an_index(a_X_deb=Listed(name="a_1~rc1_all.deb", suites=("bookworm", "trixie")))
    found = packages_of(
        index, tmp_path / "files", tmp_path / "work", channel="candidate", suffix="", component="c"
    )
    assert [(p.path.name, p.suite, p.component) for p in found] == [
        ("a_1~rc1_all.deb", "bookworm-candidate", "c"), ("a_1~rc1_all.deb", "trixie-candidate", "c")
    ]  # fmt: skip
    assert found[0].path.read_text() == "deb"


@pytest.mark.parametrize("name", ["../a.deb", "/etc/a.deb", ".hidden", "a b"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  a.deb\n")
    index = an_index(a_X_deb=Listed(name=name, suites=("bookworm",)))
    with pytest.raises(CheckError):
        packages_of(index, tmp_path, tmp_path, channel="stable", suffix="", component="main")


def test_what_the_sums_do_not_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("")
    index = an_index(a_X_deb=Listed(name="a.deb", suites=("bookworm",)))
    with pytest.raises(CheckError, match="does not vouch for"):
        packages_of(index, tmp_path, tmp_path, channel="stable", suffix="", component="main")


def test_a_release_without_sums_or_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="has no SHA256SUMS"):
        verified_index(tmp_path, tmp_path / "keyring", "v1")
    with pytest.raises(DebwrightError, match=r"has no release\.json"):
        read_index(tmp_path / NAME)
    (tmp_path / NAME).write_text('{"format": 2}')
    with pytest.raises(DebwrightError, match="cannot be read"):
        read_index(tmp_path / NAME)


@pytest.mark.parametrize(("drafts", "said"), [([True], "has a draft of it"), ([], "no release")])
def test_only_what_a_person_has_published_is_taken(drafts: list[bool], said: str) -> None:
    class Hub:
        def releases_of(self, tag: str) -> list[Release]:
            return [
                Release(id=1, tag_name=tag, draft=d, prerelease=False, upload_url="", html_url="")
                for d in drafts
            ]

    hub: Any = Hub()
    with pytest.raises(DebwrightError, match=said):
        published_release(hub, "v1")
    drafts.append(False)
    assert not published_release(hub, "v1").draft
