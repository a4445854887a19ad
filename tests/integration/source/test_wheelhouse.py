"""A package that carries its Python distributions, built for two architectures and two suites."""

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import PROJECTS, Debwright, Run
from tests.kit.wheels import FRAME, Index, abacus_index

pytestmark = pytest.mark.minutes(0.3)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Debwright, Index, Run]]:
    """abacus built for all its targets from an index in a directory."""
    home = tmp_path_factory.mktemp("wheelhouse")
    debwright, index = prepared(home)
    yield debwright, index, debwright("build")


def prepared(home: Path) -> tuple[Debwright, Index]:
    shutil.copytree(PROJECTS / "abacus", home / "abacus")
    index = abacus_index(home / "index")
    configure(home / "abacus", index)
    return Debwright(home / "abacus"), index


def configure(directory: Path, index: Index) -> None:
    (directory / "requirements.lock").write_text(index.lock())
    path = directory / "debwright.toml"
    path.write_text(
        path.read_text().replace("[wheelhouse]\n", f'[wheelhouse]\nindex = "{index.url}"\n')
    )


def contents(deb: Path) -> dict[str, str]:
    """Path to mode of the package's files."""
    listing = subprocess.run(
        ["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 5) for line in listing.splitlines()]
    return {row[5].removeprefix("./"): row[0] for row in rows if not row[5].endswith("/")}


def the_deb(run: Run, target: str) -> Path:
    (deb,) = run.dist.glob(f"*/{target}/abacus_*.deb")
    return deb


def wheels(run: Run, target: str) -> dict[str, dict[str, Any]]:
    (build,) = [s for s in run.target(target)["stages"] if s["stage"] == "build"]
    return {w["name"]: w for w in build["details"]["wheels"]}


def library(deb: Path, name: str, directory: Path) -> bytes:
    subprocess.run(["dpkg-deb", "-x", deb, directory], check=True)
    (found,) = directory.glob(f"usr/lib/abacus/**/{name}")
    return found.read_bytes()


def test_every_target_builds_with_what_it_carries(built: tuple[Debwright, Index, Run]) -> None:
    _, _, run = built
    assert run.code == 0, run.said[-4000:]
    lib = "usr/lib/abacus"
    for target, beads in (
        ("bookworm-amd64", "_abacus_beads.cpython-311-x86_64-linux-gnu.so"),
        ("bookworm-arm64", "_abacus_beads.cpython-311-aarch64-linux-gnu.so"),
        ("trixie-amd64", "_abacus_beads.cpython-313-x86_64-linux-gnu.so"),
    ):
        found = contents(the_deb(run, target))
        assert f"{lib}/{beads}" in found, target
        assert f"{lib}/abacus_frame/libframe.so" in found
        assert f"{lib}/abacus_words/__init__.py" in found
        assert not [p for p in found if "/tests/" in p or "/include/" in p or "RECORD" in p]
        outside = [p for p in found if not p.startswith((lib, "usr/share/doc", "usr/bin"))]
        assert not outside, "nothing outside the package's own directories"


def test_one_compilation_serves_all_suites_that_it_can(
    built: tuple[Debwright, Index, Run], tmp_path: Path
) -> None:
    _, _, run = built
    old, new = wheels(run, "bookworm-amd64"), wheels(run, "trixie-amd64")
    assert old["abacus-frame"]["suite"] == new["abacus-frame"]["suite"] == "bookworm"
    assert old["abacus-frame"]["python"] is None
    assert new["abacus-beads"]["suite"] == "trixie", "it is bound to its Python"
    assert new["abacus-beads"]["python"] == "3.13"
    cross = wheels(run, "bookworm-arm64")
    assert {w["how"] for w in cross.values()} == {"cross"}
    frames = [
        library(the_deb(run, t), "libframe.so", tmp_path / t)
        for t in ("bookworm-amd64", "trixie-amd64", "bookworm-arm64")
    ]
    assert frames[0] == frames[1] != frames[2]
    assert frames[2][18] == 183, "e_machine of AArch64"


def test_the_component_is_one_file_for_all_suites(built: tuple[Debwright, Index, Run]) -> None:
    _, index, run = built
    tarballs = list(run.dist.glob("*/source/*/abacus_1.0.orig-wheelhouse.tar.gz"))
    assert len(tarballs) == 2
    assert len({hashlib.sha256(t.read_bytes()).hexdigest() for t in tarballs}) == 1
    with tarfile.open(tarballs[0]) as tar:
        member = tar.extractfile("wheelhouse/manifest.json")
        assert member is not None
        manifest = json.load(member)
    by_name = {f["name"]: f for f in manifest["files"]}
    assert by_name["abacus-words"]["licence"] == "MIT"
    assert by_name["abacus-words"]["purl"] == "pkg:pypi/abacus-words@1.0"
    assert by_name["abacus-frame"]["interpreters"] == ["amd64/3.11", "amd64/3.13", "arm64/3.11"]
    assert str(index.directory) not in json.dumps(manifest), "no path of this machine"


def test_nothing_changed_nothing_done_then_a_new_lock(
    built: tuple[Debwright, Index, Run],
) -> None:
    debwright, index, _ = built
    again = debwright("build", "-t", "bookworm-amd64")
    assert again.code == 0, again.said[-2000:]
    stages = again.target("bookworm-amd64")["stages"] + again.report()["stages"]
    assert {s["status"] for s in stages if s["stage"] in ("source", "build")} == {"cached"}
    index.add_sdist("abacus-frame", "1.1", FRAME)
    lock = debwright.directory / "requirements.lock"
    kept = [p for p in index.files if p != "abacus-frame==1.0"]
    lock.write_text(Index(index.directory, {p: index.files[p] for p in kept}).lock())
    changed = debwright("build", "-t", "bookworm-amd64")
    assert changed.code == 0, changed.said[-2000:]
    made = wheels(changed, "bookworm-amd64")
    assert made["abacus-frame"]["version"] == "1.1" and not made["abacus-frame"]["cached"]
    assert made["abacus-beads"]["cached"], "what has not changed is not compiled again"


def test_the_source_package_builds_without_debwright(
    built: tuple[Debwright, Index, Run], tmp_path: Path
) -> None:
    """Plain dpkg-buildpackage compiles itself, elsewhere, and packs the very same libraries."""
    from debwright.build.binary import SOURCES
    from debwright.build.depends import BuildPlan, build_dependencies
    from debwright.config import Config
    from debwright.isolation.namespaces import Bind
    from debwright.model.targets import Strategy, Target
    from debwright.roots.cache import Cache, default_cache
    from debwright.roots.layers import Roots
    from debwright.roots.overlay import opened, throwaway
    from debwright.source.make import read_dsc

    _, _, run = built
    (dsc,) = run.dist.glob("*/source/bookworm/*.dsc")
    target = Target("bookworm", "amd64")
    cache = Cache(default_cache())
    cache.prepare()
    plan = BuildPlan(source="abacus", target=target, strategy=Strategy.NATIVE, machine=target,
                     with_all=False, with_any=True)  # fmt: skip
    layer = build_dependencies(Roots(cache, Config()), read_dsc(dsc), plan)
    with throwaway(cache, layer, "plain") as overlay:
        bind = Bind(source=dsc.parent, target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            tree = "/root/some/where"
            inside.run(["mkdir", "-p", "/root/some"])
            inside.run(["dpkg-source", "--no-check", "-x", f"{SOURCES}/{dsc.name}", tree])
            inside.run(
                ["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=tree,
                env={"DEB_BUILD_OPTIONS": "parallel=1 nocheck", "TZ": "Asia/Tokyo"},
            )  # fmt: skip
        (plain,) = (overlay.upper / "root/some").glob("abacus_*.deb")
        ours = the_deb(run, "bookworm-amd64")
        for name in ("libframe.so", "_abacus_beads.*.so"):
            here, there = library(ours, name, tmp_path / "a"), library(plain, name, tmp_path / "b")
            assert here == there, name


def test_an_sdist_that_does_not_compile(tmp_path: Path) -> None:
    debwright, _ = prepared(tmp_path)
    path = debwright.directory / "debwright.toml"
    text = path.read_text().replace("-DRODS=7", "-DNORODS=7")
    path.write_text(text.replace(', "bookworm-arm64", "trixie-amd64"', ""))
    run = debwright("build")
    assert run.code == 3
    (finding,) = run.findings()
    assert finding["code"] == "wheelhouse/compile"
    assert "abacus-frame 1.0 did not compile for amd64" in finding["message"]
    lines = [e["text"] for e in finding["evidence"]]
    assert any("RODS is not defined" in line for line in lines), lines
    log = next(run.dist.glob("*/bookworm-amd64/build.log")).read_text().splitlines()
    for evidence in finding["evidence"]:
        assert evidence["text"] in log[evidence["line"] - 1]


@pytest.mark.parametrize("problem", ["hash", "no-hash", "unreachable", "no-wheel"])
def test_what_can_be_wrong_before_a_build(tmp_path: Path, problem: str) -> None:
    debwright, index = prepared(tmp_path)
    lock = debwright.directory / "requirements.lock"
    config = debwright.directory / "debwright.toml"
    expected = {"hash": 3, "no-hash": 2, "unreachable": 5, "no-wheel": 3}[problem]
    if problem == "hash":
        with next(index.directory.glob("abacus-words/*.whl")).open("ab") as file:
            file.write(b"tampered")
    elif problem == "no-hash":
        lock.write_text("abacus-words==1.0\n")
    elif problem == "unreachable":
        config.write_text(config.read_text().replace(index.url, "http://127.0.0.1:9/simple"))
    else:
        index.add(
            "abacus-only", "1.0", "abacus_only-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", b""
        )
        lock.write_text(index.lock())
    run = debwright("build", "-t", "bookworm-amd64", env={"XDG_CACHE_HOME": str(cache(tmp_path))})
    assert run.code == expected, run.said
    words = {
        "hash": "is not the file that was locked",
        "no-hash": "abacus-words has no SHA-256",
        "unreachable": "the package index could not be read",
        "no-wheel": "abacus-only 1.0 has no wheel for Python 3.13 on amd64",
    }
    assert words[problem] in run.said
    assert "Traceback" not in run.said


def cache(tmp_path: Path) -> Path:
    """A cache whose roots are everybody's, and whose wheelhouse is its own."""
    from debwright.roots.cache import default_cache

    own = tmp_path / "cache/debwright"
    own.mkdir(parents=True)
    for name in ("layers", "debs", "locks"):
        (default_cache() / name).mkdir(parents=True, exist_ok=True)
        (own / name).symlink_to(default_cache() / name)
    return own.parent
