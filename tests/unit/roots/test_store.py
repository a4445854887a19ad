"""Layers: found, made once, pruned; scratch space and locks. No root is made: a fake maker is."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debwright.host import process
from debwright.model import manifest as manifests
from debwright.model.errors import DebwrightError, MissingError
from debwright.roots import downloads
from debwright.roots.cache import Cache, default_cache, hold_shared, tree_size, try_lock
from debwright.roots.store import Layer, LayerStore, Made, Request


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.prepare()
    return made


def maker(packages: tuple[str, ...] = ("a:amd64=1",), size: int = 0) -> Callable[[Path], Made]:
    def make(scratch: Path) -> Made:
        tree = scratch / "tree"
        tree.mkdir()
        (tree / "file").write_bytes(b"x" * size)
        return Made(tree, packages, {})

    return make


def request(name: str = "base", parent: Layer | None = None, **more: object) -> Request:
    age = more.pop("max_age_days", None)
    assert age is None or isinstance(age, int | float)
    return Request(name, "bookworm-amd64", dict(more), parent, max_age_days=age)


def aged(layer: Layer, days: float) -> None:
    path = layer.path / "manifest.json"
    document = json.loads(path.read_text())
    document["created"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    path.write_text(json.dumps(document))


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def never(_: Path) -> Made:
    raise AssertionError("made again")


def test_a_layer_is_made_once_and_then_found(cache: Cache) -> None:
    store = LayerStore(cache)
    assert store.find(request()) == (None, "not made yet")
    layer, made = store.ensure(request(), maker())
    assert made
    assert (layer.tree / "file").exists()
    again, made = LayerStore(cache).ensure(request(), never)
    assert not made
    assert again.id == layer.id
    assert not list(cache.scratches.iterdir())


def test_other_inputs_or_another_parent_are_another_layer(cache: Cache) -> None:
    store = LayerStore(cache)
    base, _ = store.ensure(request(mirror="a"), maker())
    assert store.find(request(mirror="b"))[0] is None
    child, _ = store.ensure(request("build", base), maker(("a:amd64=1", "b:amd64=1")))
    assert child.chain() == [child, base]
    other, _ = store.ensure(request(mirror="b"), maker(("a:amd64=2",)))
    assert store.find(request("build", other))[0] is None


def test_the_same_packages_of_another_mirror_are_other_layers_all_the_way_up(
    cache: Cache,
) -> None:
    """A project's own mirror may have other bytes under every name and version."""
    store = LayerStore(cache)
    tops = []
    for mirror in ("http://deb.debian.org/debian", "http://evil.example.org/debian"):
        base, _ = store.ensure(request(sources=[f"deb {mirror} bookworm main"]), maker())
        build, fresh = store.ensure(request("build", base, packages=["gcc"]), maker())
        assert fresh
        tops.append(build)
    assert tops[0].id != tops[1].id
    assert tops[0].path != tops[1].path


def test_an_old_base_says_how_old_it_is(cache: Cache) -> None:
    layer, _ = LayerStore(cache).ensure(request(max_age_days=7), maker())
    aged(layer, 9)
    found, reason = LayerStore(cache).find(request(max_age_days=7))
    assert found is None
    assert reason == "is 9 days old, 7 are allowed"


def test_made_anew_with_the_same_packages_only_the_date_changes(cache: Cache) -> None:
    layer, _ = LayerStore(cache).ensure(request(max_age_days=7), maker())
    aged(layer, 9)
    inode = layer.tree.stat().st_ino
    again, made = LayerStore(cache).ensure(request(max_age_days=7), maker())
    assert made
    assert again.path == layer.path
    assert again.tree.stat().st_ino == inode  # somebody may be using it
    assert LayerStore(cache).find(request(max_age_days=7))[0] is not None


def test_a_root_for_every_run_is_made_once_in_a_run(cache: Cache) -> None:
    """`max_age_days = 0`: build, boot and lintian of one run stand on one base."""
    store = LayerStore(cache)
    _, made = store.ensure(request(max_age_days=0), maker())
    assert made
    time.sleep(0.002)
    assert store.ensure(request(max_age_days=0), never)[1] is False
    assert LayerStore(cache).find(request(max_age_days=0))[0] is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', "\udcff"])
def test_a_manifest_that_cannot_be_read_is_no_layer(cache: Cache, content: str) -> None:
    layer, _ = LayerStore(cache).ensure(request(), maker())
    (layer.path / "manifest.json").write_text(content, errors="surrogateescape")
    assert manifests.read(layer.path / "manifest.json") is None
    assert LayerStore(cache).find(request())[0] is None
    assert LayerStore(cache).all() == []


