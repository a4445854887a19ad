"""Who is let into a sandbox does not get this terminal, but one of its own."""

import os
import pty
import subprocess
import sys

_ASK = '''
import os
from debwright.host import terminal
print("mine", os.ttyname(0), flush=True)
script = """echo theirs $(tty)
    while [ "$(stty size)" = "0 0" ]; do sleep 0.05; done
    stty size; exit 3"""
raise SystemExit(terminal.run(["sh", "-c", script]))
'''


def test_a_command_at_a_terminal_gets_another() -> None:
    outer, inner = pty.openpty()
    subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=inner, check=True)
    child = subprocess.Popen([sys.executable, "-c", _ASK], stdin=inner, stdout=inner, stderr=inner,
                             start_new_session=True)  # fmt: skip
    os.close(inner)
    said = b""
    try:
        while chunk := os.read(outer, 4096):
            said += chunk
    except OSError:
        pass  # the other side is closed
    os.close(outer)
    assert child.wait() == 3
    words = said.decode().split()
    mine, theirs = words[words.index("mine") + 1], words[words.index("theirs") + 1]
    assert mine.startswith("/dev/pts/")
    assert theirs.startswith("/dev/pts/")
    assert mine != theirs
    assert words[-2:] == ["33", "77"], "the size of the window"


def test_without_a_terminal_there_is_none() -> None:
    ask = "from debwright.host import terminal; raise SystemExit(terminal.run(['tty']))"
    done = subprocess.run([sys.executable, "-c", ask], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (1, "not a tty")
