"""Packages are hostile until `incoming` has judged them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit import debs

from debwright.model.errors import CheckError, UsageError
from debwright.repository.incoming import (
    CONTROL_LIMIT,
    PACKAGE,
    read_all,
    read_deb,
    without_epoch,
)
from debwright.repository.model import PackageFile
from debwright.repository.pool import pool_path, pool_prefix

RawDeb = Callable[..., Path]
GOOD = {"Package": "greeter", "Version": "1.0-1", "Architecture": "amd64", "Description": "x"}


@pytest.fixture
def raw_deb(tmp_path: Path) -> RawDeb:
    def make(control: bytes | str, name: str = "x.deb", compression: str = "gz") -> Path:
        text = control.encode() if isinstance(control, str) else control
        return debs.raw_deb(tmp_path / name, text, debs.tar([]), compression)

    return make


def control(**changes: str) -> str:
    fields = {**GOOD, **changes}
    return "".join(f"{k}: {v}\n" for k, v in fields.items() if v)


def given_file(path: Path, suite: str = "bookworm") -> PackageFile:
    return PackageFile(path=path, suite=suite)


@pytest.mark.parametrize("compression", ["gz", "xz", "bz2"])
def test_an_entry_comes_from_the_control_file_not_from_the_file_name(
    raw_deb: RawDeb, compression: str
) -> None:
    path = raw_deb(
        control(Version="1:1.0-1", Source="libgreet (1.0-2)"),
        name="../x/whatever.deb".rpartition("/")[2],
        compression=compression,
    )
    entry = read_deb(given_file(path))
    assert entry.path == "pool/main/libg/libgreet/greeter_1.0-1_amd64.deb"
    assert (entry.package, entry.version, entry.source) == ("greeter", "1:1.0-1", "libgreet")
    assert entry.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry.size == path.stat().st_size


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Package", "../../etc/cron.d/x"),
        ("Package", "greeter\n ../x"),
        ("Package", "Greeter"),
        ("Package", "g"),
        ("Package", "greeter\x1b[31m"),
        ("Package", ""),
        ("Version", "1.0/../../../x"),
        ("Version", "1.0\n Filename: x"),
        ("Version", "x1"),
        ("Version", "1.0-"),
        ("Version", "1.0\u0661"),
        ("Version", "1:2:3"),
        ("Architecture", "../amd64"),
        ("Architecture", "amd64 arm64"),
        ("Architecture", "source"),
        ("Architecture", "any"),
        ("Source", "../../../etc"),
        ("Source", "a/b (1.0)"),
        ("Source", "greeter (1.0) ../x"),
    ],
)
def test_a_field_that_breaks_the_rules_is_refused_and_named(
    raw_deb: RawDeb, field: str, value: str
) -> None:
    with pytest.raises(CheckError) as caught:
        read_deb(given_file(raw_deb(control(**{field: value}))))
    assert field in caught.value.render()
    assert "\x1b" not in caught.value.render()


def test_a_second_paragraph_in_the_control_file_is_refused(raw_deb: RawDeb) -> None:
    path = raw_deb(control() + "\n" + control(Package="other"))
    with pytest.raises(CheckError, match="not a readable Debian package"):
        read_deb(given_file(path))


def test_a_control_file_without_end_is_not_read(raw_deb: RawDeb) -> None:
    path = raw_deb(control() + "X: " + "a" * CONTROL_LIMIT)
    with pytest.raises(CheckError) as caught:
        read_deb(given_file(path))
    assert "bytes" in caught.value.render()


@pytest.mark.parametrize("keep", [0, 7, 30, 100, -1])
def test_a_cut_or_damaged_package_is_refused(raw_deb: RawDeb, keep: int) -> None:
    path = raw_deb(control())
    data = path.read_bytes()
    # The last case damages the compressed control archive instead of cutting the file.
    path.write_bytes(data[:keep] if keep != -1 else data[:160] + b"\xff" * 40 + data[200:])
    with pytest.raises(CheckError, match="not a readable Debian package"):
        read_deb(given_file(path))


def write_dsc(directory: Path, names: dict[str, bytes], **changes: str) -> Path:
    rows = "".join(f"\n {hashlib.sha256(d).hexdigest()} {len(d)} {n}" for n, d in names.items())
    fields = {"Format": "3.0 (quilt)", "Source": "greeter", "Version": "1.0-1", **changes}
    path = directory / "greeter_1.0-1.dsc"
    lines = "".join(f"{k}: {v}\n" for k, v in fields.items())
    path.write_text(lines + f"Checksums-Sha256:{rows}\n")
    return path


def test_a_dsc_brings_the_files_it_names(tmp_path: Path) -> None:
    content = {"greeter_1.0.orig.tar.gz": b"orig", "greeter_1.0-1.debian.tar.xz": b"debian"}
    dsc = write_dsc(tmp_path, content)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "greeter_1.0.orig.tar.gz").write_bytes(b"orig")
    (tmp_path / "greeter_1.0-1.debian.tar.xz").write_bytes(b"debian")
    items = read_all([given_file(dsc), given_file(elsewhere / "greeter_1.0.orig.tar.gz")])
    assert {i.entry.path: i.entry.kind for i in items} == {
        "pool/main/g/greeter/greeter_1.0-1.dsc": "dsc",
        "pool/main/g/greeter/greeter_1.0.orig.tar.gz": "file",
        "pool/main/g/greeter/greeter_1.0-1.debian.tar.xz": "file",
    }
    assert all(i.path is not None for i in items)


@pytest.mark.parametrize(
    "name", ["../greeter_1.tar.gz", "/etc/passwd", "other_1.0.tar.gz", "greeter_1.0-1.dsc", ".x"]
)
def test_a_dsc_cannot_name_files_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckError, match="Checksums-Sha256"):
        read_all([given_file(write_dsc(tmp_path, {name: b"x"}))])


def test_a_file_that_is_not_what_the_dsc_says_is_refused(tmp_path: Path) -> None:
    dsc = write_dsc(tmp_path, {"greeter_1.0.orig.tar.gz": b"orig"})
    (tmp_path / "greeter_1.0.orig.tar.gz").write_bytes(b"evil")
    with pytest.raises(CheckError, match="is not the file that"):
        read_all([given_file(dsc)])


def test_a_changes_file_brings_its_packages_and_leaves_the_buildinfo(
    raw_deb: RawDeb, tmp_path: Path
) -> None:
    deb = raw_deb(control(), name="greeter_1.0-1_amd64.deb")
    (tmp_path / "greeter_1.0-1_amd64.buildinfo").write_bytes(b"info")
    rows = "".join(
        f"\n {hashlib.sha256((tmp_path / n).read_bytes()).hexdigest()} "
        f"{(tmp_path / n).stat().st_size} {n}"
        for n in (deb.name, "greeter_1.0-1_amd64.buildinfo")
    )
    changes = tmp_path / "greeter_1.0-1_amd64.changes"
    changes.write_text(f"Format: 1.8\nSource: greeter\nChecksums-Sha256:{rows}\n")
    assert [i.path for i in read_all([given_file(changes)])] == [deb]
    deb.write_bytes(raw_deb(control(Description="another"), name="y.deb").read_bytes())
    with pytest.raises(CheckError, match="is not the file that"):
        read_all([given_file(changes)])


def test_a_lone_tarball_is_refused_with_what_to_pass_instead(tmp_path: Path) -> None:
    lone = tmp_path / "greeter_1.0.orig.tar.gz"
    lone.write_bytes(b"x")
    with pytest.raises(UsageError) as caught:
        read_all([given_file(lone)])
    assert ".dsc" in caught.value.render()


def test_two_builds_of_one_version_in_one_go_are_refused(raw_deb: RawDeb) -> None:
    one, other = raw_deb(control(), "a.deb"), raw_deb(control(Description="b"), "b.deb")
    with pytest.raises(CheckError, match="two different files"):
        read_all([given_file(one), given_file(other)])


@pytest.mark.parametrize("suite", ["../x", "a/b", "", "Bookworm", "a b", "x\n"])
def test_a_suite_that_is_no_name_is_refused(suite: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        PackageFile(path=tmp_path, suite=suite)


@pytest.mark.parametrize(
    ("source", "prefix"),
    [("greeter", "g"), ("libgreet", "libg"), ("lib", "l"), ("lib3d", "lib3"), ("0ad", "0")],
)
def test_pool_prefix_is_debians(source: str, prefix: str) -> None:
    assert pool_prefix(source) == prefix


@given(
    source=st.from_regex(PACKAGE, fullmatch=True), package=st.from_regex(PACKAGE, fullmatch=True)
)
def test_no_valid_name_leaves_the_pool(source: str, package: str) -> None:
    path = Path(pool_path("main", source, f"{package}_1.0_all.deb"))
    resolved = (Path("/repo") / path).resolve()
    assert resolved.is_relative_to("/repo/pool/main")
    assert len(path.parts) == 5


@pytest.mark.parametrize(("version", "name"), [("1:2.0-1", "2.0-1"), ("2.0~rc1", "2.0~rc1")])
def test_epochs_are_not_in_file_names(version: str, name: str) -> None:
    assert without_epoch(version) == name


def test_a_control_file_in_latin_1_says_where(raw_deb: RawDeb) -> None:
    path = raw_deb(control().encode() + b"Maintainer: J\xfcrgen <j@example.org>\n")
    with pytest.raises(CheckError, match="not in UTF-8") as caught:
        read_deb(PackageFile(path=path, suite="bookworm"))
    assert "line 5: Maintainer: J\xfcrgen" in caught.value.render()
