"""What a lock names is fetched once, checked, and packed; the helper unpacks it in the build."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kit.npm import Made, package_lock, registry

from debwright.config import Config
from debwright.host.retry import RetryPolicy
from debwright.pipeline.plan import carried_of
from debwright.roots.cache import Cache
from debwright.source.carriers.npm import fetch
from debwright.source.carriers.npm.model import NpmError, RegistryUnreachable
from debwright.source.carriers.npm.prepare import Packed, wish

ROOT = Made(
    name="greet", files={"cli.js": "#!/usr/bin/env node\n", ".eslintrc": "{}", "lib.js": "1\n"},
    more={"bin": "./cli.js", "engines": {"node": ">=14"}, "license": "MIT"},
)  # fmt: skip
INNER = Made(name="@s/inner", version="2.0.0-rc.1")
TOOL = Made(name="tool", more={"dev": True})
X64 = Made(name="tool-x64", more={"optional": True, "os": ["linux"], "cpu": ["x64"]})
ARM = Made(name="tool-arm64", more={"optional": True, "os": ["linux"], "cpu": ["arm64"]})
MAC = Made(name="tool-mac", more={"optional": True, "os": ["darwin"]})
MUSL = Made(name="tool-linux-x64-musl", more={"optional": True, "os": ["linux"], "cpu": ["x64"]})
ALL = (ROOT, INNER, TOOL, X64, ARM, MAC, MUSL)
PLACES: Mapping[str, Made] = {
    "greet": ROOT, "greet/node_modules/@s/inner": INNER, "tool": TOOL, "tool-x64": X64,
    "tool-arm64": ARM, "tool-mac": MAC, "tool-linux-x64-musl": MUSL,
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetch, "POLICY", RetryPolicy(attempts=2, first_pause=0.01))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "cache")
    made.prepare()
    return made


def project(home: Path, lock: str) -> Path:
    home.mkdir(exist_ok=True)
    (home / "package.json").write_text(json.dumps({"name": "p", "dependencies": {"greet": "1"}}))
    (home / "package-lock.json").write_text(lock)
    return home


def packed(home: Path, url: str, cache: Cache, arches: Sequence[str] = ("amd64",)) -> Packed:
    asked = wish(home, "package-lock.json", arches, url)
    return asked.packed(cache, note=lambda _: None, activity=lambda _: None)


def test_a_component_is_fetched_once_and_has_no_address_in_it(tmp_path: Path, cache: Cache) -> None:
    home = project(tmp_path / "p", package_lock(PLACES))
    with registry(ALL) as (url, asked):
        first = packed(home, url, cache)
        again = packed(home, url, cache)
    assert first.carried.component == again.carried.component
    paths = [path for path, _ in asked]
    assert sorted(paths) == sorted({p.path for p in (ROOT, INNER, TOOL, X64, ARM)})
    with tarfile.open(first.carried.component.tarball) as tar:
        names = tar.getnames()
        manifest = tar.extractfile("npm-tarballs/manifest.json")
        assert manifest is not None
        text = manifest.read().decode()
    assert "npm-tarballs/files/s+inner-2.0.0-rc.1.tgz" in names
    assert "127.0.0.1" not in text
    (item,) = [i for i in first.items if i["name"] == "greet"]
    assert (item["engines"], item["licence"], item["purl"]) == (
        ">=14",
        "MIT",
        "pkg:npm/greet@1.0.0",
    )


def test_another_cache_makes_the_same_bytes(tmp_path: Path, cache: Cache) -> None:
    home = project(tmp_path / "p", package_lock(PLACES))
    other = Cache(tmp_path / "other")
    other.prepare()
    with registry(ALL) as (url, _):
        one, two = (packed(home, url, c).carried.component for c in (cache, other))
    assert one.sha256 == two.sha256


def test_a_tarball_with_another_hash_is_refused(tmp_path: Path, cache: Cache) -> None:
    home = project(tmp_path / "p", package_lock({"greet": ROOT}))
    forged = replace(ROOT, files={"lib.js": "steal()"})
    with registry([forged]) as (url, _), pytest.raises(NpmError) as caught:
        packed(home, url, cache)
    assert caught.value.code == "npm/hash"
    assert not list((cache.root / "carried").rglob("*.tgz"))


def test_a_registry_without_the_package_is_the_environment_s_fault(
    tmp_path: Path, cache: Cache
) -> None:
    home = project(tmp_path / "p", package_lock({"greet": ROOT}))
    with registry([]) as (url, _), pytest.raises(RegistryUnreachable, match="greet"):
        packed(home, url, cache)


def test_what_a_lock_leaves_out_is_asked_of_the_registry(tmp_path: Path, cache: Cache) -> None:
    """Yarn 2 has hashes of its own archives only, yarn 1 no platforms."""
    home = project(tmp_path / "p", package_lock({}))
    (home / "package-lock.json").write_text(json.dumps({"lockfileVersion": 1, "dependencies": {
        "greet": {"version": "1.0.0"},
        "tool-mac": {"version": "1.0.0", "optional": True, "integrity": MAC.integrity},
    }}))  # fmt: skip
    with registry(ALL) as (url, asked):
        found = packed(home, url, cache)
        packed(home, url, cache)
    assert [i["name"] for i in found.items] == ["greet"]
    assert [path for path, _ in asked].count("/greet/1.0.0") == 1


def test_the_table_npm_asks_for_it(tmp_path: Path) -> None:
    home = project(tmp_path / "p", package_lock(PLACES))
    config = Config.model_validate({"npm": {"lock": "package-lock.json"}})
    (asked,) = carried_of(config, home)
    (home / "package-lock.json").write_text(package_lock({"greet": ROOT}))
    (other,) = carried_of(config, home)
    assert asked.digest != other.digest


def unpacked(component: Path, work: Path, *options: str) -> subprocess.CompletedProcess[str]:
    with tarfile.open(component) as tar:
        tar.extractall(work)  # noqa: S202 - it was made here
    helper = work / "npm-tarballs/npm_tarballs.py"
    return subprocess.run(
        [sys.executable, "-I", str(helper), *options], cwd=work, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def component(tmp_path: Path, cache: Cache) -> Path:
    home = project(tmp_path / "p", package_lock(PLACES))
    with registry(ALL) as (url, _):
        return packed(home, url, cache).carried.component.tarball


def test_what_runs_is_unpacked_for_one_architecture(component: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    done = unpacked(component, work, "install", "--arch", "arm64", "--target", "out")
    assert done.returncode == 0, done.stderr
    modules = work / "out/node_modules"
    assert sorted(p.name for p in modules.iterdir()) == [".bin", "greet", "tool-arm64"]
    assert (modules / "greet/node_modules/@s/inner/package.json").is_file()
    assert (modules / ".bin/greet").resolve() == modules / "greet/cli.js"
    # All files of the tarball are marked as programs, as npm's own are; one is.
    assert (modules / "greet/cli.js").stat().st_mode & 0o111
    assert not (modules / "greet/lib.js").stat().st_mode & 0o111
    assert not (modules / "greet/.eslintrc").exists()


def test_the_build_has_its_tools(component: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert not unpacked(
        component, work, "install", "--arch", "amd64", "--dev", "--target", "."
    ).returncode
    names = {p.name for p in (work / "node_modules").iterdir()}
    assert names == {".bin", "greet", "tool", "tool-x64"}
    assert (work / "node_modules/greet/.eslintrc").is_file()


def test_the_helper_refuses_a_file_that_was_changed(component: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert not unpacked(component, work, "verify").returncode
    (work / "npm-tarballs/files/greet-1.0.0.tgz").write_bytes(b"other")
    helper = work / "npm-tarballs/npm_tarballs.py"
    done = subprocess.run(
        [sys.executable, str(helper), "verify"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "greet-1.0.0.tgz is not the file" in done.stderr


@pytest.mark.parametrize("name", ["../../evil", "x/../../evil"])
def test_a_tarball_cannot_write_elsewhere(name: str, tmp_path: Path, cache: Cache) -> None:
    bad = Made(name="bad", files={name: "x"})
    home = project(tmp_path / "p", package_lock({"bad": bad}))
    with registry([bad]) as (url, _):
        component = packed(home, url, cache).carried.component.tarball
    done = unpacked(component, tmp_path / "work", "install", "--arch", "amd64", "--target", "out")
    assert done.returncode == 1
    assert "leads elsewhere" in done.stderr
    assert not list(tmp_path.rglob("evil"))


def test_a_program_cannot_be_outside_of_its_package(tmp_path: Path, cache: Cache) -> None:
    bad = Made(name="bad", more={"bin": {"ok": "../../../../outside", "../x": "package.json"}})
    home = project(tmp_path / "p", package_lock({"bad": bad}))
    with registry([bad]) as (url, _):
        component = packed(home, url, cache).carried.component.tarball
    work = tmp_path / "work"
    assert not unpacked(component, work, "install", "--arch", "amd64", "--target", "out").returncode
    assert not (work / "out/node_modules/.bin").exists()
