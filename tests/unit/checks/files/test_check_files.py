"""`debwright check FILE...`: what is read, and for which targets."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.debs import make_deb

from debwright.checks.engine import health
from debwright.checks.engine.base import CheckContext
from debwright.checks.files import lintian
from debwright.checks.files.lintian import lend_packages
from debwright.cli.check import check_files, read_files, targets_of
from debwright.cli.common import Options
from debwright.config import Config, LoadedConfig
from debwright.model.errors import ConfigError, UsageError
from debwright.model.results import CheckResult, Evidence, Status
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots

CHANGES = """\
Format: 1.8
Source: demo
Version: 1.0-1
Architecture: amd64
Files:
 d41d8cd98f00b204e9800998ecf8427e 0 misc optional {member}
"""


def loaded(*targets: str) -> LoadedConfig:
    return LoadedConfig(config=Config.model_validate({"targets": {"build": list(targets)}}))


def changes(directory: Path, member: str) -> Path:
    path = directory / "demo_1.0-1_amd64.changes"
    path.write_text(CHANGES.format(member=member))
    return path


def test_a_changes_file_stands_for_its_packages(tmp_path: Path) -> None:
    make_deb(tmp_path / "demo_1.0-1_amd64.deb")
    path = changes(tmp_path, "demo_1.0-1_amd64.deb")
    debs, found = read_files([path])
    assert [d.package for d in debs] == ["demo"]
    assert found == path


def test_a_changes_file_names_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    make_deb(tmp_path / "x.deb")
    with pytest.raises(UsageError, match=r"x\.deb is not a readable"):
        read_files([changes(tmp_path / "inner", "../x.deb")])


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"Files:\n x\n", b""])
def test_a_broken_changes_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.changes"
    path.write_bytes(content)
    with pytest.raises(UsageError):
        read_files([path])


def test_packages_of_an_architecture_no_target_has_are_not_passed_over(tmp_path: Path) -> None:
    both = [
        read_deb(make_deb(tmp_path / "a.deb")),
        read_deb(make_deb(tmp_path / "b.deb", arch="arm64")),
    ]
    only = loaded("bookworm-amd64")
    with pytest.raises(UsageError, match="no target is for the arm64 packages"):
        targets_of(only, both, [])
    assert targets_of(only, both, ["bookworm-amd64"]) == [Target("bookworm", "amd64")]
    assert len(targets_of(loaded("bookworm-amd64", "trixie-arm64"), both, [])) == 2
    with pytest.raises(UsageError, match="no target is for arm64"):
        targets_of(only, both[1:], [])
    assert targets_of(only, both[1:], ["sid-arm64"]) == [Target("sid", "arm64")]


def test_packages_for_all_are_for_every_target(tmp_path: Path) -> None:
    debs = [read_deb(make_deb(tmp_path / "a.deb", arch="all"))]
    assert len(targets_of(loaded("bookworm-amd64", "trixie-arm64"), debs, [])) == 2


def context(tmp_path: Path, paths: list[Path], changes_file: Path | None) -> CheckContext:
    return CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=Config(),
        debs=[read_deb(p) for p in paths], changes=changes_file,
        roots=Roots(Cache(tmp_path / "cache"), Config()), output=tmp_path,
        log=lambda _: None, activity=lambda _: None,
    )  # fmt: skip


def test_lintian_sees_the_packages_wherever_they_lie_and_nothing_else(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir(mode=0o700)
        (tmp_path / name / "private").touch()
    paths = [make_deb(tmp_path / "one/a.deb"), make_deb(tmp_path / "two/-b.deb", package="other")]
    paths[0].chmod(0o600)
    subjects = lend_packages(context(tmp_path, paths, None), tmp_path / "lent")
    assert subjects == ["./a.deb", "./-b.deb"]  # a name is no option
    lent = sorted((tmp_path / "lent").iterdir())
    assert [p.name for p in lent] == ["-b.deb", "a.deb"]
    assert all(p.stat().st_mode & 0o777 == 0o644 for p in lent)


def test_of_a_changes_file_lintian_sees_all_it_names(tmp_path: Path) -> None:
    path = make_deb(tmp_path / "demo_1.0-1_amd64.deb")
    (tmp_path / "other.dsc").touch()
    named = changes(tmp_path, "demo_1.0-1_amd64.deb")
    subjects = lend_packages(context(tmp_path, [path], named), tmp_path / "lent")
    assert subjects == [f"./{named.name}"]
    assert sorted(p.name for p in (tmp_path / "lent").iterdir()) == [named.name, path.name]


def test_lintian_is_asked_once_of_the_same_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    tag = {"level": "warning", "package": "demo", "type": "binary", "tag": "t", "context": ""}

    def answer(_: CheckContext, __: object, command: list[str]) -> list[dict[str, str]]:
        asked.append(command)
        return [tag]

    def layer(number: str) -> None:
        made = SimpleNamespace(id=number)
        monkeypatch.setattr(lintian, "lintian_layer", lambda *_: made)

    monkeypatch.setattr(lintian, "_run", answer)
    layer("one")
    deb = make_deb(tmp_path / "demo_1.0-1_amd64.deb")

    def check(*, again: bool = False, **config: object) -> list[str]:
        made = replace(
            context(tmp_path, [deb], None), config=Config.model_validate(config), ask_again=again
        )
        return [f.code for f in lintian.LintianCheck().run(made).findings]

    def asks(*, again: bool = False, **config: object) -> int:
        before = len(asked)
        assert check(again=again, **config) == ["lintian/t"]
        return len(asked) - before

    assert asks() == 1
    assert asks() == 0
    assert asks(again=True) == 1
    layer("two")  # another lintian
    assert asks() == 1
    make_deb(deb, package="other")
    assert asks() == 1
    assert asks(lintian={"pedantic": True}) == 1
    assert asks(lintian={"pedantic": True}) == 0
    (tmp_path / lintian.ANSWER).write_text("[{")  # cut off: no answer
    assert asks(lintian={"pedantic": True}) == 1


def test_a_check_that_is_not_there_cannot_be_switched(tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text("[checks]\nhardning = 'off'\n")
    with pytest.raises(ConfigError, match="hardning") as caught:
        check_files(Options(directory=tmp_path), [make_deb(tmp_path / "x.deb")], [])
    assert caught.value.fix == "write `hardening`"


def test_a_misspelt_suite_is_told_before_a_mirror_is_asked(tmp_path: Path) -> None:
    debs = [read_deb(make_deb(tmp_path / "x.deb"))]
    with pytest.raises(UsageError, match="no target matches `bookwrom-amd64`") as caught:
        targets_of(loaded("bookworm-amd64"), debs, ["bookwrom-amd64"])
    assert caught.value.fix == "-t bookworm-amd64"
    assert targets_of(loaded("bookworm-amd64"), debs, ["sid-amd64"]) == [Target("sid", "amd64")]


def test_what_stops_one_target_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may be full for one alone: what the others found is written all the same."""

    def run(context: CheckContext, *_: object) -> list[CheckResult]:
        if context.target.suite == "trixie":
            raise OSError(errno.ENOSPC, "No space left on device")
        return [
            CheckResult(name="install", status=Status.PASSED, measurements={"install_seconds": 1.0})
        ]

    monkeypatch.setattr("debwright.pipeline.given.run_checks", run)
    (tmp_path / "debwright.toml").write_text(
        '[targets]\nbuild = ["trixie-amd64", "bookworm-amd64"]\n'
    )
    deb = make_deb(tmp_path / "x.deb")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert check_files(Options(directory=tmp_path), [deb], []) == 5
    (path,) = tmp_path.glob("dist/check/*/report.json")
    found = {t["target"]: t for t in json.loads(path.read_text())["targets"]}
    assert found["trixie-amd64"]["stages"][0]["error"]["message"].startswith("the disk is full")
    assert found["bookworm-amd64"]["stages"][0]["status"] == "passed"
    html = path.with_name("report.html").read_text()
    assert f"debwright check -t trixie-amd64 {deb}" in html, "how to run it again"
    assert "debwright run" not in html


