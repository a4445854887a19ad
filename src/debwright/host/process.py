"""Running commands: one place, argv lists only, output streamed line by line.

Output is untrusted: a line is capped at `LINE_LIMIT` bytes and what is kept of a stream at
`KEEP_LIMIT` bytes, so that a hostile build cannot eat the memory.
"""

import contextlib
import os
import select
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from debwright.host import usage
from debwright.host.signals import undisturbed
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.fix import Command

LINE_LIMIT = 64 * 1024
KEEP_LIMIT = 4 * 1024 * 1024
TAIL_LINES = 20
DRAIN_SECONDS = 2.0
"""How long output is waited for once a command has ended."""

SIGNAL_SECONDS = 0.25
"""How long a thread waits at once, so that a signal it has just missed is noticed."""

LineSink = Callable[[str], None]

# The children of this process are the one thing that is global by nature: Ctrl-C reaches only the
# main thread, and the commands that other threads wait for must end with it.
_live: set[int] = set()
# Reentrant: a signal handler that calls stop_all may interrupt the very thread that holds it.
_live_lock = threading.RLock()
_stopping = threading.Event()
_withheld: set[str] = set()

HELPERS_NEED = ("PATH", "HOME", "LD_LIBRARY_PATH")
"""Variables without which our own Python may not start, and finds no commands."""


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A finished command. `output` holds standard output (and error, when merged) as text."""

    argv: tuple[str, ...]
    returncode: int
    output: str
    error: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        text = self.error if self.error.strip() else self.output
        return [line for line in text.splitlines() if line.strip()][-lines:]


class CommandError(DebwrightError):
    """A command exited with a status other than 0."""

    def __init__(self, done: Completed, what: str | None = None, **kwargs: Any) -> None:
        command = shlex.join(done.argv)
        if len(command) > 300:
            command = command[:300] + "..."
        super().__init__(
            what or f"`{command}` exited with status {done.returncode}",
            evidence=[Evidence(text=line) for line in done.tail(8)],
            **kwargs,
        )
        self.done = done


class TimedOut(DebwrightError):
    """A command was stopped because it ran longer than allowed."""


class Interrupted(Exception):
    """The user, or whoever started debwright, asked it to stop.

    Not a DebwrightError: no check and no stage may take it for a failure of its own and go on.
    """


def withhold(names: Iterable[str]) -> None:
    """Keep environment variables from every command that is started from now on.

    For those that hold secrets: a command's environment can be read in /proc, and what a package
    brings may run where it sees it.
    """
    _withheld.update(names)


def environment(
    extra: Mapping[str, str] | None = None, unset: Collection[str] = ()
) -> dict[str, str]:
    """The environment of a command: this process's without secrets and `unset`, and `extra`."""
    own = {k: v for k, v in os.environ.items() if k not in _withheld and k not in unset}
    return own | dict(extra or {})


def helper_environment() -> dict[str, str]:
    """The environment of our own helpers, some of which are seen from inside a sandbox."""
    return {name: os.environ[name] for name in HELPERS_NEED if name in os.environ}


def go_on() -> None:
    """Raise Interrupted once debwright has been asked to stop; for loops that run no command."""
    if _stopping.is_set():
        raise Interrupted("stopped before it was finished")


def pause(seconds: float) -> None:
    """Sleep, but not on when debwright has been asked to stop: Interrupted is raised at once."""
    _stopping.wait(seconds)
    go_on()


def stop_all() -> None:
    """End every running command; each `run` then raises Interrupted, as do later ones."""
    with _live_lock:
        _stopping.set()
        for pid in _live:
            kill_group(pid)


