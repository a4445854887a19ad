import io
import os
import pty
import re
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console
from tests.kit import samples
from tests.unit.observe.console.test_plain import play

from debwright.model.results import Status
from debwright.observe.console.board import Board, State
from debwright.observe.console.live import ASCII_GLYPHS, GLYPHS, SPINNER, LiveReporter, clock, draw

SOURCE = Path(__file__).parents[4] / "src"


def board(targets: int = 2) -> Board:
    now = iter(range(100, 100_000))
    made = Board(lambda: float(next(now)))
    made.begin("greeter 1.4.2-1", [f"bookworm-arm{n}" for n in range(targets)], ["build", "check"])
    made.start(None, "plan")
    made.finish(None, "plan", Status.PASSED, 0.3)
    made.finish("bookworm-arm0", "build", Status.PASSED, 65)
    made.start("bookworm-arm0", "check")
    made.activity("bookworm-arm0", "check", "waiting for [bold]http://127.0.0.1:8080/health[/bold]")
    return made


def picture(
    of: Board, width: int, height: int = 24, glyphs: Mapping[State, str] = GLYPHS
) -> list[str]:
    console = Console(
        file=io.StringIO(),
        width=width,
        height=height,
        force_terminal=True,
        color_system=None,
        emoji=False,
        markup=False,
        highlight=False,
    )
    console.print(draw(of, console, glyphs, SPINNER if glyphs is GLYPHS else "|/-\\"))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_table_shows_stages_activity_and_times() -> None:
    lines = picture(board(), 100)
    assert lines[0].startswith("greeter 1.4.2-1")
    assert "✓ plan" in lines[0]
    row = next(line for line in lines if line.startswith("bookworm-arm0"))
    assert "✓ 1:05" in row
    assert "waiting for [bold]http://127.0.0.1:8080/health[/bold]" in row
    other = next(line for line in lines if line.startswith("bookworm-arm1"))
    assert "waiting" in other


@pytest.mark.parametrize("width", [10, 20, 40, 60, 72, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    made = board(4)
    made.activity("bookworm-arm0", "check", "x" * 500 + "\x1b[31m")
    lines = picture(made, width)
    assert all(len(line) <= width for line in lines)
    # A wrapped line would make the redraw climb.
    assert len(lines) <= 2 + 2 * 4 + 1
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("width", [40, 100])
def test_a_low_terminal_hides_what_is_finished_first(width: int) -> None:
    made = board(30)
    for number in range(1, 20):
        for stage in ("build", "check"):
            made.finish(f"bookworm-arm{number}", stage, Status.PASSED, 1)
    made.finish("bookworm-arm25", "build", Status.FAILED, 1)
    lines = picture(made, width, height=12)
    assert len(lines) <= 12
    text = "\n".join(lines)
    assert "bookworm-arm25" in text
    assert "bookworm-arm0" in text
    assert re.search(r"and \d+ more: .*19 passed", text)


def test_glyphs_for_terminals_without_unicode() -> None:
    assert "".join(picture(board(), 40, glyphs=ASCII_GLYPHS)).replace("…", "").isascii()


def test_clock() -> None:
    assert [clock(s) for s in (-1, 7, 760, 3723)] == ["0:00", "0:07", "12:40", "1:02:03"]


def test_a_late_activity_of_an_ended_stage_is_dropped() -> None:
    made = board()
    made.finish("bookworm-arm0", "check", Status.PASSED, 1)
    made.activity("bookworm-arm0", "check", "late")
    assert made.rows["bookworm-arm0"].activity == ""


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_summary_follows_the_table_and_no_colour_is_used_when_unwanted() -> None:
    stream = Terminal()
    environ = {"TERM": "xterm-256color", "NO_COLOR": "1", "COLUMNS": "100", "LINES": "30"}
    play(LiveReporter(stream, environ=environ), samples.failing_check(), "output")
    text = stream.getvalue()
    tail = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text[text.rindex("\x1b[2K") :])
    assert "next: debwright check" in tail
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_text_sends_nothing_to_the_terminal(text: str) -> None:
    stream = Terminal()
    environ = {"TERM": "xterm", "COLUMNS": "90", "LINES": "30"}
    play(LiveReporter(stream, environ=environ, verbose=True), samples.hostile(text), text)
    shown = stream.getvalue()
    assert "\x07" not in shown
    assert "\x1b]" not in shown
    assert "\x1b[31mred" not in shown
    if text.startswith("[bold"):
        assert "[bold red]markup[/]" in shown


def test_threads_may_report_at_once() -> None:
    stream = Terminal()
    reporter = LiveReporter(stream, environ={"TERM": "xterm"}, verbose=True)
    result = samples.passing()
    targets = [f"t{n}" for n in range(6)]
    reporter.begin("many", targets, ["build", "check"])

    def work(target: str) -> None:
        for stage in result.targets[0].stages:
            reporter.stage_started(target, stage.stage)
            for number in range(10):
                reporter.activity(target, stage.stage, str(number))
                reporter.line(target, stage.stage, f"{target} says {number}")
            reporter.stage_finished(target, stage)

    threads = [threading.Thread(target=work, args=(t,), daemon=True) for t in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    reporter.end(result)
    assert stream.getvalue().count("says 9") == 12


CHILD = """
import sys, time
sys.path.insert(0, {source!r})
from debwright.observe.console import make_reporter
reporter = make_reporter(environ={{"TERM": "xterm-256color"}})
reporter.begin("greeter", ["bookworm-arm64"], ["build", "check"])
reporter.stage_started("bookworm-arm64", "build")
reporter.activity("bookworm-arm64", "build", "compiling")
print("ready", flush=True)
time.sleep(30)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_the_terminal_as_it_was(sent: signal.Signals) -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    pid = os.fork()
    if pid == 0:
        # A shell ignores it in what it starts with "&", and that is inherited.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _login(follower)
        os.execv(  # noqa: S606
            sys.executable, [sys.executable, "-c", CHILD.format(source=str(SOURCE))]
        )
    shown = _read(leader, until=b"compiling", seconds=30)
    os.kill(pid, sent)
    ended, status = 0, 0
    while not ended:  # a terminal reads on: what is written to one that does not, waits for ever
        shown += _read(leader, until=None, seconds=0.1)
        ended, status = os.waitpid(pid, os.WNOHANG)
    shown += _read(leader, until=None, seconds=0.3)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) != 0
    assert b"compiling" in shown
    # Hidden is l, shown is h (DECTCEM): the last word must be shown.
    assert re.findall(rb"\x1b\[\?25([hl])", shown)[-1:] == [b"h"]
    assert b"\x1b[?1049h" not in shown
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)


def _login(descriptor: int) -> None:
    """What login_tty(3) does, but for the controlling terminal: signals come by kill."""
    os.setsid()
    for number in (0, 1, 2):
        os.dup2(descriptor, number)


def _read(descriptor: int, *, until: bytes | None, seconds: float) -> bytes:
    found = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (until is None or until not in found):
        if select.select([descriptor], [], [], 0.1)[0]:
            found += os.read(descriptor, 65536)
    return found
