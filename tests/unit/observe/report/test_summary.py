import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.kit import samples

from debwright.model.details import BuildDetails
from debwright.model.results import RunResult, Status
from debwright.model.standing import Standing
from debwright.observe.report.summary import summary_table
from debwright.observe.report.view import target_status


def show(result: RunResult, *, width: int = 110, dist: Path = Path("dist"), **more: str) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    commands = frozenset({"build", "check", "keys"})
    standing = Standing(dist=dist, commands=commands, given=(), **more)
    summary_table(result, console, standing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_failed_target_gets_what_evidence_log_and_next() -> None:
    text = show(samples.failing_build())
    assert "bookworm-arm64: build failed: greeter did not build: the header zlib.h" in text
    assert "| 1208: src/fastgreet.c:3:10: fatal error: zlib.h: No such file" in text
    assert "fix: add zlib1g-dev to Build-Depends in debian/control" in text
    assert f"log: dist/{samples.VERSION}/bookworm-arm64/build.log" in text
    assert "next: debwright build -t bookworm-arm64" in text
    assert "Install" not in text


def test_commands_and_paths_are_those_of_where_the_person_stands() -> None:
    text = show(samples.failing_build(), dist=Path("p/dist"), directory="p")
    assert f"log: p/dist/{samples.VERSION}/bookworm-arm64/build.log" in text
    assert "next: debwright -C p build -t bookworm-arm64" in text
    text = show(samples.failing_check(), dist=Path("/srv/out"), directory="p", output="/srv/out")
    changes = f"{samples.VERSION}/bookworm-arm64/greeter_{samples.VERSION}_arm64.changes"
    assert f"next: debwright -C p -o /srv/out check /srv/out/{changes}" in text


def test_every_failed_check_is_told() -> None:
    text = show(samples.failing_check())
    assert "greeter.service never answered" in text
    assert "2 paths of the package are still there after purge" in text
    changes = f"dist/{samples.VERSION}/bookworm-arm64/greeter_{samples.VERSION}_arm64.changes"
    assert f"next: debwright check {changes}" in text


def test_a_finding_whose_advice_is_a_command_gives_the_next_command() -> None:
    text = show(samples.failing_publish())
    assert "run: publish failed: the signing key is not in the keyring" in text
    assert "next: debwright keys list" in text
    assert "to install" not in text


def test_a_pass_says_how_to_install_and_what_was_not_proven() -> None:
    text = show(samples.passing())
    assert samples.SOURCES.splitlines()[1] in text
    assert "bookworm-arm64: upgrade: no earlier release of greeter to upgrade from" in text
    assert "Both targets passed" in text
    assert "signing: The key was made for this run" in text


def test_skipped_targets_are_not_called_passed() -> None:
    text = show(samples.skipped())
    row = next(line for line in text.splitlines() if line.startswith("jammy-amd64"))
    assert "not proven" in row
    assert "1 of 2 targets not fully run" in text


def test_what_was_skipped_for_one_reason_is_one_line() -> None:
    result = samples.passing()
    why = "clamav is not installed"
    targets = tuple(
        t.model_copy(update={"checks": (*t.checks, samples.skipped_check("malware", why))})
        for t in result.targets
    )
    text = show(result.model_copy(update={"targets": targets}))
    assert text.count(why) == 1
    assert f"bookworm-amd64, bookworm-arm64: malware: {why}" in text


def test_packages_that_another_target_built_are_proven_where_they_were_seen_to_work() -> None:
    """Packages of architecture `all` are built once for a suite, and checked on each target."""
    result = samples.passing()
    (first, second) = result.targets
    reason = "built by bookworm-amd64: its packages are for all architectures"
    build = samples.stage("build", Status.SKIPPED, reason=reason).model_copy(
        update={"details": BuildDetails(done_by="bookworm-amd64")}
    )
    shared = second.model_copy(update={"stages": (build, *second.stages[1:])})
    text = show(result.model_copy(update={"targets": (first, shared)}))
    assert "Both targets passed" in text
    assert reason not in text


def test_packages_that_another_target_built_are_not_proven_by_that() -> None:
    target = samples.passing().targets[1]
    build = samples.stage("build", Status.SKIPPED, reason="built by bookworm-amd64").model_copy(
        update={"details": BuildDetails(done_by="bookworm-amd64")}
    )
    assert target_status(target.model_copy(update={"stages": (build,)})) is Status.SKIPPED


def test_a_source_without_tests_of_its_own_is_proven_all_the_same() -> None:
    """What counts is that the packages were built, and seen to work; the report tells the rest."""
    result = samples.passing()
    without = samples.stage("test", Status.SKIPPED, reason="there is no dh_auto_test step")
    (first, second) = result.targets
    changed = second.model_copy(
        update={"stages": (*(s for s in second.stages if s.stage != "test"), without)}
    )
    text = show(result.model_copy(update={"targets": (first, changed)}))
    assert "Both targets passed" in text
    assert "bookworm-arm64: test: there is no dh_auto_test step" in text


def test_the_log_is_found_in_its_usual_place(tmp_path: Path) -> None:
    result = samples.failing_build()
    bare = result.targets[1].model_copy(update={"artifacts": ()})
    result = result.model_copy(update={"targets": (result.targets[0], bare)})
    assert "log: " not in show(result, dist=tmp_path)
    log = tmp_path / samples.VERSION / "bookworm-arm64" / "build.log"
    log.parent.mkdir(parents=True)
    log.touch()
    assert str(log) in show(result, dist=tmp_path)


@pytest.mark.parametrize("width", [64, 72, 80, 90, 100])
@pytest.mark.parametrize("result", [samples.failing_check(), samples.passing()], ids=["bad", "ok"])
def test_the_name_of_a_target_is_not_broken(result: RunResult, width: int) -> None:
    """It is what is typed next, with -t."""
    lines = show(result, width=width).splitlines()
    for target in result.targets:
        row = next(line for line in lines if line.startswith(target.target))
        assert row.rstrip().endswith("s"), "the time stands in the same line"
    table = lines[: lines.index("", 1)]
    assert all(len(line) <= width for line in table)


@pytest.mark.parametrize("width", [20, 40, 79])
def test_narrow_terminals_show_the_result_too(width: int) -> None:
    text = show(samples.failing_check(), width=width)
    assert "failed" in text
    assert "strategy" not in text


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_text_is_shown_and_not_obeyed(text: str) -> None:
    shown = show(samples.hostile(text))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\r" not in shown
    if text.startswith("[bold"):
        assert "[bold red]markup[/]" in shown


def test_commands_are_not_broken_across_lines() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system=None)
    summary_table(samples.failing_check(), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert any("debwright check" in li and "_arm64.changes" in li for li in lines)