@dataclass(eq=False)
class _Reader(threading.Thread):
    """Drains one stream, keeping its end and handing each line to the sink."""

    stream: IO[bytes]
    sink: LineSink | None
    turn: threading.Lock
    """Held while the sink is called: it serves two streams, one line at a time."""
    stop: Callable[[], None]
    kept: deque[bytearray] = field(default_factory=deque)
    size: int = 0
    problem: Exception | None = None
    """What the sink raised."""

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        while chunk := self.stream.readline(LINE_LIMIT):
            # In blocks, for an object for each of a million short lines would cost far more
            # memory than what they say.
            if self.kept and len(self.kept[-1]) < LINE_LIMIT:
                self.kept[-1] += chunk
            else:
                self.kept.append(bytearray(chunk))
            self.size += len(chunk)
            while self.size > KEEP_LIMIT:
                self.size -= len(self.kept.popleft())
            self._tell(chunk)
        self.stream.close()

    def _tell(self, chunk: bytes) -> None:
        with self.turn:
            if self.sink is None:
                return
            try:
                self.sink(chunk.decode("utf-8", "replace").rstrip("\n"))
            except Exception as problem:
                # Reading goes on: a command whose pipe is full would never end.
                self.problem, self.sink = problem, None
                self.stop()

    def finish(self, seconds: float) -> None:
        """Wait for the rest; then the sink hears no more, for its owner may close it."""
        self.join(timeout=max(0.0, seconds))
        with self.turn:
            self.sink = None

    def text(self) -> str:
        return b"".join(self.kept).decode("utf-8", "replace")


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    unset: Collection[str] = (),
    stdin: str | bytes | None = None,
    timeout: float | None = None,
    sink: LineSink | None = None,
    merge: bool = False,
    check: bool = True,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run `argv` and wait for it.

    `env` is added to the environment, `unset` is taken out of it. `timeout` is in seconds; on
    expiry, and on any exception in this thread (Ctrl-C), the whole process group is killed.
    `merge` joins standard error into the output. With `check`, a status other than 0 raises
    CommandError. A program that is not there raises MissingError, one that cannot be started
    DebwrightError. `sink` is called from other threads, never twice at once; what it raises ends
    the command and is raised here.
    """
    command = tuple(os.fspath(a) for a in argv)
    started = time.monotonic()
    go_on()
    readers: list[_Reader] = []
    process = None
    try:
        with undisturbed():
            process = _start(
                command, cwd, environment(env, unset), pass_fds, stdin=stdin, merge=merge
            )
        turn = threading.Lock()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                readers.append(_Reader(stream, sink, turn, partial(_kill, process)))
                readers[-1].start()
        with _registered(process.pid):
            _feed(process, stdin)
            cpu = _wait(process, command, timeout)
    except BaseException:
        if process is not None:
            with undisturbed():
                _kill(process)
                process.wait()
        raise
    finally:
        # A daemon the command left behind may hold the pipes open; what it says is not ours.
        patience = time.monotonic() + DRAIN_SECONDS
        for reader in readers:
            reader.finish(patience - time.monotonic())
    if process.returncode < 0:
        go_on()
    for reader in readers:
        if reader.problem is not None:
            raise reader.problem
    done = Completed(
        argv=command,
        returncode=process.returncode,
        output=readers[0].text(),
        error=readers[1].text() if len(readers) > 1 else "",
        seconds=time.monotonic() - started,
        cpu_seconds=cpu,
    )
    if check and done.returncode != 0:
        raise CommandError(done)
    return done


def _start(
    command: tuple[str, ...],
    cwd: Path | None,
    env: dict[str, str],
    pass_fds: Sequence[int],
    *,
    stdin: str | bytes | None,
    merge: bool,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    except OSError as error:
        if cwd is not None and not cwd.is_dir():
            raise DebwrightError(f"there is no directory {cwd} to run {command[0]} in") from error
        if isinstance(error, FileNotFoundError):
            raise MissingError(
                f"{command[0]} is not installed", fix=Command("debwright", "doctor")
            ) from error
        raise DebwrightError(f"{command[0]} cannot be started: {error.strerror}") from error


@contextlib.contextmanager
def _registered(pid: int) -> Iterator[None]:
    with _live_lock:
        _live.add(pid)
        if _stopping.is_set():
            kill_group(pid)
    try:
        yield
    finally:
        with _live_lock:
            _live.discard(pid)


def kill_group(pid: int) -> None:
    """Kill the process group that `run` gave the command."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # once it has been waited for, the number may be another's
        kill_group(process.pid)


def _feed(process: subprocess.Popen[bytes], data: str | bytes | None) -> None:
    """Write standard input from a thread: a command that does not read it can still time out."""
    if data is None or process.stdin is None:
        return
    stream, content = process.stdin, data.encode() if isinstance(data, str) else data

    def write() -> None:
        with contextlib.suppress(OSError):  # the command's own exit status tells more
            stream.write(content)
        with contextlib.suppress(OSError):
            stream.close()

    threading.Thread(target=write, daemon=True).start()


def _wait(
    process: subprocess.Popen[bytes], command: tuple[str, ...], timeout: float | None
) -> float:
    """Wait with wait4, which alone gives the CPU time of this child; seconds of user + system.

    Never for long at once: a signal that arrives just before a thread begins to wait does not end
    the wait, and Python would run its handler (Ctrl-C) only when the command has ended by itself.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    handle = os.pidfd_open(process.pid)
    try:
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        while not ended.poll(_patience(deadline) * 1000):
            if deadline is not None and time.monotonic() > deadline:
                raise TimedOut(
                    f"`{shlex.join(command)[:300]}` ran longer than {timeout:.0f} s and was stopped"
                )
    finally:
        os.close(handle)
    _, status, spent = os.wait4(process.pid, 0)
    usage.command(spent)
    process.returncode = os.waitstatus_to_exitcode(status)
    return spent.ru_utime + spent.ru_stime


def _patience(deadline: float | None) -> float:
    """Seconds to wait at once."""
    if deadline is None:
        return SIGNAL_SECONDS
    return min(SIGNAL_SECONDS, max(0.0, deadline - time.monotonic()) + 0.001)
