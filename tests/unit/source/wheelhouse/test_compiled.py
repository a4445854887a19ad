"""Compiled wheels in the cache: what names them, what is lent, what a failure says."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.build import wheels
from debwright.build.binary import PackageBuildError
from debwright.build.log import BuildLog
from debwright.build.wheels import Root, ToolMissing, Wheel, find, key_of, lend
from debwright.host.files import sha256_file
from debwright.model.errors import BuildError
from debwright.model.manifest import Manifest
from debwright.model.targets import Strategy, Target
from debwright.roots.cache import Cache
from debwright.roots.store import Layer
from debwright.source.package import SourcePackage
from debwright.source.wheelhouse import component
from debwright.source.wheelhouse.carried.helper import lent
from debwright.source.wheelhouse.carried.helper.manifest import Entry
from debwright.source.wheelhouse.carry import Carried, carried


def a_root(*packages: str, arch: str = "amd64", strategy: Strategy = Strategy.NATIVE) -> Root:
    manifest = Manifest(
        name="builddeps", target="bookworm-amd64", parent=None, inputs={"day": len(packages)},
        packages=packages, mirror={"InRelease": "x"}, created=datetime.now(UTC),
    )  # fmt: skip
    return Root(
        target=Target("bookworm", arch), python="3.11", strategy=strategy,
        layer=Layer(Path("l"), manifest),
    )  # fmt: skip


def an_item(name: str, kind: str, use: str = "run") -> dict[str, object]:
    return {
        "name": name, "version": "1", "file": f"{name}-1.tar.gz", "sha256": name[0] * 64,
        "kind": kind, "use": use, "interpreters": ["amd64/3.11", "arm64/3.11"],
    }  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Carried:
    """The wheelhouse of a source package, read back from its tarball."""
    items = [
        an_item("frame", "sdist"),
        an_item("words", "wheel"),
        an_item("tool", "wheel", "build"),
    ]
    tables = {"frame": {"environment": {"X": "1"}, "arch": {"arm64": {"environment": {"X": "2"}}}}}
    tarball = tmp_path / "a_1.orig-wheelhouse.tar.gz"
    component.write(component.manifest_text(items, tables), [], tarball)
    found = carried(a_source(tarball))
    assert found is not None
    return found


def a_source(*files: Path) -> SourcePackage:
    return SourcePackage(
        dsc=Path("a.dsc"), name="a", version="1-1", files=files,
        architectures=frozenset({"any"}), binaries=("a",),
    )  # fmt: skip


def test_what_a_source_package_carries(house: Carried, tmp_path: Path) -> None:
    assert [s.name for s in house.to_compile("amd64/3.11")] == ["frame"]
    assert house.to_compile("amd64/3.13") == []
    assert house.tools == ("t" * 64,)
    assert house.settings("frame", "arm64").environment == {"X": "2"}
    assert carried(a_source()) is None
    other = tmp_path / "b_1.orig-wheelhouse.tar.gz"
    other.write_bytes(b"\x1f\x8b not one of ours")
    assert carried(a_source(other)) is None


def test_the_key_is_of_all_that_goes_into_a_wheel(house: Carried) -> None:
    (sdist,) = house.sdists
    root = a_root("gcc:amd64=12")
    keys = {
        key_of(house, sdist, root),
        key_of(house, replace(sdist, sha256="0" * 64), root),
        key_of(house, sdist, a_root("gcc:amd64=13")),
        key_of(house, sdist, a_root("gcc:amd64=12", arch="arm64")),
        key_of(house, sdist, a_root("gcc:amd64=12", strategy=Strategy.CROSS)),
        key_of(house, sdist, replace(root, python="3.13")),
        key_of(replace(house, compile={}), sdist, root),
        key_of(replace(house, tools=()), sdist, root),
    }
    assert len(keys) == 8
    renewed = root.layer.manifest.model_copy(update={"mirror": {"InRelease": "y"}})
    again = replace(root, layer=replace(root.layer, manifest=renewed))
    assert key_of(house, sdist, again) == key_of(house, sdist, root), "a new day, the same packages"


def a_base(root: Root, *sources: str, keys: str = "k", day: int = 1) -> Root:
    base = Manifest(
        name="base", target="bookworm-amd64", parent=None,
        inputs={"sources": list(sources), "keys": [keys]}, packages=root.layer.manifest.packages,
        created=datetime(2026, 1, day, tzinfo=UTC),
    )  # fmt: skip
    return replace(root, layer=replace(root.layer, parent=Layer(Path("b"), base)))


def test_a_compiler_of_another_archive_is_another_one(house: Carried) -> None:
    """A mirror of a project's own may have what it likes under every name and version."""
    (sdist,) = house.sdists
    root = a_root("gcc:amd64=12")
    good = a_base(root, "deb http://deb.debian.org/debian bookworm main")
    hostile = [
        a_base(root, "deb http://evil.example.org/debian bookworm main"),
        a_base(root, "deb http://deb.debian.org/debian bookworm main", keys="other"),
        a_base(root, "deb [trusted=yes] http://deb.debian.org/debian bookworm main"),
        a_base(root, "deb [trusted=yes] http://deb.debian.org/debian bookworm main", day=2),
    ]
    assert len({key_of(house, sdist, r) for r in (good, *hostile)}) == 5
    tomorrow = a_base(root, "deb http://deb.debian.org/debian bookworm main", day=2)
    assert key_of(house, sdist, tomorrow) == key_of(house, sdist, good)


