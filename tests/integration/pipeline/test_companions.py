"""A product and the data package it needs: built together, checked together, published together."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import PROJECTS, Debwright, Run

from debwright.config import Config
from debwright.isolation.namespaces import Bind
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway

pytestmark = pytest.mark.minutes(0.2)

DATA = ("lexicon-data_3.1_all.deb", "lexicon-extra_3.1_all.deb")


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Debwright, Run]]:
    directory = tmp_path_factory.mktemp("lexicon") / "work"
    shutil.copytree(PROJECTS / "lexicon", directory)
    debwright = Debwright(directory / "lexicon")
    yield debwright, debwright("-v", "run")


def test_what_is_depended_on_and_recommended_is_installed_with_the_product(
    lexicon: tuple[Debwright, Run],
) -> None:
    _, run = lexicon
    assert run.code == 0, run.said[-4000:]
    report = run.report()
    for target in report["targets"]:
        checks = {c["name"]: c["status"] for c in target["checks"]}
        assert checks["smoke"] == "passed", "one command reads each companion's file"
    (companion,) = report["companions"]
    assert (companion["target"], companion["root"]) == ("lexicon-data", "bookworm-amd64")
    checks = {c["name"]: c["status"] for c in companion["checks"]}
    assert checks["install"] == checks["lintian"] == checks["purge"] == "passed"


def test_one_file_serves_every_suite(lexicon: tuple[Debwright, Run]) -> None:
    _, run = lexicon
    pool = sorted((run.dist / "apt/pool").rglob("*.deb"))
    assert sorted(p.name for p in pool if p.name in DATA) == list(DATA)
    for suite in ("bookworm", "trixie"):
        index = (run.dist / f"apt/dists/{suite}/main/binary-amd64/Packages").read_text()
        for name in DATA:
            assert f"Filename: pool/main/l/lexicon-data/{name}" in index
        sources = (run.dist / f"apt/dists/{suite}/main/source/Sources").read_text()
        assert "Package: lexicon-data" in sources


def test_companions_are_in_the_checksums(lexicon: tuple[Debwright, Run]) -> None:
    _, run = lexicon
    lines = (run.dist / "1.2/SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    home = "companions/lexicon-data/bookworm-amd64"
    for name in (*DATA, "lexicon-data_3.1.dsc", "lexicon-data_3.1.tar.xz"):
        content = (run.dist / "1.2" / home / name).read_bytes()
        assert sums[f"{home}/{name}"] == hashlib.sha256(content).hexdigest()


def test_apt_installs_both_from_the_published_repository(lexicon: tuple[Debwright, Run]) -> None:
    _, run = lexicon
    cache = Cache(default_cache())
    cache.prepare()
    layer = Roots(cache, Config()).boot(Target("bookworm", "amd64"))
    sources = run.report()["apt_sources"]
    repository = (run.dist / "apt").resolve()
    with throwaway(cache, layer, "test") as overlay:
        bind = Bind(source=repository, target=str(repository))
        with opened(overlay, network=False, binds=[bind]) as inside:
            place = "/etc/apt/sources.list.d/lexicon.sources"
            inside.run(
                ["sh", "-c", f"rm /etc/apt/sources.list; cat > {place}"],
                stdin=sources.split("\n\n")[0] + "\n",
            )
            inside.run(["apt-get", "-q", "update", "--error-on=any"], merge=True)
            inside.run(["apt-get", "install", "-y", "-q", "lexicon"],
                       env={"DEBIAN_FRONTEND": "noninteractive"}, merge=True)  # fmt: skip
            assert "what a bird flies with" in inside.run(["lexicon", "wing"]).output
            assert "small feathers" in inside.run(["lexicon", "alula"]).output


def test_nothing_changed_nothing_done(lexicon: tuple[Debwright, Run]) -> None:
    debwright, _ = lexicon
    report = debwright("run").report()
    parts = report["companions"] + report["targets"]
    stages = report["stages"] + [s for p in parts for s in p["stages"]]
    assert {s["status"] for s in stages} == {"cached"}, stages


def test_a_new_version_of_the_product_builds_no_companion_again(
    lexicon: tuple[Debwright, Run],
) -> None:
    debwright, first = lexicon
    changelog = debwright.directory / "debian/changelog"
    text = changelog.read_text()
    changelog.write_text(text.replace("(1.2)", "(1.3)"))
    try:
        plan = json.loads(debwright("--json", "plan").output)
        assert plan["companions"][0]["version"] == "3.1"
        run = debwright("run", "-t", "bookworm-*")
        assert run.code == 0, run.said[-3000:]
        report = json.loads((run.dist / "1.3/report.json").read_text())
        (companion,) = report["companions"]
        assert {s["status"] for s in companion["stages"]} == {"cached"}
        (target,) = report["targets"]
        assert target["stages"][0]["status"] == "passed"
        for name in DATA:
            paths = [first.dist / v / "companions/lexicon-data/bookworm-amd64" / name
                     for v in ("1.2", "1.3")]  # fmt: skip
            assert paths[0].read_bytes() == paths[1].read_bytes()
    finally:
        changelog.write_text(text)


def test_a_product_is_not_built_when_its_companion_fails(tmp_path: Path) -> None:
    shutil.copytree(PROJECTS / "lexicon", tmp_path / "work")
    (tmp_path / "work/lexicon-data/debian/lexicon-extra.install").write_text("none usr/share/x\n")
    run = Debwright(tmp_path / "work/lexicon")("run")
    assert run.code == 3, run.said[-3000:]
    report = run.report()
    assert {s["reason"] for t in report["targets"] for s in t["stages"]} == {
        "its companion lexicon-data failed"
    }
    assert report["stages"][-1]["status"] == "skipped", "nothing is published"
    assert not (run.dist / "apt").exists()
