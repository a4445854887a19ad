"""Publishing with the real tools, and reading it back as apt, gpgv and sqv do."""
# ruff: noqa: PLR0917 - fixtures come by name

import gzip
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from debian.deb822 import Packages, Release

from debwright.keys.signing.gpg import GpgSigner, throwaway_signer
from debwright.model.errors import CheckError, DebwrightError, MissingError, UsageError
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.repository.release import BY_HASH_GENERATIONS
from debwright.repository.sources import sources_text
from debwright.repository.verify.repository import verify_repository

pytestmark = [pytest.mark.minutes(0.05), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]
MakeApt = Callable[..., Any]


def packages_of(repo: Path, suite: str, architecture: str) -> list[tuple[str, str, str]]:
    index = repo / "dists" / suite / "main" / f"binary-{architecture}" / "Packages"
    with index.open() as stream:
        return [
            (p["Package"], p["Version"], p["Architecture"])
            for p in Packages.iter_paragraphs(stream, use_apt_pkg=False)
        ]


def publications_of(repo: Path) -> list[str]:
    return sorted(p.name for p in (repo / "publications").iterdir())


def release_of(repo: Path, suite: str) -> Release:
    return Release((repo / "dists" / suite / "Release").read_bytes())


def test_apt_updates_downloads_and_fetches_sources(
    tmp_path: Path, make_deb: MakeDeb, source_package: Path, signer: GpgSigner,
    settings: RepositorySettings, files: Files, make_apt: MakeApt,
) -> None:  # fmt: skip
    # A path that would break any configuration file that does not quote it.
    repo = tmp_path / 'a "b" {c};' / "apt"
    debs = [make_deb("greeter"), make_deb("greeter", architecture="arm64"), make_deb(
        "greeter-doc", architecture="all", fields="Source: greeter\n")]  # fmt: skip
    result = publish(repo, files(*debs, source_package), signer, settings)
    assert (result.number, result.unchanged, result.suites) == (1, False, ("bookworm",))
    assert len(result.added) == 6
    assert verify_repository(repo, repo / "key.asc") == []
    for architecture in ("amd64", "arm64"):
        text = (repo / "greeter-bookworm.sources").read_text()
        apt = make_apt(text, architecture, architecture)
        apt.get("update")
        apt.get("download", "greeter", "greeter-doc")
        apt.get("source", "--download-only", "greeter")
        assert sorted(p.name for p in apt.root.glob("greeter*_*")) == [
            "greeter-doc_1.0-1_all.deb",
            "greeter_1.0-1.debian.tar.xz",
            "greeter_1.0-1.dsc",
            f"greeter_1.0-1_{architecture}.deb",
            "greeter_1.0.orig.tar.gz",
        ]


def test_apt_with_a_key_file_and_with_a_wrong_key(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, make_apt: MakeApt,
) -> None:  # fmt: skip
    repo = tmp_path / "apt-repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    for number, name in enumerate(("key.asc", "key.gpg")):
        text = sources_text(settings, repo, "bookworm", key=repo / name)
        make_apt(text, name=f"apt{number}").get("update")
    with throwaway_signer("other <o@localhost>") as other:
        key = other.public_key_armored().decode()
        (tmp_path / "other.asc").write_text(key)
    text = sources_text(settings, repo, "bookworm", key=key)
    said = make_apt(text, name="wrong").get("update", check=False)
    assert "NO_PUBKEY" in said or "Missing key" in said
    findings = verify_repository(repo, tmp_path / "other.asc")
    assert {f.code for f in findings} == {"repository/signature"}
    assert "not in the keyring" in findings[0].message


def test_the_release_says_what_it_should(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1704067200")
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter"), make_deb("all-only", architecture="all")),
            signer, settings)  # fmt: skip
    release = release_of(repo, "bookworm")
    wanted = {
        "Origin": "Greeter", "Label": "Greeter packages", "Suite": "bookworm",
        "Codename": "bookworm", "Architectures": "amd64", "Components": "main",
        "Description": "Hello", "Acquire-By-Hash": "yes",
        "Date": "Mon, 01 Jan 2024 00:00:00 UTC",
    }  # fmt: skip
    assert {k: release[k] for k in wanted} == wanted
    assert "Valid-Until" not in release
    assert [k for k in release if k in ("MD5Sum", "SHA1", "SHA512")] == []
    in_release = (repo / "dists" / "bookworm" / "InRelease").read_text()
    assert "Hash: SHA512" in in_release
    with gzip.open(repo / "dists" / "bookworm" / "main" / "Contents-amd64.gz", "rt") as stream:
        contents = stream.read()
    assert re.search(r"^usr/share/greeter/file-amd64\s+greeter$", contents, re.M)
    assert re.search(r"^usr/share/all-only/file-all\s+all-only$", contents, re.M)
    assert (repo / "dists" / "bookworm" / "Release").stat().st_mtime == 1704067200


