"""Processes that tests start have the default signals, whatever this run has inherited.

nohup, a background job of a script and some CI services start a program with SIGINT ignored, and
so would be all that it starts: nothing that a test wants to end with Ctrl-C would end. What Python
has a handler for, is the default again in a process that it starts (exec(3)).
"""

import signal


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
