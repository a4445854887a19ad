"""Promotion, rollback, kept versions: publications without a build, read back with apt."""
# ruff: noqa: PLR0917 - fixtures come by name

import gzip
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.debs import build

from debwright.cli.app import call
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.errors import UsageError
from debwright.repository import store, validity
from debwright.repository.edits import Promotion, promote, remove, renew, rollback
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.repository.validity import DAY
from debwright.repository.verify.repository import verify_repository

pytestmark = pytest.mark.integration

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]
Set = frozenset[tuple[str, str]]


def held(repo: Path, suite: str) -> set[tuple[str, str]]:
    """Package and version of everything in a suite's index."""
    text = (repo / "dists" / suite / "main/binary-amd64/Packages").read_text()
    records = [dict(line.split(": ", 1) for line in p.splitlines() if ": " in line)
               for p in text.split("\n\n") if p.strip()]  # fmt: skip
    return {(r["Package"], r["Version"]) for r in records}


def test_nightly_to_stable_to_apt_and_back_again(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path, make_apt: Callable[..., Any],
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    old, new = make_deb("greeter", "0.9-1"), make_deb("greeter", "1.0-1")
    other = make_deb("other")
    publish(repo, files(old), signer, settings)
    publish(repo, files(new, other, source_package, suite="bookworm-nightly"), signer, settings)
    done = promote(
        repo, [Promotion(source="bookworm-nightly", target="bookworm", packages=("greet*",))],
        signer, settings,
    )  # fmt: skip
    assert not done.unchanged
    assert held(repo, "bookworm") == {("greeter", "0.9-1"), ("greeter", "1.0-1")}
    assert len(list((repo / "pool").rglob("*greeter_1.0-1_amd64.deb"))) == 1  # the same file
    assert verify_repository(repo, keyring) == []
    apt = make_apt((repo / "greeter-bookworm.sources").read_text())
    apt.get("update")
    apt.get("source", "--download-only", "greeter")  # its source came along
    assert apt.versions("greeter") == ["1.0-1", "0.9-1", "1.0-1"]
    again = promote(
        repo, [Promotion(source="bookworm-nightly", target="bookworm", packages=("greet*",))],
        signer, settings,
    )  # fmt: skip
    assert again.unchanged

    back = rollback(repo, 1, signer, settings)
    assert back.number == 4
    assert held(repo, "bookworm") == {("greeter", "0.9-1")}
    assert held(repo, "bookworm-nightly") == set()  # its users' apt finds it as it is
    assert verify_repository(repo, keyring) == []
    apt.get("update")  # apt takes it, for it is newer than what it had
    assert apt.versions("greeter") == ["0.9-1"]
    # Forward again, one suite alone.
    rollback(repo, 2, signer, settings, suites=["bookworm-nightly"])
    assert held(repo, "bookworm") == {("greeter", "0.9-1")}
    assert len(held(repo, "bookworm-nightly")) == 2
    assert verify_repository(repo, keyring) == []
    with pytest.raises(UsageError, match="there is no publication 77"):
        rollback(repo, 77, signer, settings)
    with pytest.raises(UsageError, match="does not have greeter in version 7"):
        promote(
            repo,
            [Promotion(source="bookworm-nightly", target="bookworm", packages=("greeter",),
                       version="7")],
            signer, settings,
        )  # fmt: skip
    remove(repo, "bookworm-nightly", ["other"], signer, settings)
    assert held(repo, "bookworm-nightly") == {("greeter", "1.0-1")}


def test_what_differs_between_publications(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "debwright.toml").write_text(
        f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n[repository]\norigin = "G"\n'
    )
    run = ["-C", str(tmp_path), "repo"]

    def said(*command: str) -> str:
        capsys.readouterr()
        assert call([*run, *command]) == 0
        return capsys.readouterr().out

    said("add", "--suite", "bookworm", str(make_deb("greeter")), str(make_deb("going")))
    said("add", "--suite", "bookworm", str(make_deb("greeter", "1.1-1")))
    said("remove", "--suite", "bookworm", "going")
    said("add", "--suite", "trixie", str(make_deb("coming", architecture="all")))
    assert said("diff", "1", "4").splitlines() == [
        "bookworm:",
        "   - going (amd64) 1.0-1",
        "   ~ greeter (amd64) 1.0-1 -> 1.0-1, 1.1-1",
        "trixie:",
        "   + coming (all) 1.0-1",
    ]
    assert said("diff", "1") == said("diff", "1", "4")
    assert said("diff", "4", "1").splitlines()[1] == "   + going (amd64) 1.0-1"
    assert "have the same packages" in said("diff", "4", "4")
    found = json.loads(said("diff", "--json", "3"))
    assert found["suites"] == {
        "trixie": [
            {"package": "coming", "architecture": "all", "kind": "deb", "before": [],
             "after": ["1.0-1"]}
        ]
    }  # fmt: skip
    assert call([*run, "diff", "1", "77"]) != 0
    assert call([*run, "rollback"]) != 0
    assert call([*run, "rollback", "1", "--to", "2"]) != 0
    said("rollback", "--to", "1")
    assert said("diff", "1", "5").splitlines() == ["publications 1 and 5 have the same packages"]


def test_a_replayed_publication_is_refused_until_it_is_signed_again(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, make_apt: Callable[..., Any], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def at(days_ago: float) -> None:
        then = time.time() - days_ago * DAY
        monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(then)))
        monkeypatch.setattr(validity, "time", SimpleNamespace(time=lambda: then))

    repo = tmp_path / "repo"
    packages = files(make_deb("greeter"))
    ends = settings.model_copy(update={"valid_days": 30})
    at(31)
    publish(repo, packages, signer, ends)
    assert {f.code for f in verify_repository(repo, keyring)} == {"repository/expired"}
    apt = make_apt((repo / "greeter-bookworm.sources").read_text())
    assert "is expired" in apt.get("update", check=False)  # real apt's words
    at(20.5)
    assert renew(repo, signer, ends).number == 2
    assert [f.code for f in verify_repository(repo, keyring)] == ["repository/ending"]
    at(9.5)
    # A publication renews what is soon over, even when it brings nothing new.
    assert publish(repo, packages, signer, ends).number == 3
    assert renew(repo, signer, ends).unchanged
    assert renew(repo, signer, ends, now=True).number == 4
    assert verify_repository(repo, keyring) == []
    apt.get("update")


