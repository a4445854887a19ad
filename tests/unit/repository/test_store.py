import errno
import json
import os
import threading
from pathlib import Path

import pytest

from debwright.model.errors import DebwrightError
from debwright.repository import store


def test_readers_see_the_old_or_the_new_through_one_link(tmp_path: Path) -> None:
    for number in (1, 2):
        directory = tmp_path / "publications" / f"000{number}"
        (directory / "dists").mkdir(parents=True)
        (directory / "key.asc").write_text(str(number))
    store.switch(tmp_path, 1)
    store.link_top_files(tmp_path, 1)
    assert (tmp_path / "key.asc").read_text() == "1"
    store.switch(tmp_path, 2)
    # The key changes with dists, in the same rename.
    assert (tmp_path / "key.asc").read_text() == "2"
    assert not (tmp_path / "key.asc").readlink().is_absolute()
    assert store.current_number(tmp_path) == 2
    assert store.publication_numbers(tmp_path) == [1, 2]


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_a_repository_of_another_tool_is_left_alone(tmp_path: Path, kind: str) -> None:
    if kind == "directory":
        (tmp_path / "dists").mkdir()
    else:
        (tmp_path / "dists").symlink_to("../elsewhere/dists")
    with pytest.raises(DebwrightError, match="was not made by debwright"):
        store.current_number(tmp_path)


def test_a_second_publisher_is_told_who_is_first_and_gets_its_turn(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with store.locked(tmp_path):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with (
        pytest.raises(DebwrightError, match=f"locked by process {os.getpid()} "),
        store.locked(tmp_path, timeout=0.05),
    ):
        pass
    timer = threading.Timer(0.1, leave.set)
    timer.start()
    with store.locked(tmp_path, said.append):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert len(said) == 1
    assert f"process {os.getpid()} (since " in said[0]


def test_a_damaged_lock_file_still_gives_a_sentence(tmp_path: Path) -> None:
    store.make_directories(store.private(tmp_path))
    (store.private(tmp_path) / "lock").write_text("{]")
    assert store.lock_holder(tmp_path) == "another process"
    (store.private(tmp_path) / "lock").write_text(json.dumps({"pid": "x"}))
    assert store.lock_holder(tmp_path) == "another process"


def test_directories_are_readable_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        store.make_directories(tmp_path / "a" / "b")
        store.write_durably(tmp_path / "a" / "b" / "c", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o644


def test_linked_trees_share_their_files(tmp_path: Path) -> None:
    (tmp_path / "old" / "main").mkdir(parents=True)
    (tmp_path / "old" / "main" / "Packages").write_text("x")
    (tmp_path / "old" / "Release").write_text("x")
    store.link_tree(tmp_path / "old", tmp_path / "new", leave_out=["Release"])
    assert (tmp_path / "new" / "main" / "Packages").samefile(tmp_path / "old" / "main" / "Packages")
    assert not (tmp_path / "new" / "Release").exists()


@pytest.mark.parametrize("count", [1, store.SYNC_EACH + 1])
def test_sync_takes_few_and_many(tmp_path: Path, count: int) -> None:
    paths = [tmp_path / str(i) for i in range(count)]
    for path in paths:
        path.write_text("x")
    store.sync([*paths, tmp_path])


def test_what_is_a_link_to_the_publication_before_is_not_synced_again(tmp_path: Path) -> None:
    before, fresh = tmp_path / "before", tmp_path / "fresh"
    (before / "dists").mkdir(parents=True)
    (before / "dists" / "old").write_text("old")
    store.link_tree(before, fresh)
    (fresh / "dists" / "new").write_text("new")
    (fresh / "dists" / "by-hash").hardlink_to(fresh / "dists" / "new")
    found = store.tree_paths(fresh, before)
    assert {p.name for p in found if p.is_dir()} == {"fresh", "dists"}
    assert [p.read_text() for p in found if p.is_file()] == ["new"]
    assert sorted(p.read_text() for p in store.tree_paths(fresh) if p.is_file()) == ["new", "old"]


def test_a_sync_that_fails_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / str(n) for n in range(5)]
    for path in paths:
        path.touch()

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    for some in (paths, paths[:1]):
        with pytest.raises(OSError, match="Input/output"):
            store.sync(some)
    many = [tmp_path / str(n) for n in range(store.SYNC_EACH + 1)]
    monkeypatch.setattr(os, "open", lambda *_: 10**6)  # no such descriptor
    monkeypatch.setattr(os, "close", lambda _: None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        store.sync(many)


def test_sources_files_of_suites_that_are_gone_go_too(tmp_path: Path) -> None:
    directory = tmp_path / "publications" / "0001"
    (directory / "dists").mkdir(parents=True)
    (directory / "greeter-bookworm.sources").write_text("x")
    (tmp_path / "greeter-buster.sources").symlink_to("dists/../greeter-buster.sources")
    (tmp_path / "mine.sources").write_text("not ours")
    store.switch(tmp_path, 1)
    store.link_top_files(tmp_path, 1)
    assert sorted(p.name for p in tmp_path.glob("*.sources")) == [
        "greeter-bookworm.sources",
        "mine.sources",
    ]


def test_a_write_that_is_interrupted_leaves_nothing_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_durably(tmp_path / "journal", b"old")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.write_durably(tmp_path / "journal", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["journal"]
    assert (tmp_path / "journal").read_bytes() == b"old"