def test_several_suites_share_the_pool_and_only_the_changed_one_is_made_again(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo, deb = tmp_path / "repo", make_deb("greeter")
    first = publish(
        repo, files(deb, suite="bookworm") + files(deb, suite="trixie"), signer, settings
    )
    second = publish(repo, files(make_deb("greeter", "1.1-1"), suite="trixie"), signer, settings)
    assert second.suites == ("bookworm", "trixie")
    assert second.added == ("pool/main/g/greeter/greeter_1.1-1_amd64.deb",)
    assert len(list((repo / "pool").rglob("*.deb"))) == 2
    for name in ("InRelease", "main/binary-amd64/Packages.xz"):
        old, new = (p.path / "dists" for p in (first, second))
        assert (old / "bookworm" / name).samefile(new / "bookworm" / name)
        assert not (old / "trixie" / name).samefile(new / "trixie" / name)
    assert packages_of(repo, "bookworm", "amd64") == [("greeter", "1.0-1", "amd64")]
    assert len(packages_of(repo, "trixie", "amd64")) == 2
    assert verify_repository(repo, keyring) == []


def test_nothing_new_is_no_publication(
    tmp_path: Path, make_deb: MakeDeb, settings: RepositorySettings, files: Files,
    source_package: Path,
) -> None:  # fmt: skip
    repo, given = tmp_path / "repo", files(make_deb("greeter"), source_package)
    with throwaway_signer("one <a@localhost>") as one:
        first = publish(repo, given, one, settings)
        assert first.fingerprint == one.fingerprint
    before = {p: p.lstat().st_mtime_ns for p in repo.rglob("*") if ".debwright" not in p.parts}
    with throwaway_signer("two <a@localhost>") as two:
        again = publish(repo, given, two, settings)
        assert two.opened is None  # no key was made for nothing
    assert again.unchanged
    assert again.fingerprint == first.fingerprint
    assert again.number == 1
    assert again.added == ()
    assert before == {
        p: p.lstat().st_mtime_ns for p in repo.rglob("*") if ".debwright" not in p.parts
    }


def test_another_key_or_other_settings_sign_every_suite_again(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo, deb = tmp_path / "repo", make_deb("greeter")
    with throwaway_signer("one <a@localhost>") as one:
        publish(repo, files(deb) + files(deb, suite="trixie"), one, settings)
    with throwaway_signer("two <a@localhost>") as two:
        publish(repo, files(make_deb("other")), two, settings)
        # trixie has no new package, but the key beside it has changed.
        assert verify_repository(repo, repo / "key.gpg") == []
    third = publish(repo, [], signer, settings)
    assert not third.unchanged
    assert verify_repository(repo, keyring) == []
    fourth = publish(repo, [], signer, settings.model_copy(update={"description": "New"}))
    assert fourth.number == 4
    assert release_of(repo, "trixie")["Description"] == "New"
    fifth = publish(
        repo,
        [],
        signer,
        settings.model_copy(update={"description": "New", "architectures": ("arm64",)}),
    )
    assert fifth.number == 5
    assert packages_of(repo, "trixie", "arm64") == []
    assert verify_repository(repo, keyring) == []
    assert publish(
        repo, [], signer,
        settings.model_copy(update={"description": "New", "architectures": ("arm64",), "keep": 3}),
    ).unchanged  # fmt: skip


def test_a_published_version_never_changes(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter", content="one")), signer, settings)
    two = make_deb("greeter", content="two")
    for suite in ("bookworm", "trixie"):
        with pytest.raises(CheckError, match="already with different content") as caught:
            publish(repo, files(two, suite=suite), signer, settings)
        said = caught.value.render()
        assert "pool/main/g/greeter/greeter_1.0-1_amd64.deb" in said
        assert "higher version" in said
        assert "~trixie1" in said or "~SUITE1" in said
    # By another road: the same version under another source, and a version dpkg calls equal.
    for other in (
        make_deb("greeter", content="3", fields="Source: elsewhere\n"),
        make_deb("greeter", "1.00-1", content="4"),
    ):
        with pytest.raises(CheckError, match="already with different content"):
            publish(repo, files(other), signer, settings)
    assert publications_of(repo) == ["0001"]
    assert len(list((repo / "pool").rglob("*.*"))) == 1
    assert verify_repository(repo, keyring) == []


def test_a_failed_publication_takes_its_pool_files_back(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)

    class Broken(GpgSigner):
        def clearsign(self, data: bytes) -> bytes:  # noqa: ARG002
            assert (repo / "pool/main/o/other/other_1.0-1_amd64.deb").exists()
            raise DebwrightError("the key is gone")

    broken = Broken(signer.fingerprint, home=signer._where)
    with broken, pytest.raises(DebwrightError, match="the key is gone"):
        publish(repo, files(make_deb("other", content="one")), broken, settings)
    assert not (repo / "pool/main/o").exists()
    assert sorted(p.name for p in (repo / ".debwright").iterdir()) == ["cache", "lock"]
    assert verify_repository(repo, keyring) == []
    # Never published, so another content is as good.
    publish(repo, files(make_deb("other", content="two")), signer, settings)
    assert verify_repository(repo, keyring) == []


def test_old_publications_and_by_hash_files_stay_for_a_while_and_then_go(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    few = settings.model_copy(update={"keep": 2})
    by_hash: list[Path] = []
    for number in range(1, 7):
        deb = make_deb("greeter", f"1.{number}-1")
        assert publish(repo, files(deb), signer, few).number == number
        index = repo / "dists" / "bookworm" / "main" / "binary-amd64" / "Packages.xz"
        digest = next(
            r["sha256"] for r in release_of(repo, "bookworm")["SHA256"]
            if r["name"].endswith("binary-amd64/Packages.xz")
        )  # fmt: skip
        by_hash.append(index.parent / "by-hash" / "SHA256" / digest)
        # A client that read an InRelease up to three publications ago finds what it names.
        assert [p.exists() for p in by_hash] == [
            i >= number - BY_HASH_GENERATIONS for i in range(number)
        ]
    assert publications_of(repo) == ["0005", "0006"]
    assert len(packages_of(repo, "bookworm", "amd64")) == 6
    dates = [
        parsedate_to_datetime(Release((p / "dists/bookworm/Release").read_bytes())["Date"])
        for p in sorted((repo / "publications").iterdir())
    ]
    assert dates[0] < dates[1]
    assert verify_repository(repo, keyring) == []


def test_a_revision_finds_its_upstream_tarball_in_the_pool(
    tmp_path: Path, signer: GpgSigner, settings: RepositorySettings, files: Files,
    source_package: Path, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    copy = tmp_path / "copy"
    shutil.copytree(source_package.parent, copy)
    (copy / "greeter_1.0.orig.tar.gz").unlink()
    with pytest.raises(CheckError, match=r"greeter_1.0.orig.tar.gz is missing"):
        publish(repo, files(copy / source_package.name), signer, settings)
    publish(repo, files(source_package), signer, settings)
    assert publish(repo, files(copy / source_package.name), signer, settings).unchanged
    result = publish(repo, files(copy / source_package.name, suite="trixie"), signer, settings)
    assert len(result.added) == 3
    assert verify_repository(repo, keyring) == []


@pytest.mark.parametrize("compression", ["xz", "zstd", "none"])
def test_packages_in_every_compression(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, compression: str,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    deb = make_deb("greeter", compression=compression)
    publish(repo, files(deb), signer, settings)
    assert packages_of(repo, "bookworm", "amd64") == [("greeter", "1.0-1", "amd64")]
    assert verify_repository(repo, keyring) == []


@pytest.mark.parametrize(
    "fields",
    [
        "Filename: ../../../../etc/passwd\nSHA256: " + "0" * 64 + "\nSize: 1\n",
        "X-Comment: a\n .\n Package: evil\n .\n",
        "Directory: ../../etc\n",
        "MD5sum: 00\nSHA1: 00\nSHA512:\n 00\nX-After: stays\n",
        "Homepage: \x1b]0;title\x07\n",
    ],
)
def test_control_fields_cannot_forge_an_index(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path, fields: str,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter", fields=fields)), signer, settings)
    index = (repo / "dists/bookworm/main/binary-amd64/Packages").read_text()
    assert re.findall(r"^Filename:.*$", index, re.M) == [
        "Filename: pool/main/g/greeter/greeter_1.0-1_amd64.deb"
    ]
    assert re.findall(r"^Package:.*$", index, re.M) == ["Package: greeter"]
    assert not re.search(r"^(MD5sum|SHA1|SHA512):", index, re.M)
    assert ("X-After: stays" in index) == ("X-After" in fields)
    assert verify_repository(repo, keyring) == []


def test_a_package_whose_data_cannot_be_read_is_not_published(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    broken = make_deb("broken", content="x" * 5000)
    broken.write_bytes(broken.read_bytes()[:-60])
    with pytest.raises(DebwrightError) as caught:
        publish(repo, files(broken), signer, settings)
    assert "broken" in caught.value.render()
    assert verify_repository(repo, keyring) == []
    assert not (repo / "pool/main/b").exists()
    publish(repo, files(make_deb("broken", content="whole")), signer, settings)
    assert verify_repository(repo, keyring) == []


def test_a_damaged_cache_costs_time_and_nothing_else(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter"), make_deb("other")), signer, settings)
    cache = repo / ".debwright" / "cache" / "index.db"
    # A record whose text has changed by a bit, which SQLite does not notice.
    flipped = cache.read_bytes().replace(b"Description: says hello", b"Description: says hallo")
    assert flipped != cache.read_bytes()
    for number, damage in enumerate((b"", b"rubbish", cache.read_bytes()[: 4096 + 100], flipped)):
        cache.write_bytes(damage)
        publish(repo, files(make_deb("greeter", f"1.{number + 1}")), signer, settings)
        assert verify_repository(repo, keyring) == []
        index = repo / "dists/bookworm/main/binary-amd64/Packages"
        assert "hallo" not in index.read_text()
        cache = repo / ".debwright" / "cache" / "index.db"
    assert len(packages_of(repo, "bookworm", "amd64")) == 6


def test_a_pool_file_that_was_lost_is_put_back(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo, deb = tmp_path / "repo", make_deb("greeter")
    publish(repo, files(deb), signer, settings)
    (repo / "pool/main/g/greeter/greeter_1.0-1_amd64.deb").unlink()
    findings = verify_repository(repo, keyring)
    assert [f.code for f in findings] == ["repository/file"]
    assert "is missing" in findings[0].message
    result = publish(repo, files(deb), signer, settings)
    assert not result.unchanged
    assert result.added == ()
    assert verify_repository(repo, keyring) == []


def test_a_pool_file_that_nothing_names_is_no_obstacle(
    tmp_path: Path,
    make_deb: MakeDeb,
    signer: GpgSigner,
    settings: RepositorySettings,
    files: Files,
    keyring: Path,
) -> None:
    repo, deb = tmp_path / "repo", make_deb("greeter")
    left = repo / "pool/main/g/greeter/greeter_1.0-1_amd64.deb"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * deb.stat().st_size)  # as after a power cut: the size is right
    publish(repo, files(deb) + files(deb, suite="trixie"), signer, settings)
    assert verify_repository(repo, keyring) == []


def test_what_verify_finds(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    suite = "dists/bookworm"

    def append(path: Path) -> None:
        path.chmod(0o644)
        with path.open("ab") as stream:
            stream.write(b"Evil: yes\n")

    def older(path: Path) -> None:
        path.write_bytes(path.read_bytes().replace(b"Label: Greeter", b"Label: Another"))

    def damage_signature(path: Path) -> None:
        lines = path.read_text().splitlines()
        lines[2] = lines[2].swapcase()
        path.write_text("\n".join(lines))

    def no_by_hash(path: Path) -> None:
        shutil.rmtree(path / "by-hash")

    def other_packed(path: Path) -> None:
        path.write_bytes(gzip.compress(b"Package: other\n"))

    cases: list[tuple[str, Callable[[Path], None], set[str]]] = [
        (f"{suite}/InRelease", Path.unlink, {"repository/unsigned"}),
        (f"{suite}/Release", older, {"repository/signature", "repository/mismatch"}),
        (f"{suite}/Release.gpg", damage_signature, {"repository/signature"}),
        (f"{suite}/main/binary-amd64/Packages", append, {"repository/index"}),
        (f"{suite}/main/binary-amd64/Packages.xz", Path.unlink, {"repository/index"}),
        (f"{suite}/main/binary-amd64/Packages.gz", other_packed, {"repository/index"}),
        (f"{suite}/main/binary-amd64", no_by_hash, {"repository/by-hash"}),
        ("pool/main/g/greeter/greeter_1.0-1_amd64.deb", append, {"repository/file"}),
    ]
    for number, (name, damage, codes) in enumerate(cases):
        repo = tmp_path / str(number)
        publish(repo, files(make_deb("greeter")), signer, settings)
        damage(repo / name)
        found = verify_repository(repo, keyring)
        assert codes <= {f.code for f in found}, name
    with pytest.raises(DebwrightError, match="there is no repository"):
        verify_repository(tmp_path / "nowhere", keyring)


def test_verify_does_not_follow_a_filename_out_of_the_pool(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files,
) -> None:  # fmt: skip
    from debwright.repository.verify.repository import verify_packages

    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    index = tmp_path / "Packages"
    index.write_text("Package: a\nFilename: pool/../../secret\nSize: 1\nSHA256: 0\n")
    assert [f.code for f in verify_packages(repo, index)] == ["repository/escape"]


def test_nothing_to_publish_missing_tool_and_foreign_directory(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with pytest.raises(UsageError, match="nothing to publish"):
        publish(tmp_path / "a", [], signer, settings)
    with pytest.raises(UsageError, match="there is no file"):
        publish(tmp_path / "a", files(tmp_path / "no.deb"), signer, settings)
    (tmp_path / "b" / "dists").mkdir(parents=True)
    with pytest.raises(DebwrightError, match="was not made by debwright"):
        publish(tmp_path / "b", files(make_deb("greeter")), signer, settings)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DebwrightError, match="could not publish to"):
        publish(tmp_path / "file", files(make_deb("greeter")), signer, settings)
    deb = make_deb("greeter")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError) as caught:
        publish(tmp_path / "c", files(deb), signer, settings)
    assert "apt-get install apt-utils" in caught.value.render()


def test_a_full_disk_leaves_the_old_publication(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "small"
    repo.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k,mode=0755", "tmpfs", str(repo)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("cannot mount a small file system here")
    try:
        publish(repo, files(make_deb("greeter")), signer, settings)
        large = make_deb("large", content="x" * 600_000, compression="none")
        with pytest.raises(DebwrightError) as caught:
            publish(repo, files(large), signer, settings)
        assert "df -h" in caught.value.render()
        assert verify_repository(repo, keyring) == []
        assert not (repo / "pool/main/l").exists()
        publish(repo, files(make_deb("small")), signer, settings)
        assert verify_repository(repo, keyring) == []
    finally:
        subprocess.run(["umount", "-l", str(repo)], check=True)


def test_publishers_take_turns(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str,
    settings: RepositorySettings, files: Files, keyring: Path,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    said: list[str] = []
    errors: list[BaseException] = []

    def work(name: str, deb: Path) -> None:
        try:
            with GpgSigner(fingerprint, home=key_home) as own:
                publish(repo, files(deb), own, settings, say=said.append)
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=work, args=(n, make_deb(n))) for n in ("aaa", "bbb", "ccc", "ddd")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(packages_of(repo, "bookworm", "amd64")) == 4
    assert publications_of(repo) == ["0001", "0002", "0003", "0004"]
    assert any("waiting for process" in line for line in said)
    assert verify_repository(repo, keyring) == []


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def test_apt_over_http_never_sees_a_mixture_while_publishing(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, make_apt: MakeApt,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    debs = [make_deb("greeter", f"1.{n}-1") for n in range(1, 9)]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(repo)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served = settings.model_copy(update={"url": f"http://127.0.0.1:{server.server_address[1]}"})
    key = (repo / "key.asc").read_text()
    apt = make_apt(sources_text(served, repo, "bookworm", key=key))
    done = threading.Event()
    failures: list[BaseException] = []
    updates = 0

    def read() -> None:
        nonlocal updates
        try:
            while not done.is_set():
                apt.get("update")
                updates += 1
        except BaseException as error:
            failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number, deb in enumerate(debs):
        publish(repo, files(deb), signer, settings)
        while updates < number and reader.is_alive():  # at least one update for each
            time.sleep(0.01)
    done.set()
    reader.join()
    assert failures == []
    assert updates >= len(debs) - 1
    apt.get("update")
    # The last publication is seen, though it came within the same seconds.
    assert len(apt.versions("greeter")) == 9
    server.shutdown()
    server.server_close()


def test_apt_sees_each_publication_though_they_come_fast(
    tmp_path: Path, make_deb: MakeDeb, signer: GpgSigner, settings: RepositorySettings,
    files: Files, make_apt: MakeApt,
) -> None:  # fmt: skip
    repo = tmp_path / "repo"
    publish(repo, files(make_deb("greeter")), signer, settings)
    apt = make_apt((repo / "greeter-bookworm.sources").read_text())
    for number in range(1, 4):
        publish(repo, files(make_deb("greeter", f"1.{number}-1")), signer, settings)
        apt.get("update")
        assert len(apt.versions("greeter")) == number + 1
