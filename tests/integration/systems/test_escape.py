"""Nothing gets out: an escape kit as maintainer script, smoke command, unit and build step.

The first test fails with a system that is entered without its bounds; see docs/security.md.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.kit import debs
from tests.kit.escape.machine import KIT, Bait, bait, escaped, state

from debwright.config import Config
from debwright.isolation.namespaces import Namespaces
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import BUILDER_UID, Roots
from debwright.roots.overlay import make_throwaway, opened, throwaway
from debwright.systems.nspawn import NspawnSandbox

pytestmark = pytest.mark.minutes(0.3)

TARGET = Target("bookworm", "amd64")
BOUNDS = "grep -E '^(CapBnd|Seccomp):' /proc/self/status; readlink /proc/self/ns/user"


@pytest.fixture(scope="module")
def baited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bait]:
    before = state()
    with bait(tmp_path_factory.mktemp("bait")) as made:
        yield made
    assert state() == before, "the machine is as it was"


@pytest.fixture(scope="module")
def booted() -> Iterator[NspawnSandbox]:
    cache = Cache(default_cache())
    cache.prepare()
    with ExitStack() as stack:
        layer = Roots(cache, Config()).boot(TARGET)
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(stack.enter_context(cache.scratch("check")), layer)
        yield stack.enter_context(NspawnSandbox(overlay))


@pytest.fixture(scope="module")
def built() -> Iterator[Namespaces]:
    cache = Cache(default_cache())
    cache.prepare()
    with ExitStack() as stack:
        layer = Roots(cache, Config()).build(TARGET)
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(stack.enter_context(cache.scratch("check")), layer)
        yield stack.enter_context(opened(overlay, network=False))


def test_a_maintainer_script_does_not_get_out(
    booted: NspawnSandbox, baited: Bait, tmp_path: Path
) -> None:
    script = f"#!/bin/sh\nset -e\nperl /usr/share/kit {' '.join(baited.words)}\n"
    files = {"usr/share/kit": KIT.read_text(), "DEBIAN/postinst": script}
    booted.push(debs.build(tmp_path, files, arch="all"), "/tmp/kit.deb")
    said = booted.run(["dpkg", "--install", "/tmp/kit.deb"], merge=True).output
    assert escaped(said) == []


def test_a_command_of_a_check_does_not_get_out(booted: NspawnSandbox, baited: Bait) -> None:
    said = booted.run(["perl", "-", *baited.words], stdin=KIT.read_text(), merge=True).output
    assert escaped(said) == []


def test_a_unit_does_not_get_out(booted: NspawnSandbox, baited: Bait) -> None:
    """What a package has the system's own init start is bounded by the same."""
    said = booted.run(
        ["systemd-run", "--quiet", "--wait", "--pipe", "perl", "-", *baited.words],
        stdin=KIT.read_text(), merge=True,
    ).output  # fmt: skip
    assert escaped(said) == []


def test_what_enters_has_the_bounds_of_the_first_process(booted: NspawnSandbox) -> None:
    entered = booted.run(["sh", "-c", BOUNDS]).output
    first = booted.run(["sh", "-c", BOUNDS.replace("self", "1")]).output
    assert entered == first
    assert "Seccomp:\t2" in entered


def test_keys_of_the_machine_are_not_seen(booted: NspawnSandbox, baited: Bait) -> None:
    keys = booted.run(["cat", "/proc/keys"], check=False).output
    assert "_ses: empty" in keys, "a session keyring of its own"
    assert "bait" not in keys


def test_programs_that_gain_rights_still_do(booted: NspawnSandbox) -> None:
    """Bounds are not no_new_privs: su and the like must work as on any system."""
    script = "cp /usr/bin/id /var; chmod 4755 /var/id; setpriv --reuid=7 --clear-groups /var/id"
    assert "euid=0(root)" in booted.run(["sh", "-c", script]).output


def test_a_unit_that_wants_real_time_starts_without(booted: NspawnSandbox) -> None:
    """It would fail for want of a right that every machine's root has."""
    unit = "[Service]\nCPUSchedulingPolicy=rr\nIOSchedulingClass=realtime\nOOMScoreAdjust=-900\n"
    unit += "Nice=-10\nLimitNOFILE=9999999\nExecStart=sleep 60\n"
    script = "cat > /etc/systemd/system/rt.service && systemctl daemon-reload && systemctl start rt"
    booted.run(["sh", "-ec", script], stdin=unit, merge=True)
    assert booted.run(["systemctl", "is-active", "rt"], check=False).output == "active\n"


@pytest.mark.parametrize("user", [None, BUILDER_UID])
def test_a_step_of_a_build_does_not_get_out(
    built: Namespaces, baited: Bait, user: int | None
) -> None:
    said = built.run(
        ["perl", "-", *baited.words], stdin=KIT.read_text(), uid=user, merge=True
    ).output
    assert escaped(said) == []


def test_only_what_fetches_has_the_network(baited: Bait) -> None:
    """Not the scripts of what was fetched, though the root is one with a network."""
    cache = Cache(default_cache())
    port = next(w.removeprefix("port=") for w in baited.words if w.startswith("port="))
    ask = ["perl", "-MSocket", "-e", "socket(S, 2, 1, 6); connect(S, pack_sockaddr_in($ARGV[0], "
           "inet_aton('127.0.0.1'))) or die $!", port]  # fmt: skip
    with (
        throwaway(cache, Roots(cache, Config()).build(TARGET), "test") as overlay,
        opened(overlay, network=True) as inside,
    ):
        assert inside.run(ask, check=False, network=True).returncode == 0
        assert inside.run(ask, check=False).returncode != 0
        said = inside.run(["perl", "-", *baited.words], stdin=KIT.read_text(), merge=True)
        assert escaped(said.output) == []


@pytest.mark.parametrize(
    ("covered", "can"), [("", True), ("mount --bind /sys/kernel /sys/class; ", False)]
)
def test_a_container_that_hides_parts_of_the_kernel_gives_no_ids(
    covered: str, *, can: bool
) -> None:
    """systemd-nspawn could not mount its own /sys there, and nothing would boot."""
    asked = "from debwright.isolation.ids import Mapped; print(Mapped(600000).shows_kernel())"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", f'{covered}exec "$0" -c "$1"', sys.executable, asked],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == str(can), done.stdout + done.stderr


def test_files_keep_their_owners_on_the_disk(built: Namespaces) -> None:
    """Ids are translated by the mount: layers are the same, whoever has made them."""
    built.run(["sh", "-ec", f"touch /var/a /var/b; chown {BUILDER_UID}:7 /var/b"])
    upper = Path(built.spec.overlay.upper) if built.spec.overlay else Path("/")
    owners = {(f.name, f.stat().st_uid, f.stat().st_gid) for f in (upper / "var").glob("[ab]")}
    assert owners == {("a", 0, 0), ("b", BUILDER_UID, 7)}
    assert built.shifted