def a_wheel(cache: Cache, house: Carried, key: str) -> Path:
    home = cache.root / "wheelhouse/compiled" / key
    home.mkdir(parents=True)
    path = home / "frame-1-py3-none-linux_x86_64.whl"
    path.write_bytes(b"wheel")
    wheel = Wheel(
        name="frame", version="1", sdist="f" * 64, arch="amd64",
        settings=house.settings("frame", "amd64").digest(), python=None, file=path.name,
        sha256=sha256_file(path), size=5, how="native", suite="bookworm", seconds=1.0,
        cpu_seconds=1.0,
    )  # fmt: skip
    (home / "wheel.json").write_text(wheel.model_dump_json())
    return path


def test_what_is_lent_is_what_the_helper_finds(
    house: Carried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    assert find(cache, "k") is None
    a_wheel(cache, house, "k")
    made = find(cache, "k")
    assert made is not None and not made.fresh
    bind = lend([made], tmp_path / "lent")
    assert bind.read_only and bind.target == wheels.LENT
    monkeypatch.setenv(lent.VARIABLE, str(bind.source))
    entry = Entry("frame", "1", "f", "f" * 64, "sdist", "run", frozenset(), tmp_path)
    found = lent.find(entry, "amd64", "3.13", house.settings("frame", "amd64"))
    assert found is not None and found.read_bytes() == b"wheel"


def test_a_wheel_that_changed_in_the_cache_is_compiled_again(
    house: Carried, tmp_path: Path
) -> None:
    cache = Cache(tmp_path)
    path = a_wheel(cache, house, "k")
    path.write_bytes(b"other")
    assert find(cache, "k") is None
    (path.parent / "wheel.json").write_text("{")
    assert find(cache, "k") is None


@pytest.mark.parametrize(
    ("line", "fix", "tool"),
    [
        ("error: invalid command 'bdist_wheel'", "python3-wheel", True),
        ("ModuleNotFoundError: No module named 'scikit_build_core'", "build_lock", True),
        ("x.c:1:10: fatal error: Python.h: No such file or directory", "libpython3-dev", False),
        ("x.c:1:10: fatal error: png.h: No such file or directory", "-dev package", False),
        ("CMake Error: Could not find cmake", "Build-Depends", True),
        ("ld: undefined reference to `add'", "debwright shell bookworm-arm64", False),
    ],
)
def test_a_failure_says_what_would_help(
    house: Carried, tmp_path: Path, line: str, fix: str, tool: bool
) -> None:
    root = a_root(arch="arm64", strategy=Strategy.CROSS)
    with BuildLog(tmp_path / "build.log") as log:
        log("error: of something before")
        first = log.lines + 1
        log("aarch64-linux-gnu-gcc -c x.c")
        log(line)
        log(f"wheelhouse:   | {line}")
        error = wheels._explain(house.sdists[0], root, log, first)
    assert isinstance(error, BuildError)
    assert error.exit_code == 3
    assert fix in (error.fix or "")
    assert isinstance(error, ToolMissing) is tool
    assert [(e.text, e.line) for e in error.evidence] == [(line, 3)]


def test_a_full_disk_is_no_fault_of_the_sdist(house: Carried, tmp_path: Path) -> None:
    """It would be compiled under emulation, and that wheel kept for ever."""
    said = "/tmp/cc1.s: fatal error: error writing: No space left on device"
    with BuildLog(tmp_path / "build.log") as log:
        log(said)
        error = wheels._explain(house.sdists[0], a_root(), log, 1)
    assert not isinstance(error, PackageBuildError)
    assert error.exit_code == 5
    assert error.fix == "debwright cache prune"
    assert [(e.text, e.line) for e in error.evidence] == [(said, 1)]
