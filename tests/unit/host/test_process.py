"""Running commands: what is kept, what is stopped, and what is said when it goes wrong."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from debwright.host import process
from debwright.host.process import CommandError, TimedOut, run
from debwright.model.errors import DebwrightError, MissingError


def gone(pid: int) -> bool:
    """Whether the process is no more (a zombie waits only for whoever reaps orphans here)."""
    for _ in range(200):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_streams_are_apart_or_merged() -> None:
    argv = ["sh", "-c", "echo out; echo err >&2"]
    apart = run(argv)
    assert (apart.output, apart.error) == ("out\n", "err\n")
    assert sorted(run(argv, merge=True).output.split()) == ["err", "out"]


def test_lines_reach_the_sink_in_order_and_capped() -> None:
    seen: list[str] = []
    run(["sh", "-c", "printf 'a\\n\\nb'; head -c 200000 /dev/zero | tr '\\0' x"], sink=seen.append)
    assert seen[:2] == ["a", ""]
    assert all(len(line) <= process.LINE_LIMIT for line in seen)
    assert "".join(seen) == "ab" + "x" * 200_000


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    seen: list[str] = []
    done = run(["printf", "\\377\\376\\n"], sink=seen.append)
    assert seen == ["\ufffd\ufffd"]
    assert done.output == "\ufffd\ufffd\n"


def test_of_much_output_the_end_is_kept() -> None:
    done = run(python("import sys\nsys.stdout.writelines(f'{n:09}\\n' for n in range(600_000))"))
    assert len(done.output) <= process.KEEP_LIMIT
    assert done.output.endswith("000599999\n")
    assert done.output.split("\n", 1)[0].isdigit()


def test_short_lines_cost_no_more_memory_than_their_text() -> None:
    tell = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]);"
        "from debwright.host.process import run;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "run(['sh', '-c', 'yes a | head -c 3000000']);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    source = str(Path(process.__file__).parents[2])
    done = run([sys.executable, "-c", tell, source])
    assert int(done.output) < 40_000  # KiB; an object for each line took more than 100 000


def test_a_failure_carries_command_status_and_the_last_words() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo said; echo why >&2; exit 7"])
    assert "exited with status 7" in caught.value.what
    assert [e.text for e in caught.value.evidence] == ["why"]
    assert run(["false"], check=False).returncode == 1


def test_a_missing_program_is_said_to_be_missing() -> None:
    with pytest.raises(MissingError, match="no-such-program is not installed"):
        run(["no-such-program"])


def test_what_cannot_be_started_is_an_error_for_people(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(DebwrightError, match=r"cannot be started: Permission denied"):
        run([plain])
    with pytest.raises(DebwrightError, match="there is no directory"):
        run(["true"], cwd=tmp_path / "gone")
    with pytest.raises(DebwrightError, match="Argument list too long"):
        run(["true", "x" * 3_000_000])


def test_a_timeout_ends_the_whole_group() -> None:
    seen: list[str] = []
    started = time.monotonic()
    with pytest.raises(TimedOut, match="ran longer than"):
        run(["sh", "-c", "sleep 60 & echo $!; wait"], timeout=0.3, sink=seen.append)
    assert time.monotonic() - started < 10
    assert gone(int(seen[0]))


def test_a_timeout_counts_while_standard_input_is_not_read() -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut):
        run(["sleep", "20"], stdin=b"x" * 1_000_000, timeout=0.3)
    assert time.monotonic() - started < 10


def test_standard_input_is_written_whole_or_not_wanted() -> None:
    data = b"y" * 1_000_000
    assert run(["wc", "-c"], stdin=data).output.strip() == "1000000"
    assert run(["true"], stdin=data).returncode == 0
    assert run(["cat"], stdin="").output == ""
    assert run(["cat"]).output == ""  # never this process's own


def test_cpu_time_is_the_commands_own() -> None:
    done = run(python("import time\nwhile time.process_time() < 0.2: pass"))
    assert 0.15 < done.cpu_seconds < 5
    assert run(["sleep", "0.2"]).cpu_seconds < 0.15


def test_a_daemon_left_behind_neither_holds_it_up_nor_speaks_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "DRAIN_SECONDS", 0.2)
    seen: list[str] = []
    started = time.monotonic()
    done = run(["sh", "-c", "setsid sh -c 'sleep 0.6; echo late' & echo ok"], sink=seen.append)
    assert done.output == "ok\n"
    assert time.monotonic() - started < 0.6
    time.sleep(0.6)
    assert seen == ["ok"]


def test_a_sink_that_fails_ends_the_command_and_is_heard_of() -> None:
    pids: list[int] = []

    def full(line: str) -> None:
        pids.append(int(line))
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(["sh", "-c", "echo $$; exec yes"], sink=full, timeout=20)
    assert len(pids) == 1
    assert gone(pids[0])


def test_two_streams_never_call_the_sink_at_once() -> None:
    inside = threading.Lock()
    clashes: list[str] = []
    lines: list[str] = []

    def sink(line: str) -> None:
        if not inside.acquire(blocking=False):
            clashes.append(line)
            return
        time.sleep(0.0005)
        lines.append(line)
        inside.release()

    run(["sh", "-c", "for n in 1 2 3 4 5 6 7 8 9; do echo $n; echo $n >&2; done"], sink=sink)
    assert not clashes
    assert len(lines) == 18


_INTERRUPTED = """
import signal, sys, threading, time
sys.path.insert(0, sys.argv[1])
from debwright.host import process

def handler(*_):
    process.stop_all()
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, handler)
said, ended = [], threading.Event()
def work():
    try:
        process.run(["sh", "-c", "echo $$; sleep 60"], sink=lambda line: print(line, flush=True))
    except process.Interrupted as problem:
        said.append(str(problem))
    ended.set()
thread = threading.Thread(target=work)
try:  # the signal may come before start() has returned
    thread.start()
    while not ended.wait(process.SIGNAL_SECONDS):
        pass
except KeyboardInterrupt:
    pass
ended.wait(20)
print(*said, flush=True)
try:
    process.run(["true"])
except process.Interrupted:
    print("later ones too", flush=True)
"""

_DEADLOCK = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from debwright.host import process
signal.signal(signal.SIGTERM, lambda *_: process.stop_all())
with process._live_lock:  # as the main thread does for each command it starts
    os.kill(os.getpid(), signal.SIGTERM)
print("alive")
"""


def other_python(code: str) -> "subprocess.Popen[str]":
    """stop_all is for good: it is called in a process of its own."""
    source = str(Path(process.__file__).parents[2])
    return subprocess.Popen([sys.executable, "-c", code, source], stdout=subprocess.PIPE, text=True)


def test_stop_all_ends_the_commands_of_all_threads() -> None:
    with other_python(_INTERRUPTED) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        child.terminate()
        rest, _ = child.communicate(timeout=20)
    assert rest == "stopped before it was finished\nlater ones too\n"
    assert child.returncode == 0
    assert gone(pid)


def test_a_signal_while_the_list_of_commands_is_held_does_not_hang() -> None:
    with other_python(_DEADLOCK) as child:
        try:
            out, _ = child.communicate(timeout=10)
        finally:
            child.kill()
    assert out == "alive\n"


def test_kill_group_of_nobody_is_quiet() -> None:
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait()
    process.kill_group(child.pid)
    assert os.getpid() > 0
