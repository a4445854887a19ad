"""What the live checks need of a running system, asked of every kind of sandbox."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from debwright.config import Config
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway
from debwright.sandbox.base import BootedSandbox
from debwright.sandbox.nspawn import NspawnSandbox
from debwright.targets import Target

TARGET = Target("bookworm", "amd64")


@pytest.fixture(scope="module")
def nspawn() -> Iterator[BootedSandbox]:
    cache = Cache(default_cache())
    cache.prepare()
    with ExitStack() as stack:
        layer = Roots(cache, Config()).boot(TARGET)
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(stack.enter_context(cache.scratch("check")), layer)
        yield stack.enter_context(NspawnSandbox(overlay))


def test_reboot_keeps_files_and_nothing_else(nspawn: BootedSandbox) -> None:
    mark = nspawn.mark_files()
    nspawn.run(["sh", "-ec", "echo kept > /var/lib/kept; echo gone > /run/gone"])
    started = nspawn.run(["cut", "-d ", "-f22", "/proc/1/stat"]).output
    assert nspawn.reboot() > 0
    assert nspawn.run(["cat", "/var/lib/kept"]).output == "kept\n"
    assert nspawn.run(["test", "-e", "/run/gone"], check=False).returncode == 1
    assert nspawn.run(["systemctl", "is-system-running"]).output == "running\n"
    assert nspawn.run(["cut", "-d ", "-f22", "/proc/1/stat"]).output != started
    created = mark.created()
    assert created["/var/lib/kept"].size == 5
    assert "/var/lib" not in created


def test_a_system_that_talks_much_is_not_kept_waiting(nspawn: BootedSandbox) -> None:
    """systemd reports jobs that take long; once nobody read that, the whole system stood still."""
    assert isinstance(nspawn, NspawnSandbox)
    directory = os.open(nspawn.overlay.directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
            teller.setblocking(False)
            for _ in range(1000):
                with pytest.raises(ConnectionRefusedError):
                    teller.sendto(b"STATUS=busy", f"/proc/self/fd/{directory}/notify")
    finally:
        os.close(directory)
