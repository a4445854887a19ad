"""What the live checks need of a running system, asked of every kind of sandbox."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from debwright.config import Config
from debwright.host.machine import emulation_problem
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway
from debwright.roots.preload import preload_for
from debwright.systems.base import BootedSandbox
from debwright.systems.nspawn import NspawnSandbox

pytestmark = pytest.mark.minutes(1.2)

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


def test_what_is_altered_is_told_from_what_is_new(nspawn: BootedSandbox) -> None:
    mark = nspawn.mark_files()
    nspawn.run(["sh", "-ec", "chmod 4755 /usr/bin/env; rm /etc/issue; echo >> /etc/hosts; "
                "touch /etc/new; chown 7 /etc/issue.net"])  # fmt: skip
    altered = mark.altered()
    mine = {path for path in altered if path.startswith(("/etc/", "/usr/"))}
    assert mine == {"/usr/bin/env", "/etc/issue", "/etc/issue.net"}
    assert {p for p in mark.rewritten() if p.startswith(("/etc/", "/usr/"))} == {"/etc/hosts"}
    assert altered["/etc/issue"].now is None
    env = altered["/usr/bin/env"]
    assert env.now is not None
    assert (env.was.mode, env.now.mode) == (0o755, 0o4755)


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


def test_services_of_debian_13_start_under_the_emulator() -> None:
    """Debian 12's qemu-user refuses what its systemd does; in their own file systems, too."""
    target = Target("trixie", "arm64")
    if problem := emulation_problem(target.arch):
        pytest.skip(str(problem))
    cache = Cache(default_cache())
    cache.prepare()
    roots = Roots(cache, Config())
    layer = roots.boot(target)
    preload = preload_for(roots, target, layer)
    with layer.in_use(), cache.scratch("check") as scratch:
        overlay = make_throwaway(scratch, layer)
        with NspawnSandbox(overlay, emulated=True, preload=preload) as system:
            settings = ("ProtectSystem=strict", "PrivateTmp=yes", "PrivateDevices=yes",
                        "User=nobody", "StateDirectory=x")  # fmt: skip
            hard = [word for setting in settings for word in ("-p", setting)]
            said = system.run(["systemd-run", "--wait", "--pipe", "-q", *hard, "env"]).output
            assert "STATE_DIRECTORY=/var/lib/x\n" in said
            assert "LD_PRELOAD" not in said, "the service itself runs as it is"
            assert system.run(["systemctl", "is-system-running"]).output == "running\n"
            assert system.reboot() > 0
            assert system.run(["systemctl", "is-system-running"]).output == "running\n"
