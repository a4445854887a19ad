import io
import threading
from datetime import datetime

import pytest
from tests.kit import samples

from debwright.model.events import Reporter, Silent
from debwright.model.results import RunResult
from debwright.observe.console import make_reporter
from debwright.observe.console.plain import PlainReporter
from debwright.observe.console.stream import Ring, SafeStream, one_line

NOON = datetime(2026, 3, 14, 12, 3, 4)


def play(reporter: Reporter, result: RunResult, *lines: str) -> None:
    """The events of a run as the pipeline sends them."""
    reporter.begin("greeter", [t.target for t in result.targets], ["build", "check"])
    for stage in result.stages:
        reporter.stage_started(None, stage.stage)
        reporter.stage_finished(None, stage)
    for target in result.targets:
        for stage in target.stages:
            reporter.stage_started(target.target, stage.stage)
            reporter.activity(target.target, stage.stage, "dpkg-buildpackage")
            for line in lines:
                reporter.line(target.target, stage.stage, line)
            reporter.stage_finished(target.target, stage)
    reporter.note("a word\nand another")
    reporter.end(result)


def plain(result: RunResult, *lines: str, verbose: bool = False) -> str:
    stream = io.StringIO()
    play(PlainReporter(stream, environ={}, verbose=verbose, now=lambda: NOON), result, *lines)
    return stream.getvalue()


def test_starts_ends_and_notes_have_a_line_each() -> None:
    lines = plain(samples.failing_build(), "gcc -c x.c").splitlines()
    assert "12:03:04 bookworm-arm64 build   started" in lines
    assert "12:03:04 bookworm-amd64 build   passed in 18.2 s" in lines
    assert "12:03:04 bookworm-arm64 check   skipped: the build failed" in lines
    assert "12:03:04 run            note    a word" in lines
    end = lines.index(
        "12:03:04 bookworm-arm64 build   failed in 11.9 s: "
        "greeter did not build: the header zlib.h is missing"
    )
    assert lines[end + 3].endswith(
        "| 1208: src/fastgreet.c:3:10: fatal error: zlib.h: No such file or directory"
    )
    assert not any("gcc -c x.c" in line or "dpkg-buildpackage" in line for line in lines)


def test_verbose_shows_output_and_activities() -> None:
    text = plain(samples.passing(), "gcc -c x.c", verbose=True)
    assert "bookworm-arm64 build   | gcc -c x.c" in text
    assert "bookworm-arm64 build   dpkg-buildpackage" in text


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_text_keeps_to_its_line(text: str) -> None:
    shown = plain(samples.hostile(text), text, verbose=True)
    assert "\x1b" not in shown
    assert "\r" not in shown
    head = shown[: shown.index("a word")]
    assert all(line.startswith("12:03:04 ") for line in head.splitlines())


def test_lines_of_threads_do_not_mix() -> None:
    stream = io.StringIO()
    reporter = PlainReporter(stream, environ={}, verbose=True, now=lambda: NOON)

    def work(name: str) -> None:
        for _ in range(200):
            reporter.line(name, "build", name * 20)

    threads = [threading.Thread(target=work, args=(c,)) for c in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 800
    assert {line.rsplit("| ", 1)[1] for line in lines} == {c * 20 for c in "abcd"}


def test_an_ascii_stream_gets_escapes_instead_of_an_exception() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    play(PlainReporter(stream, environ={}, verbose=True), samples.passing(), "café ✓")
    stream.flush()
    assert b"caf\\xe9 \\u2713" in raw.getvalue()


def test_a_reader_that_goes_away_does_not_stop_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    play(PlainReporter(Gone(), environ={}), samples.failing_check(), "x")
    assert SafeStream(Gone()).write("x") == 1


def test_a_ring_keeps_the_end_and_counts_the_rest() -> None:
    ring = Ring(3, width=5)
    for number in range(10):
        ring.append(f"line {number}")
    assert list(ring) == ["line …"] * 3
    assert ring.dropped == 7


def test_one_line() -> None:
    assert one_line("a\nb\tc\r\x1b") == "a b c\\x0d\\x1b"


def test_the_reporter_fits_where_the_output_goes() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def kind(tty: bool, *, json_mode: bool = False, verbose: bool = False, **env: str) -> str:
        stream = Terminal() if tty else io.StringIO()
        made = make_reporter(json_mode=json_mode, verbose=verbose, stream=stream, environ=env)
        return type(made).__name__

    assert kind(True, TERM="xterm") == "LiveReporter"
    assert kind(True, TERM="xterm", NO_COLOR="1") == "LiveReporter"
    assert kind(True, TERM="dumb") == "PlainReporter"
    assert kind(True) == "PlainReporter"
    assert kind(True, TERM="xterm", CI="true") == "PlainReporter"
    assert kind(False, TERM="xterm") == "PlainReporter"
    assert kind(False, GITHUB_ACTIONS="true", CI="true") == "GitHubReporter"
    assert kind(True, TERM="xterm", json_mode=True) == "LiveReporter"
    assert kind(False, json_mode=True) == "Silent"
    assert kind(False, json_mode=True, verbose=True) == "PlainReporter"


def test_in_json_mode_standard_output_belongs_to_the_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for environ in ({}, {"GITHUB_ACTIONS": "true"}):
        reporter = make_reporter(json_mode=True, verbose=True, environ=environ)
        play(reporter, samples.failing_build(), "output")
    out, err = capsys.readouterr()
    assert out == ""
    assert "bookworm-arm64" in err
    assert not isinstance(reporter, Silent)
