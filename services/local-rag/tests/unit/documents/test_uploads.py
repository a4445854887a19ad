"""Uploaded files stay below their directory, whatever they are called."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.core.errors import InvalidInput
from local_rag.documents.uploads import UploadStore, safe_relative


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("notes.md", "notes.md"),
        ("folder/notes.md", "folder/notes.md"),
        ("../../etc/passwd", "etc/passwd"),
        ("..\\..\\windows\\system.ini", "windows/system.ini"),
        ("/etc/shadow", "etc/shadow"),
        ("a/./b/../c.txt", "a/b/c.txt"),
        ("....//....//x.txt", "x.txt"),
        (".bashrc", "bashrc"),
        ("C:\\Users\\me\\a.txt", "C_/Users/me/a.txt"),
        ("tab\there.txt", "tab_here.txt"),
        ("nul\x00.txt", "nul_.txt"),
        ("bidi\u202egpj.txt", "bidi_gpj.txt"),
        ("esc\x1b[2J.txt", "esc_[2J.txt"),
        ("trailing. . ", "trailing"),
        ("<script>.html", "_script_.html"),
        ("e\u0301.txt", "\u00e9.txt"),
        ("'; DROP TABLE documents;--.txt", "'; DROP TABLE documents;--.txt"),
        ("$(reboot).md", "$(reboot).md"),
    ],
)
def test_names_are_made_safe_and_stay_readable(name: str, kept: str) -> None:
    assert safe_relative(name) == Path(kept)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "../..", "\\", " ", "...", ". . ."])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        safe_relative(name)


def test_long_names_are_shortened_and_stay_apart() -> None:
    one = safe_relative("ä" * 300 + "1.pdf")
    two = safe_relative("ä" * 300 + "2.pdf")
    assert one != two
    assert one.suffix == two.suffix == ".pdf"
    assert len(one.name.encode()) <= 180


def test_a_thousand_folders_become_a_few() -> None:
    assert len(safe_relative("a/" * 1000 + "x.txt").parts) == 12


@given(st.text(max_size=400))
def test_no_name_leaves_the_directory(name: str) -> None:
    try:
        found = safe_relative(name)
    except InvalidInput:
        return
    assert not found.is_absolute()
    assert ".." not in found.parts
    assert all(len(part.encode()) <= 255 and part.isprintable() for part in found.parts)
    assert safe_relative(str(found)) == found


def put(store: UploadStore, name: str, content: bytes, *, replace: bool = False) -> Path:
    store.staging.mkdir(parents=True, exist_ok=True)
    staged = store.staging / f".part-{hashlib.md5(content + name.encode()).hexdigest()}"
    staged.write_bytes(content)
    return store.take(staged, name, hashlib.sha256(content).hexdigest(), replace=replace)


@pytest.fixture
def store(tmp_path: Path) -> UploadStore:
    return UploadStore(tmp_path / "uploads")


def test_a_second_file_of_a_name_does_not_replace_the_first(store: UploadStore) -> None:
    first = put(store, "a.txt", b"one")
    second = put(store, "a.txt", b"two")
    assert first.read_bytes() == b"one"
    assert second.name == "a (2).txt"


def test_the_same_file_again_is_the_same_file(store: UploadStore) -> None:
    assert put(store, "a.txt", b"one") == put(store, "a.txt", b"one")


def test_replace_replaces(store: UploadStore) -> None:
    first = put(store, "a.txt", b"one")
    assert put(store, "a.txt", b"two", replace=True) == first
    assert first.read_bytes() == b"two"


def test_a_file_cannot_become_a_folder(store: UploadStore) -> None:
    put(store, "a", b"one")
    with pytest.raises(InvalidInput, match="name of one of its folders"):
        put(store, "a/b.txt", b"two")
    put(store, "folder/x.txt", b"x")
    with pytest.raises(InvalidInput, match="is a folder"):
        put(store, "folder", b"y", replace=True)


def test_a_planted_link_is_not_followed_out(store: UploadStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.root.mkdir()
    (store.root / "link").symlink_to(outside)
    with pytest.raises(InvalidInput, match="leads out"):
        put(store, "link/x.txt", b"x")
    assert list(outside.iterdir()) == []


def test_remove_takes_empty_folders_along_but_nothing_else(store: UploadStore) -> None:
    deep = put(store, "a/b/c.txt", b"x")
    put(store, "a/d.txt", b"y")
    assert store.remove(deep)
    assert not (store.root / "a" / "b").exists()
    assert (store.root / "a" / "d.txt").exists()


def test_remove_touches_no_file_of_others(store: UploadStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("keep")
    assert not store.remove(mine)
    assert not store.remove(store.root)
    assert not store.remove(store.root / ".." / "mine.txt")
    assert mine.read_text() == "keep"


def test_clear_empties_and_does_not_follow_links(store: UploadStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("keep")
    put(store, "a/b.txt", b"x")
    (store.root / "link").symlink_to(outside)
    assert store.clear() == 1
    assert list(store.root.iterdir()) == []
    assert (outside / "keep.txt").exists()


def test_clean_removes_uploads_that_broke_off(store: UploadStore) -> None:
    store.staging.mkdir(parents=True)
    (store.staging / ".part-abc").write_bytes(b"half")
    store.clean()
    assert list(store.staging.iterdir()) == []


def test_concurrent_uploads_of_one_name_are_all_kept(store: UploadStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda n: put(store, "x.txt", f"{n}".encode()), range(24)))
    assert len(set(paths)) == 24
    assert sorted(path.read_text() for path in paths) == sorted(str(n) for n in range(24))
