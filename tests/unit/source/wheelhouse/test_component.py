"""The component tarball, and the checksums of a .dsc that names it."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.host.files import LARGE, sha256_file, share
from debwright.source.components import Component, put_real, put_stand_ins, sums
from debwright.source.package import SourceError, SourceTree
from debwright.source.tarball import StoredGzip
from debwright.source.wheelhouse import component


@given(st.lists(st.binary(max_size=200_000), max_size=4))
def test_gzip_reads_what_is_stored(chunks: list[bytes]) -> None:
    out = io.BytesIO()
    with StoredGzip(out) as packed:
        for chunk in chunks:
            packed.write(chunk)
    assert gzip.decompress(out.getvalue()) == b"".join(chunks)


def test_the_same_files_give_the_same_tarball(tmp_path: Path) -> None:
    made = []
    for name, umask, order in (("one", 0o022, 1), ("two", 0o077, -1)):
        home = tmp_path / name
        home.mkdir()
        before = os.umask(umask)
        try:
            files = [home / "b.whl", home / "a.tar.gz"][::order]
            for file in files:
                file.write_bytes(file.name.encode() * 100)
            os.utime(files[0], (1, order + 2))
            component.write(component.manifest_text([], {}), files, home / "out.tar.gz")
        finally:
            os.umask(before)
        made.append((home / "out.tar.gz").read_bytes())
    assert made[0] == made[1]
    with tarfile.open(tmp_path / "one/out.tar.gz") as tar:
        names = tar.getnames()
        assert "wheelhouse/files/a.tar.gz" in names
        assert names.index("wheelhouse/manifest.json") < names.index("wheelhouse/files")
        assert tar.getmember("wheelhouse/wheelhouse.py").mode == 0o755
        assert {m.uid for m in tar} == {0}


def tree(tmp_path: Path, form: str = "3.0 (quilt)") -> SourceTree:
    return SourceTree(
        directory=tmp_path, name="abacus", version="1.0-1", format=form, maintainer="x",
        epoch_seconds=1,
    )  # fmt: skip


def a_component(tmp_path: Path) -> Component:
    tarball = tmp_path / "cached.tar.gz"
    tarball.write_bytes(b"content" * 100)
    return Component(name="wheelhouse", tarball=tarball, **sums(tarball))


def test_the_dsc_gets_the_sums_of_the_real_tarball(tmp_path: Path) -> None:
    work, one = tmp_path / "work", a_component(tmp_path)
    work.mkdir()
    (work / "abacus-1.0").mkdir()
    options = put_stand_ins(tree(tmp_path), work / "abacus-1.0", work, "1.0", [one])
    assert options == ["--extend-diff-ignore=^wheelhouse($|/)"]
    name = "abacus_1.0.orig-wheelhouse.tar.gz"
    with tarfile.open(work / name) as tar:
        assert tar.getnames() == ["wheelhouse"]
    dsc = work / "abacus_1.0-1.dsc"
    dsc.write_text("Files:\n" + "".join(
        f" {'0' * n} 99 {name}\n {'1' * n} 5 x{name}\n" for n in (32, 40, 64)
    ))  # fmt: skip
    put_real(tree(tmp_path), dsc, work, "1.0", [one])
    content = (work / name).read_bytes()
    assert content == one.tarball.read_bytes()
    text = dsc.read_text()
    for algorithm in ("md5", "sha1", "sha256"):
        assert f" {hashlib.new(algorithm, content).hexdigest()} 700 {name}\n" in text
    assert text.count("111 5 x") == 3, "other files' sums stay"


def test_a_dsc_without_the_tarball_is_refused(tmp_path: Path) -> None:
    dsc = tmp_path / "x.dsc"
    dsc.write_text("Files:\n")
    with pytest.raises(SourceError, match="0 checksums"):
        put_real(tree(tmp_path), dsc, tmp_path, "1.0", [a_component(tmp_path)])


def test_formats_and_directories_in_the_way(tmp_path: Path) -> None:
    one = a_component(tmp_path)
    with pytest.raises(SourceError, match="no component tarballs") as caught:
        put_stand_ins(tree(tmp_path, "3.0 (native)"), tmp_path, tmp_path, "1.0", [one])
    assert caught.value.code == "source/no-components"
    (tmp_path / "wheelhouse").mkdir()
    with pytest.raises(SourceError, match="directory wheelhouse of its own"):
        put_stand_ins(tree(tmp_path), tmp_path, tmp_path, "1.0", [one])
    assert put_stand_ins(tree(tmp_path, "1.0"), tmp_path, tmp_path, "1.0", []) == []


def test_large_files_are_linked_and_never_written_through(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"\0" * LARGE)
    share(first, second)
    assert second.stat().st_ino == first.stat().st_ino
    other = tmp_path / "other"
    other.write_bytes(b"\1" * LARGE)
    share(other, second)
    assert first.read_bytes()[:1] == b"\0"
    assert sha256_file(second) == sha256_file(other) != sha256_file(first)
    small = tmp_path / "small"
    small.write_bytes(b"x")
    share(small, second)
    assert second.stat().st_ino != small.stat().st_ino
    assert other.read_bytes()[:1] == b"\1"
