"""Checks on a machine by ssh: a booted root with a real sshd stands for the board on the desk."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Debwright, Run
from tests.kit import bellhop
from tests.kit.companion import checked_with_a_companion
from tests.kit.debs import build

from debwright.config import Config
from debwright.isolation.namespaces import Namespaces
from debwright.model.results import Status
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import make_throwaway
from debwright.systems.nspawn import NspawnSandbox
from debwright.systems.ssh import SshSystem
from debwright.systems.ssh.connection import Address

pytestmark = pytest.mark.minutes(0.15)

_PACKAGES = ["openssh-server", "sudo"]
_USERS = """
echo "127.0.1.1 $(cat /etc/hostname) debwright" >>/etc/hosts
echo 'pi ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pi
for user in pi poor; do
    useradd --create-home --shell /bin/bash "$user"
    mkdir "/home/$user/.ssh"
    printf '%s\\n' "$1" >"/home/$user/.ssh/authorized_keys"
    chown -R "$user:" "/home/$user/.ssh"
done
"""


@dataclass
class Machine:
    """The machine from outside: as ssh reaches it; and from inside, past ssh."""

    system: NspawnSandbox
    directory: Path

    def config(self, **options: str) -> Path:
        """An ssh configuration; `options` replace those of the name."""
        # What Debian's netcat would do, without it.
        relay = "exec 3<>/dev/tcp/127.0.0.1/22; cat <&3 & cat >&3; kill %%1"
        settings = {
            "IdentityFile": str(self.directory / "key"),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.directory / "known"),
            "GlobalKnownHostsFile": "/dev/null",
            "ProxyCommand": f"nsenter --target={self.system.leader} --net -- bash -c '{relay}'",
        } | options
        text = "Host board\n" + "".join(f"  {k} {v}\n" for k, v in settings.items())
        path = self.directory / "config"
        path.write_text(text)
        return path

    def traces(self) -> str:
        """What is left of a check, as root sees it."""
        return self.system.run(
            ["sh", "-c", "ls -d /var/lib/debwright-check /mnt/debwright* /var/lib/bellhop "
             "/etc/apt/sources.list.d/debwright* /var/lib/apt/lists/_mnt* 2>/dev/null; "
             "dpkg-query -W bellhop 2>/dev/null; getent passwd bellhop; true"]
        ).output  # fmt: skip


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    cache = Cache(default_cache())
    cache.prepare()
    roots, target = Roots(cache, Config()), Target("bookworm", "amd64")
    directory = tmp_path_factory.mktemp("machine")

    def change(inside: Namespaces, scratch: Path) -> None:
        arguments = ["install", "--no-install-recommends", *_PACKAGES]
        roots.install(inside, scratch, arguments, None, "sshd")

    layer = roots.custom("sshd", target, roots.boot(target), {"packages": _PACKAGES}, change)
    with ExitStack() as stack:
        stack.enter_context(layer.in_use())
        overlay = make_throwaway(stack.enter_context(cache.scratch("sshd")), layer)
        system = stack.enter_context(NspawnSandbox(overlay))
        for name in ("key", "other"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True
            )
        system.run(["sh", "-ec", _USERS, "sh", (directory / "key.pub").read_text().strip()])
        host_key = system.run(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).output
        (directory / "known").write_text(f"board {host_key}")
        yield Machine(system, directory)


@pytest.fixture
def debwright(machine: Machine, tmp_path: Path) -> Debwright:
    machine.config()
    config = f'{bellhop.CONFIG}[environments]\nssh_config = "{machine.directory}/config"\n'
    (tmp_path / "debwright.toml").write_text(config)
    bellhop.make(tmp_path)
    return Debwright(tmp_path)


def check(debwright: Debwright, *more: str, user: str = "pi", version: str = "1.0") -> Run:
    deb = str(debwright.directory / f"bellhop_{version}_amd64.deb")
    return debwright("check", "--sandbox", f"ssh://{user}@board", *more, deb)


def results(debwright: Debwright) -> dict[str, dict[str, Any]]:
    (path,) = debwright.directory.glob("dist/check/*/bookworm-amd64/check.json")
    return {result["name"]: result for result in json.loads(path.read_text())["checks"]}


def test_the_whole_sequence_and_nothing_left(debwright: Debwright, machine: Machine) -> None:
    run = check(debwright)
    assert run.code == 0, run.said
    found = results(debwright)
    for name in ("dependencies", "install", "service", "smoke", "files", "purge"):
        assert found[name]["status"] == "passed", found[name]
    measured = found["service"]["measurements"]
    assert measured["memory_bytes"] > 1_000_000
    assert measured["health_latency_seconds"] > 0
    assert "debian bookworm (amd64)" in found["service"]["notes"][0]
    assert machine.traces() == ""


def test_a_failing_package_is_taken_away_too(debwright: Debwright, machine: Machine) -> None:
    config = debwright.directory / "debwright.toml"
    config.write_text(config.read_text().replace(f':{bellhop.PORT}/"', ':9/"'))
    config.write_text(config.read_text().replace("[service]", "[service]\nstart_seconds = 2"))
    run = check(debwright)
    assert run.code == 4, run.said
    assert "Connection refused" in run.said
    assert machine.traces() == ""


def test_a_killed_check_is_cleaned_up_by_the_machine(
    debwright: Debwright, machine: Machine
) -> None:
    started = debwright.start(
        "check", "--sandbox", "ssh://pi@board",
        str(debwright.directory / "bellhop_1.0_amd64.deb"),
    )  # fmt: skip
    while "bellhop" not in machine.traces():
        assert started.poll() is None, "it ended before anything was installed"
        time.sleep(0.1)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    for _ in range(600):
        if not (left := machine.traces()):
            break
        time.sleep(0.1)
    assert left == ""


def test_what_somebody_installs_meanwhile_stays(debwright: Debwright, machine: Machine) -> None:
    """A machine goes on with its own work, as with upgrades that install another kernel."""
    other = build(debwright.directory, {}, name="neighbour", arch="all")
    machine.system.push(other, "/root/neighbour.deb")
    deb = str(debwright.directory / "bellhop_1.0_amd64.deb")
    started = debwright.start("check", "--sandbox", "ssh://pi@board", deb)
    while "bellhop" not in machine.traces():
        assert started.poll() is None, "it ended before anything was installed"
        time.sleep(0.1)
    while machine.system.run(["dpkg", "-i", "/root/neighbour.deb"], check=False).returncode:
        assert started.poll() is None, "dpkg was never free"
    machine.system.run(["useradd", "--uid", "4321", "newcomer"])
    started.wait(timeout=300)
    left = machine.system.run(
        ["sh", "-c", "dpkg-query -W neighbour; getent passwd newcomer"], check=False
    ).output
    machine.system.run(["sh", "-c", "dpkg --purge neighbour; userdel newcomer"], check=False)
    assert "neighbour" in left
    assert "newcomer" in left
    assert machine.traces() == ""


def test_an_installed_package_is_not_touched_unless_told(
    debwright: Debwright, machine: Machine
) -> None:
    old = bellhop.make(debwright.directory, version="0.9")
    machine.system.push(old, "/root/old.deb")
    machine.system.run(["dpkg", "-i", "/root/old.deb"])
    refused = check(debwright)
    assert refused.code == 2
    assert "has the package already: bellhop" in refused.said
    assert "--replace-installed" in refused.said
    assert "0.9" in machine.traces()
    told = check(debwright, "--replace-installed")
    assert told.code == 0, told.said
    machine.system.run(["userdel", "bellhop"])
    assert machine.traces() == ""


def test_another_architecture_is_told(debwright: Debwright) -> None:
    bellhop.make(debwright.directory, "arm64")
    deb = str(debwright.directory / "bellhop_1.0_arm64.deb")
    run = debwright("check", "-t", "bookworm-arm64", "--sandbox", "ssh://pi@board", deb)
    assert run.code == 2
    assert "not a machine for bookworm-arm64: it is a machine for amd64 packages" in run.said
    again = f"debwright -C {debwright.directory} check -t bookworm-amd64 --sandbox ssh://pi@board"
    assert again in run.said
    run = debwright("check", "-t", "trixie-amd64", "--sandbox", "ssh://pi@board",
                    str(debwright.directory / "bellhop_1.0_amd64.deb"))  # fmt: skip
    assert run.code == 2
    assert "it runs bookworm" in run.said


@pytest.mark.parametrize(
    ("user", "options", "said"),
    [
        ("poor", {}, ("may not become root without a password", "/etc/sudoers.d")),
        ("pi", {"IdentityFile": "OTHER"}, ("does not let this account in", "ssh-copy-id pi@board")),
        ("pi", {"UserKnownHostsFile": "/dev/null"}, ("host key is not known here", "fingerprint")),
        ("pi", {"UserKnownHostsFile": "WRONG"}, ("not the one that is known", "ssh-keygen -R")),
        ("pi", {"ProxyCommand": "none", "HostName": "127.0.0.1", "Port": "9"},
         ("nothing answers on the machine's ssh port", "enable --now ssh")),
        ("pi", {"ProxyCommand": "none", "HostName": "no.such.host.invalid"},
         ("the machine's name is not known", "getent hosts")),
    ],
)  # fmt: skip
def test_why_there_is_no_connection(
    debwright: Debwright,
    machine: Machine,
    user: str,
    options: dict[str, str],
    said: tuple[str, str],
) -> None:
    other = machine.directory / "other.pub"
    (machine.directory / "wrong").write_text(f"board {other.read_text()}")
    names = {"OTHER": str(machine.directory / "other"), "WRONG": str(machine.directory / "wrong")}
    machine.config(**{k: names.get(v, v) for k, v in options.items()})
    run = check(debwright, user=user)
    assert run.code == 5, run.said
    assert all(words in run.said for words in said), run.said
    assert "Traceback" not in run.said


def test_companions_are_at_hand(machine: Machine, tmp_path: Path) -> None:
    """What the product depends on and its own repository has, is brought to the machine."""
    address = Address.parse("ssh://pi@board")
    results = checked_with_a_companion(tmp_path, SshSystem(address, config=machine.config()))
    assert results["service"].status is Status.PASSED, results["service"]
    left = machine.system.run(["sh", "-c", "dpkg-query -W demo demo-data 2>/dev/null; true"])
    assert left.output == ""
