"""The checks on package files with real packages of Debian's archive, and with its real apt."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit.debs import build

from debwright.checks.engine.base import CheckContext
from debwright.checks.registry import file_checks
from debwright.config import Config
from debwright.host.machine import host_arch
from debwright.model.results import Severity
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.packages.unpacked import Unpacked
from debwright.roots import apt
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots

GOOD = (
    "chrony", "dnsmasq-base", "haproxy", "lighttpd", "memcached", "mosquitto", "nginx",
    "nginx-common", "nginx-light", "openssh-server", "redis-server", "redis-tools", "rsync",
)  # fmt: skip
"""Services of Debian, made by its own maintainers."""

LOCAL = ("elf", "hardening", "contents", "secrets", "buildpath", "vulnerabilities")
"""Checks that need neither a root nor anything else of the machine."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CheckContext, list[Path]]]:
    """The packages as the archive has them, fetched by apt in a clean root."""
    config = Config()
    cache = Cache(default_cache())
    cache.prepare()
    roots = Roots(cache, config)
    target = Target("bookworm", host_arch())
    base = roots.base(target)
    output = tmp_path_factory.mktemp("archive")
    with cache.scratch("archive") as scratch:
        with roots.root_for_change(scratch, target, base) as inside:
            apt.get(inside, ["update"], what="reading the package lists")
            inside.run(["mkdir", "/fetched"])
            inside.run(["apt-get", *apt.OPTIONS, "download", *GOOD], cwd="/fetched",
                       timeout=300, network=True)  # fmt: skip
        debs = sorted((scratch / "upper/fetched").glob("*.deb"))
        (scratch / "spool").mkdir()
        context = CheckContext(
            target=target, host_arch=host_arch(), config=config,
            debs=[read_deb(p) for p in debs], changes=None, roots=roots, output=output,
            log=lambda _: None, activity=lambda _: None, unpacked=Unpacked(scratch / "spool"),
        )  # fmt: skip
        yield context, debs


def test_good_packages_are_not_failed(archive: tuple[CheckContext, list[Path]]) -> None:
    context, debs = archive
    assert len(debs) == len(GOOD)
    by_name = {check.name: check for check in file_checks()}
    for name in LOCAL:
        result = by_name[name].run(context)
        wrong = [f for f in result.findings if f.severity is Severity.ERROR]
        assert wrong == [], name
        if name == "hardening":
            assert result.measurements["pie_files"] == result.measurements["files"] > 20
        if name == "secrets":
            assert result.measurements["read_bytes"] > 10e6


CONFIG = '[targets]\nbuild = ["bookworm-amd64"]\n[checks]\nlintian = "off"\n'


def checked(directory: Path, more: str) -> tuple[int, dict[str, list[dict[str, object]]], str]:
    (directory / "debwright.toml").write_text(CONFIG)
    deb = build(directory, {"/usr/share/doc/demo/copyright": "x"}, arch="all", more=more)
    run = Debwright(directory)("check", "-t", "bookworm-amd64", str(deb))
    (path,) = directory.glob("dist/check/*/bookworm-amd64/check.json")
    report = json.loads(path.read_text())
    return run.code, {c["name"]: c["findings"] for c in report["checks"]}, run.said


def test_a_dependency_that_only_another_suite_has_is_named(tmp_path: Path) -> None:
    code, findings, said = checked(tmp_path, "Depends: python3.13, libc6\n")
    assert code == 4
    (finding,) = findings["dependencies"]
    assert finding["code"] == "install/unsatisfiable"
    assert "python3.13" in str(finding["message"])
    assert "is in trixie" in str(finding["message"])
    assert "is in trixie" in said


def test_removing_what_is_there_is_refused(tmp_path: Path) -> None:
    code, findings, _ = checked(tmp_path, "Conflicts: dbus\n")
    assert code == 4
    (finding,) = findings["dependencies"]
    assert finding["code"] == "dependencies/removes"
    assert "Remv dbus" in str(finding["evidence"])
