import hashlib
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debwright.host.files import atomic_write, human_seconds, human_size, sha256_file


def test_atomic_write_replaces_with_the_exact_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    old = os.umask(0o077)
    try:
        atomic_write(path, "new é\n", mode=0o644)
    finally:
        os.umask(old)
    assert path.read_text("utf-8") == "new é\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_leaves_the_old_file_when_it_cannot_finish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_has_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic_write(path, b"old")
    with path.open("rb") as reader:
        atomic_write(path, b"new content")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new content"


def test_sha256_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    assert sha256_file(path) == hashlib.sha256(b"x" * 3_000_000).hexdigest()


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (225 * 1024**2, "225 MiB"),
        (3 * 1024**4, "3.0 TiB"),
        (5000 * 1024**4, "5000 TiB"),
    ],
)
def test_human_size(n: int, text: str) -> None:
    assert human_size(n) == text


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (0, "0.00 s"),
        (-1, "0.00 s"),
        (0.42, "0.42 s"),
        (9.996, "10.0 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_human_seconds(s: float, text: str) -> None:
    assert human_seconds(s) == text


@given(st.integers(min_value=0, max_value=2**63))
def test_human_size_never_shows_four_digits_below_the_largest_unit(n: int) -> None:
    number, unit = human_size(n).split()
    assert unit in ("B", "TiB") or float(number) < 1024
