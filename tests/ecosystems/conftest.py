"""From a project as its author has it to its package, with no file edited by hand."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from debwright.config import Config
from debwright.host.machine import host_arch
from debwright.isolation.namespaces import Bind
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway
from tests.integration.conftest import Debwright, Run

Packaged = Callable[..., Run]
Unpacked = Callable[[str], Path]
WHO = {"NAME": "Ada Example", "EMAIL": "ada@example.org"}


@pytest.fixture
def packaged(tmp_path: Path) -> Packaged:
    """Write the files of a project, and run `debwright init` and `debwright run`.

    Targets are those of CHECK_TARGETS, else bookworm-amd64.
    """
    who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in WHO.items()}
    maintainer = {"DEBFULLNAME": WHO["NAME"], "DEBEMAIL": WHO["EMAIL"]}

    def run(name: str, files: Mapping[str, str], *init: str, tag: str | None = None) -> Run:
        project = tmp_path / name
        for path, text in files.items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
        debwright = Debwright(project, {**who, **maintainer})
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "feat: begin"]):
            subprocess.run(["git", *words], cwd=project, check=True, env={**os.environ, **who})
        if tag is not None:
            subprocess.run(["git", "tag", tag], cwd=project, check=True)
        made = debwright("init", "--yes", *init)
        assert made.code == 0, made.said
        targets = os.environ.get("CHECK_TARGETS", "bookworm-amd64").split()
        return debwright("run", *(word for target in targets for word in ("-t", target)))

    return run


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpacked:
    """The files of a package of bookworm: code by others, of which a registry can be made."""
    cache = Cache(default_cache())
    cache.prepare()
    target = Target("bookworm", host_arch())
    layer = Roots(cache, Config()).base(target)

    def unpack(package: str) -> Path:
        directory = tmp_path / "unpacked" / package
        directory.mkdir(parents=True)
        with throwaway(cache, layer, "unpacked") as overlay:
            bind = Bind(source=directory, target="/unpacked", read_only=False)
            with opened(overlay, network=True, bounded=False, binds=[bind]) as inside:
                words = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
                inside.run(words, cwd="/unpacked")
                inside.run(["sh", "-c", "dpkg-deb -x *.deb ."], cwd="/unpacked")
        return directory

    return unpack


def passed(run: Run, *checks: str) -> None:
    """The run passed for each of its targets, and so did `checks`, which were not skipped."""
    assert run.code == 0, run.said[-6000:]
    for target in run.report()["targets"]:
        found = {check["name"]: check["status"] for check in target["checks"]}
        assert {name: found[name] for name in checks} == dict.fromkeys(checks, "passed")
