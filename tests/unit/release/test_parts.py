"""Parts of a release that need neither gpg nor a network."""

import hashlib
from datetime import date
from pathlib import Path

import pytest
from debian.deb822 import Changes, Dsc
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.keys.signing.control import MARK, sign_control_files, with_new_sums
from debwright.model.errors import DebwrightError
from debwright.release.assets import RECORD, assemble, asset_name, chosen
from debwright.repository.keyring import Keyring, next_version
from debwright.repository.verify.local import verify_directory
from debwright.repository.verify.sums import control_sums, read_sums
from debwright.source.order import compare

DSC = """\
Format: 3.0 (quilt)
Source: memo
Version: 1.0-1
Files:
 d41d8cd98f00b204e9800998ecf8427e 0 memo_1.0.orig.tar.xz
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 memo_1.0.orig.tar.xz
"""
CHANGES = """\
Format: 1.8
Source: memo
Description:
 memo - d41d8cd98f00b204e9800998ecf8427e 0 memo_1.0-1.dsc.txt
Checksums-Sha1:
 da39a3ee5e6b4b0d3255bfef95601890afd80709 1 memo_1.0-1.dsc
 da39a3ee5e6b4b0d3255bfef95601890afd80709 2 memo_1.0-1_all.deb
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 1 memo_1.0-1.dsc
Files:
 d41d8cd98f00b204e9800998ecf8427e 1 misc optional memo_1.0-1.dsc
"""


class Signer:
    """Marks instead of signatures, and counts them."""

    fingerprint, note, throwaway, signs_with = "A" * 40, "test", False, "A" * 40

    def __init__(self) -> None:
        self.count = 0

    def clearsign(self, data: bytes) -> bytes:
        self.count += 1
        return f"{MARK}\n\n".encode() + data + f"signature {self.count}\n".encode()

    def detach(self, data: bytes) -> bytes:
        self.count += 1
        return f"signature {self.count} of {hashlib.sha256(data).hexdigest()}\n".encode()

    def public_key(self) -> bytes:
        return b"\x99"

    def public_key_armored(self) -> bytes:
        return b"key"


def test_signed_files_get_new_sums_where_they_are_named(tmp_path: Path) -> None:
    files = {}
    for name, text in (("memo_1.0-1.dsc", DSC), ("memo_1.0-1_all.changes", CHANGES)):
        (tmp_path / name).write_text(text)
        files[name] = tmp_path / name
    signed = sign_control_files(files, Signer())
    dsc = signed["memo_1.0-1.dsc"]
    assert dsc.startswith(MARK.encode())
    assert Dsc(DSC)["Checksums-Sha256"][0]["size"] == "0"
    changes = Changes(signed["memo_1.0-1_all.changes"].decode().split("\n\n", 1)[1])
    for algorithm, listed in (("sha1", "Checksums-Sha1"), ("sha256", "Checksums-Sha256")):
        row = changes[listed][0]
        assert row["size"] == str(len(dsc))
        assert row[algorithm] == hashlib.new(algorithm, dsc).hexdigest()
    assert (
        changes["Files"][0]["md5sum"] == hashlib.new("md5", dsc, usedforsecurity=False).hexdigest()
    )
    assert changes["Files"][0]["section"] == "misc"
    assert changes["Checksums-Sha1"][1]["size"] == "2", "others stay"
    assert "dsc.txt" in changes["Description"]


def test_what_is_signed_already_stays(tmp_path: Path) -> None:
    path = tmp_path / "memo_1.0-1.dsc"
    path.write_text(f"{MARK}\n\n{DSC}")
    assert sign_control_files({path.name: path}, Signer()) == {}
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DebwrightError, match="not text"):
        sign_control_files({path.name: path}, Signer())


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200))
def test_a_text_that_names_no_changed_file_stays(text: str) -> None:
    assert with_new_sums(text, {}) == text


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("memo_1.0~rc1-1_all.deb", "memo_1.0.rc1-1_all.deb"),
        ("memo_1.0+git5-1_all.deb", "memo_1.0+git5-1_all.deb"),
        ("a b/../c", "a.b....c"),
        (".hidden.", "hidden"),
    ],
)
def test_names_on_github(name: str, there: str) -> None:
    assert asset_name(name) == there


