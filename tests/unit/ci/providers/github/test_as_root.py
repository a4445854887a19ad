"""Cancelling a step and its time limit reach debwright, which runs as root by sudo.

Here nobody is another user: `id` and `sudo` are stand-ins. Like the real one, sudo's starts its
command as a child and passes no signal on to it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.kit.installing import LINE

from debwright.ci.context import context_of
from debwright.ci.sync import sync
from debwright.config import load

SUDO = """\
#!/bin/bash
[ "$1" != --preserve-env ] || shift
trap : INT TERM
"$@" &
while [ -e /proc/$! ]; do wait $!; status=$?; done
exit $status
"""
# Like debwright, it cleans up before it ends, and takes its time for it.
DEBWRIGHT = """\
#!/bin/bash
echo "$*" >"$TOLD/arguments"
[ "$1" != fail ] || exit 4
trap 'sleep 0.2; echo cleaned >"$TOLD/end"; exit 130' TERM
echo $$ >"$TOLD/pid"
while :; do sleep 0.05; done
"""
PATIENCE = 30.0


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The program as the action installs it."""
    (tmp_path / "debwright.toml").write_text(f"[workflows]\n{LINE}")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    sync(*context_of(load(tmp_path)))
    script = tmp_path / ".github/actions/debwright/as-root.sh"
    for name, text in (
        ("tools/id", "#!/bin/sh\necho 1001\n"), ("tools/sudo", SUDO),
        ("home/venv/bin/debwright", DEBWRIGHT), ("home/bin/debwright", script.read_text()),
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def step(installed: Path, text: str) -> subprocess.Popen[str]:
    """The shell of a step, as the runner starts it."""
    script = installed / "step.sh"
    script.write_text(text)
    path = f"{installed}/home/bin:{installed}/tools:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "-e", script], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": path, "TOLD": str(installed)}, start_new_session=True,
    )  # fmt: skip


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while not (path.is_file() and path.read_text()):
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.02)
    return path.read_text()


@pytest.fixture
def running(installed: Path) -> Iterator[subprocess.Popen[str]]:
    started = step(installed, "debwright check -t x\n")
    wait_for(installed / "pid")
    yield started
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_steps_shell_reaches_debwright(
    installed: Path, running: subprocess.Popen[str], number: signal.Signals
) -> None:
    running.send_signal(number)
    assert wait_for(installed / "end") == "cleaned\n"
    # The streams close, which the runner waits for, and nothing is left.
    running.communicate(timeout=PATIENCE)
    pid = int((installed / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    deadline = time.monotonic() + PATIENCE
    while list((installed / "home").glob("running.*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_program_itself_reaches_debwright(
    installed: Path, number: signal.Signals
) -> None:
    started = step(installed, "exec debwright check\n")
    wait_for(installed / "pid")
    started.send_signal(number)
    started.communicate(timeout=PATIENCE)
    assert wait_for(installed / "end") == "cleaned\n"
    assert started.returncode == 130, "it is debwright's"


def test_arguments_and_exit_code_pass_through(installed: Path) -> None:
    done = step(installed, "debwright fail 'a  b'\n")
    done.communicate(timeout=PATIENCE)
    assert done.returncode == 4
    assert (installed / "arguments").read_text() == "fail a  b\n"