def test_old_versions_leave_the_index_at_once_and_the_pool_with_the_last_publication(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    few = settings.model_copy(update={"keep": 2, "keep_versions": 2})
    publish(repo, files(source_package, make_deb("other")), signer, few)
    for version in ("1.9-1", "1.10-1", "1.11-1"):
        publish(repo, files(make_deb("greeter", version)), signer, few)
    assert held(repo, "bookworm") == {
        ("greeter", "1.10-1"), ("greeter", "1.11-1"), ("other", "1.0-1")}  # fmt: skip
    old = repo / "pool/main/g/greeter/greeter_1.9-1_amd64.deb"
    assert old.exists()  # the publication before has it
    assert len(list((repo / "pool").rglob("*.dsc"))) == 1  # versions of the source count apart
    publish(repo, files(make_deb("more")), signer, few)
    assert not old.exists()
    assert verify_repository(repo, keyring) == []
    # What is added is there, however old it is; the next one that comes takes its place.
    said: list[str] = []
    assert publish(repo, files(make_deb("greeter", "1.2-1")), signer, few, say=said.append).added
    assert ("greeter", "1.2-1") in held(repo, "bookworm")
    assert said == []
    plugin = make_deb("plugin", fields="Depends: greeter (= 1.10-1) | other (>> 9)\n")
    publish(repo, files(plugin, make_deb("greeter", "1.12-1")), signer, few, say=said.append)
    assert said == [
        "bookworm: dropped greeter 1.2-1 amd64: repository.keep is 2",
        "bookworm: kept greeter 1.10-1 amd64, for plugin 1.0-1",
    ]
    publish(repo, files(make_deb("greeter", "1.13-1")), signer, few)
    assert {v for p, v in held(repo, "bookworm") if p == "greeter"} == {
        "1.10-1", "1.12-1", "1.13-1"}  # fmt: skip
    assert sorted(p.name for p in store.private(repo).iterdir()) == ["cache", "lock"]


def test_a_kept_revision_keeps_its_upstream_tarball(
    tmp_path: Path, signer: GpgSigner, settings: RepositorySettings, files: Files,
    source_package: Path, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    one = settings.model_copy(update={"keep": 1, "keep_versions": 1})
    publish(repo, files(source_package), signer, one)
    base = tmp_path / "source"
    shutil.copytree(source_package.parent, base)
    tree = base / "greeter-1.0"
    changelog = tree / "debian/changelog"
    text = changelog.read_text()
    changelog.write_text(text.replace("1.0-1", "1.0-2") + "\n" + text)
    subprocess.run(["dpkg-source", "-b", tree.name], cwd=base, check=True, capture_output=True)
    publish(repo, files(base / "greeter_1.0-2.dsc"), signer, one)
    names = sorted(p.name for p in (repo / "pool").rglob("*.*") if p.is_file())
    assert names == ["greeter_1.0-2.debian.tar.xz", "greeter_1.0-2.dsc", "greeter_1.0.orig.tar.gz"]
    assert verify_repository(repo, keyring) == []
    # Without sources none of it stays, and a suite of nothing is a suite still.
    publish(repo, [], signer, one.model_copy(update={"sources": False}))


def test_contents_name_every_owner_and_only_what_is_there(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files,
) -> None:  # fmt: skip
    def contents(repo: Path) -> list[list[str]]:
        with gzip.open(repo / "dists/bookworm/main/Contents-amd64.gz", "rt") as stream:
            return [line.rsplit(maxsplit=1) for line in stream.read().splitlines()]

    def twin(name: str, version: str) -> Path:
        """A package with the very path of another."""
        files = {"usr/share/same file": "x", f"usr/share/only-{version}": "x"}
        return build(tmp_path, files, name=name, version=version, arch="all")

    repo = tmp_path / "repo"
    one = settings.model_copy(update={"keep_versions": 1})
    publish(repo, files(twin("aa", "1"), twin("aa", "2"), twin("bb", "1")), signer, settings)
    assert contents(repo) == [
        ["usr/share/only-1", "misc/aa,misc/bb"], ["usr/share/only-2", "misc/aa"],
        ["usr/share/same file", "misc/aa,misc/bb"],
    ]  # fmt: skip
    publish(repo, files(make_deb("greeter")), signer, one)
    assert ["usr/share/only-1", "misc/bb"] in contents(repo)  # version 1 of aa has gone


def test_the_commands(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "debwright.toml").write_text(
        f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n'
        '[repository]\norigin = "Greeter"\nkeep = 2\n'
    )

    def repo(*arguments: str, code: int = 0) -> str:
        assert call(["-C", str(tmp_path), "repo", *arguments]) == code
        found = capsys.readouterr()
        return found.out + found.err

    assert f"debwright -C {tmp_path} publish" in repo("list", code=1)
    repo("add", "--suite", "bookworm-nightly", str(make_deb("greeter")))
    repo("add", "--suite", "bookworm-nightly", str(make_deb("greeter", "1.1-1")))
    assert "publication 3" in repo("promote", "--from", "nightly", "--to", "candidate")
    said = repo("list", "--packages")
    assert "bookworm-candidate (candidate): 1 packages, 1 files" in said
    assert "promote bookworm-nightly to bookworm-candidate" in said
    assert "greeter 1.1-1 amd64" in said
    assert "nothing to do" in repo("renew")
    assert "publication 4" in repo("renew", "--now")
    release = (tmp_path / "dist/apt/dists/bookworm-nightly/Release").read_text()
    assert "Valid-Until: " in release  # by default it is not valid for ever
    assert "publication 5" in repo("rollback", "1")
    assert "no suite of the channel stable" in repo(
        "promote", "--from", "stable", "--to", "nightly", code=2
    )
    assert "--from and --to are both" in repo(
        "promote", "--from", "stable", "--to", "stable", code=2
    )
    assert "no such package" in repo("remove", "--suite", "bookworm-nightly", "nothing", code=2)
    assert call(["-C", str(tmp_path), "--json", "repo", "list"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["current"] == 5
    assert [p["what"] for p in data["publications"]][-1] == "roll back to 1"


def test_a_key_that_is_missing_is_told_before_anything_is_touched(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "debwright.toml").write_text(
        f'[signing]\nkey = "{"0" * 40}"\nhome = "{key_home}"\n[repository]\norigin = "Greeter"\n'
    )
    deb = str(make_deb("greeter"))
    assert call(["-C", str(tmp_path), "repo", "add", "--suite", "bookworm", deb]) == 5
    assert f"there is no secret key {'0' * 40}" in capsys.readouterr().err
    left = {p.name for p in (tmp_path / "dist").rglob("*") if p.is_file()}
    assert not [name for name in left if name.endswith((".deb", ".json"))]
