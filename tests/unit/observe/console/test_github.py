import io
import re
import threading
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit import samples
from tests.unit.observe.console.test_plain import play

from debwright.model.errors import BuildError, Evidence
from debwright.model.results import Finding, RunResult, Severity, StageResult, Status
from debwright.observe.console.errors import error_json, print_error
from debwright.observe.console.github import (
    LINES_KEPT,
    GitHubReporter,
    annotation,
    escape_data,
    escape_property,
    inert,
    stopped,
)
from debwright.observe.report.markdown import STEP_SUMMARY_LIMIT

NOON = datetime(2026, 3, 14, 12, 3, 4)


class Runner:
    """Reads a step's output as the runner does: which commands it obeys, and what it only shows."""

    def __init__(self, output: str) -> None:
        self.commands: list[tuple[str, dict[str, str], str]] = []
        self.shown: list[str] = []
        token: str | None = None
        for line in output.split("\n"):
            match = re.match(r"\s*::([^\s:]+)(?: ([^:]*))?::(.*)", line)
            if match and token is not None:
                if match[1] == token:
                    token = None
                    continue
                match = None
            if match:
                properties = dict(p.split("=", 1) for p in (match[2] or "").split(",") if p)
                self.commands.append((match[1], properties, match[3]))
                token = match[3] if match[1] == "stop-commands" else None
            else:
                assert "##[" not in line
                self.shown.append(line)
        assert token is None

    def named(self, name: str) -> list[tuple[str, dict[str, str], str]]:
        return [c for c in self.commands if c[0] == name]


def github(result: RunResult, *lines: str, **environ: str) -> str:
    stream = io.StringIO()
    play(GitHubReporter(stream, environ=environ, now=lambda: NOON), result, *lines)
    return stream.getvalue()


ALLOWED = {"group", "endgroup", "stop-commands", "error", "warning", "notice"}


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_no_text_becomes_a_command(text: str) -> None:
    def commands(of: str) -> list[str]:
        return [c[0] for c in Runner(github(samples.hostile(of), of)).commands]

    names = commands(text)
    assert set(names) <= ALLOWED
    if text.strip():
        assert names == commands("x")


