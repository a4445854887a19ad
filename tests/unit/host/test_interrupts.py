"""A signal in the few steps between making something and promising to remove it."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from debwright.host import process
from debwright.host.interrupts import interruptible
from debwright.host.signals import undisturbed
from debwright.roots.cache import Cache


@pytest.fixture(autouse=True)
def stopping(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """What a signal sets is set for this test alone."""
    event = threading.Event()
    monkeypatch.setattr(process, "_stopping", event)
    return event


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def after(call: Callable[..., object]) -> Callable[..., object]:
    """`call`, with a signal that comes before what it returns is put to use."""

    def called(*arguments: object, **named: object) -> object:
        result = call(*arguments, **named)
        interrupt()
        return result

    return called


@pytest.mark.parametrize("step", ["tempfile.mkdtemp", "os.open", "fcntl.flock", "shutil.rmtree"])
def test_no_scratch_directory_is_left(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path)
    cache.prepare()
    module, name = step.split(".")
    real = getattr(__import__(module), name)
    with pytest.raises(KeyboardInterrupt), interruptible():
        monkeypatch.setattr(f"debwright.roots.cache.{step}", after(real))
        with cache.scratch("source"):
            assert step == "shutil.rmtree", "a signal was not heard"
    monkeypatch.undo()
    assert not list(cache.scratches.iterdir())


def test_no_command_is_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while Popen waits for the child to have begun."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*arguments: Any, **named: Any) -> subprocess.Popen[bytes]:
        started.append(real(*arguments, **named))
        interrupt()
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises((KeyboardInterrupt, process.Interrupted)), interruptible():
        process.run(["sleep", "60"])
    (command,) = started
    assert command.poll() == -signal.SIGKILL


def test_the_signal_is_heard_at_the_end_of_the_block(stopping: threading.Event) -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        with undisturbed():
            with undisturbed():
                interrupt()
                reached.append("inner")
                assert stopping.is_set(), "commands end at once"
            reached.append("outer")
        raise AssertionError("it was not heard")
    assert reached == ["inner", "outer"]


def test_a_signal_raises_where_nothing_holds_it_back() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        with undisturbed():
            pass
        interrupt()
        raise AssertionError("it was not heard")


def test_another_signal_while_the_first_is_answered() -> None:
    """Pressing Ctrl-C twice does not stop the removing."""
    removed = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            interrupt()
        finally:
            with undisturbed():
                interrupt()
                removed.append(True)
    assert removed