def test_a_maker_that_fails_leaves_nothing(cache: Cache) -> None:
    def fails(scratch: Path) -> Made:
        (scratch / "half").mkdir()
        raise MissingError("mirror")

    with pytest.raises(MissingError):
        LayerStore(cache).ensure(request(), fails)
    assert not list(cache.scratches.iterdir())
    assert not list(cache.layers.glob("*/*"))


_MAKE = """
import sys, time
from pathlib import Path
from debwright.roots import downloads
from debwright.roots.cache import Cache
from debwright.roots.store import LayerStore, Made, Request
def make(scratch):
    print("made", flush=True)
    time.sleep(0.4)
    (scratch / "tree").mkdir()
    return Made(scratch / "tree", ("a:amd64=1",), {})
LayerStore(Cache(Path(sys.argv[1]))).ensure(Request("base", "bookworm-amd64", {}), make)
"""


def test_two_processes_never_make_one_layer_twice(cache: Cache) -> None:
    source = str(Path(process.__file__).parents[2])
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _MAKE, str(cache.root)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": source}, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    said = [child.communicate(timeout=30)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert "".join(said) == "made\n"


def test_waiting_for_a_lock_ends_when_debwright_shall_stop(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    def wait() -> None:
        try:
            with cache.lock("layer"):
                ended.append("got it")
        except process.Interrupted:
            ended.append("interrupted")

    with cache.lock("layer"):
        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        time.sleep(0.1)
        stopping = threading.Event()
        stopping.set()
        monkeypatch.setattr(process, "_stopping", stopping)
        thread.join(timeout=5)
        assert ended == ["interrupted"]


def test_waiting_for_another_debwright_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debwright.roots.cache.SILENT_SECONDS", 0.0)
    said: list[str] = []
    cache = Cache(tmp_path, said.append)
    script = (
        "import sys, time; from pathlib import Path; from debwright.roots.cache import Cache\n"
        f"with Cache(Path({str(tmp_path)!r})).lock('layer'): print('has it', flush=True); "
        "time.sleep(0.5)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "has it\n"
    with cache.lock("layer"):
        pass
    holder.communicate()
    (text,) = said
    assert text.startswith(f"waiting for process {holder.pid} (")
    assert text.endswith("which is making layer")


def test_threads_of_one_run_wait_for_each_other_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debwright.roots.cache.SILENT_SECONDS", 0.0)
    said: list[str] = []
    cache = Cache(tmp_path, said.append)

    def hold() -> None:
        with cache.lock("layer"):
            time.sleep(0.2)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == []


def test_heal_removes_only_what_has_no_owner(cache: Cache) -> None:
    dead = cache.scratches / "build-dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "upper").mkdir(mode=0)
    bare = cache.scratches / "build-bare"
    bare.mkdir()
    with cache.scratch("build") as mine:
        assert sorted(cache.heal()) == sorted([dead, bare])
        assert mine.is_dir()
    assert not list(cache.scratches.iterdir())


def test_heal_of_a_scratch_whose_lock_is_unreadable_leaves_it(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that root used, healed by an ordinary user: nothing is known of the owner."""
    other = cache.scratches / "build-other"
    other.mkdir()
    (other / "lock").touch()
    opened = os.open

    def denied(path: object, *rest: int, **more: int) -> int:
        if str(path).endswith("build-other/lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", denied)
    assert cache.heal() == []
    assert other.is_dir()


def test_two_healers_at_once_do_not_trip_over_each_other(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has removed the lock file already, and is still at the rest."""
    dead = cache.scratches / "build-dead"
    (dead / "deep").mkdir(parents=True)
    rmtree = shutil.rmtree

    def meanwhile(path: Path, **options: bool) -> None:
        rmtree(path)
        if not options.get("ignore_errors"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        if len(calls) == 0:
            path.mkdir()
        calls.append(path)

    calls: list[Path] = []
    monkeypatch.setattr(shutil, "rmtree", meanwhile)
    assert cache.heal() == [dead]


def test_the_owner_keeps_its_error_when_cleaning_up_fails(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(shutil, "rmtree", busy)
    before = open_files()
    with pytest.raises(KeyError), cache.scratch("build"):
        raise KeyError("the reason")
    assert open_files() == before


def test_a_cache_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MissingError) as caught:
        Cache(tmp_path / "file" / "cache").prepare()
    assert "XDG_CACHE_HOME" in str(caught.value.fix)


def test_the_cache_is_where_the_xdg_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/jo")
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/disk")
    assert default_cache() == Path("/big/disk/debwright")
    for ignored in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert default_cache() == Path("/home/jo/.cache/debwright")


def test_tree_size_counts_a_hard_link_once_and_follows_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("/usr")
    once = tree_size(tmp_path)
    assert 100_000 <= once < 200_000
    os.link(tmp_path / "a", tmp_path / "b")
    assert tree_size(tmp_path) == once
    assert tree_size(tmp_path / "gone") == 0


def family(store: LayerStore) -> tuple[Layer, Layer, Layer]:
    base, _ = store.ensure(request(), maker(size=1_000_000))
    build, _ = store.ensure(request("build", base), maker(("a", "b"), 1_000_000))
    deps, _ = store.ensure(request("builddeps", build), maker(("a", "b", "c"), 1_000_000))
    return base, build, deps


def test_pruning_by_age_takes_the_orphans_along(cache: Cache) -> None:
    store = LayerStore(cache)
    base, build, deps = family(store)
    aged(base, 30)
    assert store.prune(max_bytes=None, max_age_days=None) == []
    removed = store.prune(max_bytes=None, max_age_days=10)
    assert removed == [base.path, build.path, deps.path]
    assert not list(cache.layers.glob("*/*"))
    assert not list(cache.scratches.iterdir())


def test_what_is_in_use_is_not_pruned(cache: Cache) -> None:
    store = LayerStore(cache)
    base, build, deps = family(store)
    with build.in_use():
        assert store.prune(max_bytes=0, max_age_days=None) == [deps.path]
        assert base.tree.is_dir()
        assert build.tree.is_dir()


def test_pruning_by_size_takes_the_longest_unused_first(cache: Cache) -> None:
    store = LayerStore(cache)
    one, _ = store.ensure(request(n=1), maker(("a",), 1_000_000))
    two, _ = store.ensure(request(n=2), maker(("b",), 1_000_000))
    os.utime(one.path / "lock", (2_000, 2_000))
    os.utime(two.path / "lock", (1_000, 1_000))
    assert store.prune(max_bytes=1_500_000, max_age_days=None) == [two.path]
    with one.in_use():
        pass
    assert (one.path / "lock").stat().st_mtime > 1_000_000


def test_a_prune_that_is_killed_leaves_no_broken_layer(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LayerStore(cache)
    layer, _ = store.ensure(request(), maker(size=100_000))

    def killed(path: Path, **_: bool) -> None:
        (path / "tree" / "file").unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        store.prune(max_bytes=0, max_age_days=None)
    monkeypatch.undo()
    assert LayerStore(cache).find(request())[0] is None
    assert not layer.path.exists()
    cache.heal()
    assert not list(cache.scratches.iterdir())


def test_nobody_can_take_up_a_layer_while_it_is_being_removed(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LayerStore(cache)
    layer, _ = store.ensure(request(), maker(size=100_000))
    locked: list[bool] = []
    rmtree = shutil.rmtree

    def look(path: Path, ignore_errors: bool = False) -> None:
        with try_lock(path / "lock") as free:
            locked.append(not free)
        rmtree(path, ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", look)
    store.prune(max_bytes=0, max_age_days=None)
    assert locked == [True]
    with pytest.raises(DebwrightError, match="was just pruned"), layer.in_use():
        pass


def test_shared_holders_do_not_exclude_each_other(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold_shared(lock), hold_shared(lock), try_lock(lock) as free:
        assert not free
    with try_lock(lock) as free:
        assert free
        handle = os.open(lock, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(handle)


def download(cache: Cache, name: str, age: int) -> Path:
    path = cache.root / "debs/bookworm-amd64" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 500_000)
    os.utime(path, (age, age))
    return path


def test_downloads_count_and_go_before_layers(cache: Cache) -> None:
    store = LayerStore(cache)
    layer, _ = store.ensure(request(), maker(("a",), 1_000_000))
    old, new = download(cache, "old.deb", 1_000), download(cache, "new.deb", 2_000)
    half_written = download(cache, ".part.deb", 500)
    enough = downloads.shrink(store, 10_000_000)
    assert (enough.layers, enough.downloads) == ((), 0)
    assert enough.left > 1_000_000
    shrunk = downloads.shrink(store, 1_700_000)
    assert shrunk.layers == ()
    assert shrunk.downloads >= 500_000
    assert (old.exists(), new.exists(), half_written.exists()) == (False, True, True)
    assert downloads.shrink(store, 0).layers == (layer.path,)
    assert not new.exists()


def test_layers_do_not_push_out_what_took_minutes_to_compile(cache: Cache) -> None:
    """The cache is full of layers sooner or later; every wheel was compiled anew then."""
    store = LayerStore(cache)
    for name in ("first", "second"):
        store.ensure(request(name), maker((name,), 4_000_000))
    wheel = cache.root / "wheelhouse/compiled/0123/x-1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    wheel.write_bytes(b"x" * 500_000)
    os.utime(wheel, (1, 1))
    fetched = download(cache, "new.deb", 2_000)
    shrunk = downloads.shrink(store, 6_000_000)
    assert len(shrunk.layers) == 1
    assert (wheel.exists(), fetched.exists()) == (True, True)
    downloads.shrink(store, 3_000_000)
    assert (wheel.exists(), fetched.exists()) == (True, False), "what can be fetched goes first"