@given(st.text(alphabet="a:#[],%=\r\n \x1b", max_size=40))
def test_no_output_line_becomes_a_command(text: str) -> None:
    runner = Runner("\n".join([*stopped([text, text]), f"12:00 {inert(text)}", inert(text)]))
    assert [c[0] for c in runner.commands] == ["stop-commands"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_an_annotation_is_one_command_with_its_whole_data(title: str, message: str) -> None:
    line = annotation(Severity.ERROR, title, message, file="src/a,b.c", line=3)
    assert "\n" not in line
    assert "\r" not in line
    name, properties, data = Runner(line).commands[0]
    assert name == "error"
    assert set(properties) == {"title", "file", "line"}
    assert properties["file"] == "src/a%2Cb.c"
    assert data == escape_data(message)


def test_escapes_are_those_of_the_runner() -> None:
    assert escape_data("50%\na") == "50%25%0Aa"
    assert escape_property("a:b,c") == "a%3Ab%2Cc"


def test_output_is_folded_by_stage_and_not_mixed() -> None:
    stream = io.StringIO()
    reporter = GitHubReporter(stream, environ={}, now=lambda: NOON)
    targets = ["a-amd64", "b-amd64", "c-arm64"]
    reporter.begin("t", targets, ["build"])

    def work(name: str) -> None:
        reporter.stage_started(name, "build")
        for number in range(100):
            reporter.line(name, "build", f"{name} {number}")
        reporter.stage_finished(name, StageResult(stage="build", status=Status.PASSED, seconds=2.0))

    threads = [threading.Thread(target=work, args=(t,)) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    groups = re.findall(
        r"::group::(\S+) build: passed in 2.00 s\n(.*?)::endgroup::", stream.getvalue(), re.S
    )
    assert sorted(g[0] for g in groups) == targets
    for name, body in groups:
        inside = [line for line in body.splitlines() if not line.startswith("::")]
        assert inside == [f"{name} {number}" for number in range(100)]


def test_tokens_are_never_used_twice() -> None:
    output = github(samples.passing(), "x")
    tokens = re.findall("::stop-commands::(.*)", output)
    assert len(tokens) > 3
    assert len(tokens) == len(set(tokens))
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)


def test_memory_is_bounded_and_the_loss_is_said() -> None:
    stream = io.StringIO()
    reporter = GitHubReporter(stream, environ={})
    reporter.stage_started("t", "build")
    for number in range(LINES_KEPT + 50):
        reporter.line("t", "build", f"line {number} " + "y" * 10_000)
    reporter.stage_finished("t", StageResult(stage="build", status=Status.PASSED))
    text = stream.getvalue()
    assert "[50 earlier lines are in the log file only]" in text
    assert f"line {LINES_KEPT + 49} " in text
    assert len(text) < LINES_KEPT * 2200


def test_each_finding_is_annotated_once_and_reasons_stand_outside_the_fold() -> None:
    runner = Runner(github(samples.failing_build(), "gcc"))
    errors = runner.named("error")
    assert len(errors) == 1
    _, properties, data = errors[0]
    assert properties["title"] == "bookworm-arm64 build%3A build/missing-header"
    assert "zlib.h: No such file or directory%0A" in data
    assert len(runner.named("warning")) == 1
    assert any(line.startswith("bookworm-arm64 build: failed") for line in runner.shown)


def test_an_annotation_points_at_a_file_of_the_checkout_only(tmp_path: Path) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian" / "greeter.service").touch()
    output = github(samples.failing_check(), GITHUB_WORKSPACE=str(tmp_path))
    places = [p.get("file") for _, p, d in Runner(output).named("error")]
    assert "debian/greeter.service" in places
    assert set(places) <= {"debian/greeter.service", None}
    (tmp_path / "inside").mkdir()
    outside = github(samples.failing_check(), GITHUB_WORKSPACE=str(tmp_path / "inside"))
    assert all("file" not in p for _, p, d in Runner(outside).named("error"))


def test_annotations_stop_at_what_github_shows() -> None:
    check = samples.good_checks()[0]
    many = tuple(
        Finding(severity=Severity.WARNING, code=f"lintian/{n}", message="m") for n in range(25)
    )
    target = samples.good_target("bookworm-amd64").model_copy(
        update={"checks": (check.model_copy(update={"findings": many}),)}
    )
    result = samples.passing().model_copy(update={"targets": (target,)})
    output = github(result)
    assert len(Runner(output).named("warning")) == 10
    assert "15 more findings are in the report" in output


def test_the_step_summary_is_appended_within_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("# before\n")
    github(samples.failing_build(), GITHUB_STEP_SUMMARY=str(path))
    text = path.read_text("utf-8")
    assert text.startswith("# before\n")
    assert "1 of 2 targets failed" in text
    full = b"x" * (STEP_SUMMARY_LIMIT - 1000)
    path.write_bytes(full)
    github(samples.failing_build(), GITHUB_STEP_SUMMARY=str(path))
    assert len(full) < path.stat().st_size <= STEP_SUMMARY_LIMIT
    path.write_bytes(b"x" * STEP_SUMMARY_LIMIT)
    github(samples.failing_build(), GITHUB_STEP_SUMMARY=str(path))
    assert path.stat().st_size == STEP_SUMMARY_LIMIT


def test_a_summary_that_cannot_be_written_does_not_fail_the_run(tmp_path: Path) -> None:
    output = github(samples.passing(), GITHUB_STEP_SUMMARY=str(tmp_path))
    assert "the step summary cannot be written" in output


def test_close_prints_what_an_interrupted_stage_had_said() -> None:
    stream = io.StringIO()
    reporter = GitHubReporter(stream, environ={})
    reporter.stage_started("t", "build")
    reporter.line("t", "build", "last words")
    reporter.close()
    assert "::group::t build: interrupted" in stream.getvalue()
    assert "last words" in stream.getvalue()


ERROR = BuildError(
    "greeter did not build",
    evidence=[Evidence(text="fatal error: zlib.h\x1b[31m", file="src/a.c", line=3)],
    cause="zlib1g-dev is not in Build-Depends",
    fix="debwright shell bookworm-arm64",
)


def test_print_error_says_all_four() -> None:
    stream = io.StringIO()
    print_error(ERROR, stream, environ={})
    assert stream.getvalue() == (
        "error: greeter did not build\n"
        "  | src/a.c:3: fatal error: zlib.h\\x1b[31m\n"
        "  likely cause: zlib1g-dev is not in Build-Depends\n"
        "  next: debwright shell bookworm-arm64\n"
    )


@pytest.mark.parametrize("no_color", [False, True])
def test_print_error_on_a_terminal(no_color: bool) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    environ = {"TERM": "xterm-256color", **({"NO_COLOR": "1"} if no_color else {})}
    stream = Terminal()
    print_error(ERROR, stream, environ=environ)
    text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "src/a.c:3: fatal error: zlib.h\\x1b[31m" in text
    assert "next: debwright shell bookworm-arm64" in text
    assert ("\x1b[1;31m" in stream.getvalue()) is not no_color


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_print_error_on_github_is_one_annotation(text: str) -> None:
    stream = io.StringIO()
    error = BuildError(text, evidence=[Evidence(text=text, file=text)], cause=text, fix=text)
    print_error(error, stream, environ={"GITHUB_ACTIONS": "true"})
    assert [c[0] for c in Runner(stream.getvalue()).commands] == ["stop-commands", "error"]


def test_error_json() -> None:
    import json

    text = error_json(ERROR)
    assert text.isascii()
    assert json.loads(text) == {
        "error": {
            "type": "BuildError",
            "what": "greeter did not build",
            "evidence": [{"text": "fatal error: zlib.h\x1b[31m", "file": "src/a.c", "line": 3}],
            "cause": "zlib1g-dev is not in Build-Depends",
            "fix": "debwright shell bookworm-arm64",
            "fix_command": None,
            "exit_code": 3,
        }
    }