def test_one_record_of_packages_for_all_is_enough(tmp_path: Path) -> None:
    """Two jobs, each for a target of one suite, made the same package and wrote down how."""
    files = []
    for job in ("bookworm-amd64", "bookworm-arm64"):
        (tmp_path / job).mkdir()
        for name, text in (("x_1_all.deb", "same"), ("x_1_all.buildinfo", job)):
            files.append(tmp_path / job / name)
            files[-1].write_text(text)
    assert chosen(files) == {f.name: f for f in files[:2]}


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for directory, text in (("a", "1"), ("b", "1"), ("c", "2")):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "memo.deb").write_text(text)
    one, same, other = (tmp_path / d / "memo.deb" for d in "abc")
    assert chosen([one, same]) == {"memo.deb": one}
    with pytest.raises(DebwrightError, match="two different files"):
        chosen([one, other])


def test_what_was_assembled_stays_until_something_changes(tmp_path: Path) -> None:
    deb, dsc = tmp_path / "memo_1.0~rc1-1_all.deb", tmp_path / "memo_1.0~rc1-1.dsc"
    deb.write_bytes(b"deb")
    dsc.write_text(DSC)
    signer, out = Signer(), tmp_path / "release"
    files = chosen([deb, dsc])
    first = {a.name: a.sha256 for a in assemble(files, out, signer)}
    assert set(first) == {
        n + s for n in ("memo_1.0.rc1-1_all.deb", "memo_1.0.rc1-1.dsc", "SHA256SUMS")
        for s in ("", ".asc")
    }  # fmt: skip
    assert RECORD not in first
    sums = read_sums(out / "SHA256SUMS")
    assert sums == {n: first[n] for n in ("memo_1.0.rc1-1_all.deb", "memo_1.0.rc1-1.dsc")}
    count = signer.count
    assert {a.name: a.sha256 for a in assemble(files, out, signer)} == first
    assert signer.count == count, "nothing was signed again"

    def differs() -> bool:
        return {a.name: a.sha256 for a in assemble(files, out, signer)} != first

    (out / "SHA256SUMS.asc").unlink()
    assert differs()
    (out / "memo_1.0.rc1-1_all.deb").write_bytes(b"altered")
    assert differs()
    assert (out / "memo_1.0.rc1-1_all.deb").read_bytes() == b"deb"
    deb.write_bytes(b"another build")
    assert differs()
    assert not list(tmp_path.glob(".release*"))


def keyring(keys: bytes = b"\x99", suite: str = "bookworm") -> Keyring:
    return Keyring(
        name="memo", origin="Memo", suite=suite, maintainer="A <a@example.org>", keys=keys,
        sources="Types: deb\n",
    )  # fmt: skip


def test_a_keyring_has_a_new_version_only_when_it_changed() -> None:
    ring, today = keyring(), date(2026, 11, 23)
    first = next_version(ring, None, today)
    assert first == "2026.11.23~deb12u1"
    assert next_version(ring, (first, ring.digest), date(2027, 1, 1)) is None
    second = next_version(ring, (first, "other"), today)
    assert second == "2026.11.23.1~deb12u1"
    assert compare(second, first) > 0
    early = next_version(ring, ("2030.01.01~deb12u1", "other"), today)
    assert early is not None
    assert compare(early, "2030.01.01~deb12u1") > 0, "though the clock went back"
    assert next_version(keyring(suite="sid"), None, today) == "2026.11.23"
    assert keyring(b"\x98").digest != ring.digest


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_sums_are_read(text: str) -> None:
    control_sums(text)


def test_sums_in_both_forms(tmp_path: Path) -> None:
    path = tmp_path / "SHA256SUMS"
    path.write_text(f"{'a' * 64}  one\r\n{'B' * 64} *two three\nnonsense\n{'c' * 63}  x\n")
    assert read_sums(path) == {"one": "a" * 64, "two three": "b" * 64}


def test_a_directory_of_neither_kind(tmp_path: Path) -> None:
    with pytest.raises(DebwrightError, match="neither a repository"):
        verify_directory(tmp_path, tmp_path / "key")