def test_a_failed_check_of_files_is_diagnosed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a project is: the cause in the journal comes before what it led to."""
    journal = (
        "Traceback (most recent call last):", '  File "/usr/bin/demo", line 1',
        "ModuleNotFoundError: No module named 'yaml'",
    )  # fmt: skip
    found = health.CODES.found(
        "service/unhealthy", "demo.service did not become healthy within 20 s",
        evidence=tuple(Evidence(text=line) for line in journal),
    )  # fmt: skip
    failed = CheckResult(name="service", status=Status.FAILED, findings=(found,))

    def run(_: CheckContext, finished: Callable[[CheckResult], None], *__: object) -> Any:
        finished(failed)
        return [failed]

    monkeypatch.setattr("debwright.pipeline.given.run_checks", run)
    (tmp_path / "debwright.toml").write_text('[targets]\nbuild = ["bookworm-amd64"]\n')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert check_files(Options(directory=tmp_path), [make_deb(tmp_path / "x.deb")], []) == 4
    (path,) = tmp_path.glob("dist/check/*/report.json")
    (stage,) = json.loads(path.read_text())["targets"][0]["stages"]
    titles = [p["title"] for p in stage["details"]["diagnosis"]["problems"]]
    assert any("yaml" in title for title in titles), titles
    (log,) = tmp_path.glob("dist/check/*/*/check.log")
    assert "error service/unhealthy: demo.service" in log.read_text()
