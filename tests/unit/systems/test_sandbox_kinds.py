"""Addresses, what ssh and docker say, and what systems answer: text of others, taken apart."""

import os
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.kit.pages import TOP

from debwright.config import LoadedConfig, load
from debwright.host.process import run
from debwright.model.errors import ConfigError, UsageError
from debwright.model.targets import Target, also_on
from debwright.systems import remote
from debwright.systems.choose import system_for
from debwright.systems.environments import Environments
from debwright.systems.facts import Facts, mismatch
from debwright.systems.kinds import Kind, kind_of, kinds
from debwright.systems.ssh import named_after
from debwright.systems.ssh.connection import Address
from debwright.systems.ssh.trouble import explain
from debwright.systems.vm import VirtualMachine, vm_problem


@pytest.mark.parametrize(
    ("text", "destination", "port"),
    [
        ("ssh://pi@raspberrypi.local", "pi@raspberrypi.local", None),
        ("ssh://board:2222", "board", 2222),
        ("ssh://root@192.0.2.7:22/", "root@192.0.2.7", 22),
        ("ssh://pi@[2001:db8::1]:2200", "pi@2001:db8::1", 2200),
    ],
)
def test_addresses(text: str, destination: str, port: int | None) -> None:
    address = Address.parse(text)
    assert (address.destination, address.port) == (destination, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["ssh://", "ssh://-oProxyCommand=x", "ssh://pi@-x", "ssh://a b", "ssh://a;b", "ssh://pi@h:0",
     "ssh://pi@h:65536", "ssh://pi@h/etc", "ssh://a@b@c", "ssh://$(x)", "http://h", "ssh://h\n"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)


@given(st.text(max_size=60))
@example("ssh://-x")
def test_no_address_can_be_an_option(text: str) -> None:
    try:
        address = Address.parse(f"ssh://{text}")
    except UsageError:
        return
    assert not address.destination.startswith("-")
    assert set(address.destination) <= set(string.ascii_letters + string.digits + "@._-:")


@pytest.mark.parametrize(
    ("said", "what", "fix"),
    [
        ("Host key verification failed.", "not known here", "ssh -p 22 pi@h true"),
        ("@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification "
         "failed.", "is not the one that is known", "ssh-keygen -R h"),
        ("pi@h: Permission denied (publickey).", "does not let this account in",
         "ssh-copy-id -p 22 pi@h"),
        ("ssh: Could not resolve hostname h: Name or service not known", "name is not known",
         "getent hosts h"),
        ("ssh: connect to host h port 22: Connection refused", "nothing answers", "systemctl"),
        ("ssh: connect to host h port 22: Connection timed out", "cannot be reached", "ping"),
        ("a thing never seen", "ssh did not connect", "ssh -p 22 pi@h -v"),
    ],
)  # fmt: skip
def test_what_ssh_says(said: str, what: str, fix: str) -> None:
    error = explain("ssh -p 22 pi@h", said)
    assert error.exit_code == 5
    assert what in error.what
    assert fix in (error.fix or "")


def test_files_come_as_stat_prints_them() -> None:
    text = (
        "regular file/644/0/0/5/1700000000/var/lib/x y\0"
        "directory/1777/33/33/4096/1700000001/srv/a\nb\0symbolic link/777/0/0/3/17/etc/l\0"
        "socket/600/0/0/0/1/run/s\0broken\0regular file/9z/0/0/0/0/x\0"
    )
    found = remote.parse_stat(text)
    assert set(found) == {"/var/lib/x y", "/srv/a\nb", "/etc/l", "/run/s"}
    assert found["/var/lib/x y"].mtime_ns == 1_700_000_000 * 10**9
    assert found["/srv/a\nb"].mode == 0o1777
    assert found["/run/s"].kind == "special"


@given(st.text(max_size=300))
def test_any_answer_gives_files_or_none(text: str) -> None:
    assert all(path.startswith("/") for path in remote.parse_stat(text))


def test_processes_of_a_unit_in_a_container_and_out_of_one() -> None:
    listing = (
        "/proc/1/cgroup:0::/init.scope\n"
        "/proc/70/cgroup:0::/system.slice/a.service\n"
        "/proc/71/cgroup:0::/system.slice/a.service/worker\n"
        "/proc/72/cgroup:1:name=systemd:/docker/77/system.slice/a.service\n"
        "/proc/73/cgroup:0::/system.slice/aa.service\n"
        "/proc/x/cgroup:0::/system.slice/a.service\n"
    )
    assert remote.processes_of(listing, "/system.slice/a.service") == [70, 71, 72]


@pytest.mark.parametrize(
    ("facts", "target", "why"),
    [
        (Facts("arm64", "debian", "bookworm"), "bookworm-arm64", None),
        (Facts("arm64", "debian", "bookworm"), "raspios-bookworm-arm64", None),
        (Facts("armhf", "raspbian", "bookworm"), "raspios-bookworm-arm64", "armhf packages"),
        (Facts("amd64", "ubuntu", "jammy"), "jammy-amd64", None),
        (Facts("amd64", "ubuntu", "jammy"), "bookworm-amd64", "runs ubuntu"),
        (Facts("amd64", "debian", "trixie"), "bookworm-amd64", "runs trixie"),
        (Facts("amd64", "debian", None), "sid-amd64", None),
    ],
)  # fmt: skip
def test_a_machine_and_a_target(facts: Facts, target: str, why: str | None) -> None:
    said = mismatch(facts, Target.parse(target))
    assert (said is None) if why is None else (said is not None and why in said)


def test_packages_of_the_first_target_go_elsewhere() -> None:
    build = ["bookworm-amd64", "trixie-amd64", "bookworm-arm64"]
    wanted = ["trixie-amd64", "jammy-amd64", "jammy-arm64"]

    def go(target: str) -> list[str]:
        return [str(t) for t in also_on(build, wanted, Target.parse(target))]

    assert go("bookworm-amd64") == ["trixie-amd64", "jammy-amd64"]
    assert go("trixie-amd64") == []
    assert go("bookworm-arm64") == ["jammy-arm64"]


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    (tmp_path / "debwright.toml").write_text(
        '[environments]\nsandbox = "ssh://pi@board"\nssh_config = "ssh"\n'
    )
    return load(tmp_path)


def test_the_command_line_goes_before_the_configuration(loaded: LoadedConfig) -> None:
    assert str(system_for(loaded)) == "ssh://pi@board"
    assert str(system_for(loaded, "nspawn")) == "nspawn"
    with pytest.raises(UsageError, match="not a kind of sandbox"):
        system_for(loaded, "dokcer")
    with pytest.raises(UsageError, match="nothing else has anything to lose"):
        system_for(loaded, "vm", replace=True)


@pytest.mark.parametrize(
    "line",
    [
        'sandbox = "pdoman"',
        'sandbox = "vm://board"',
        'install_on = ["trixy-amd64"]',
        'install_on = ["bookworm"]',
    ],
)
def test_wrong_environments_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "debwright.toml").write_text(f"[environments]\n{line}\n")
    with pytest.raises(ConfigError):
        load(tmp_path)


def test_a_pi_has_its_own_core_and_no_way_out(tmp_path: Path) -> None:
    machine = VirtualMachine(
        "arm64", tmp_path / "k", tmp_path / "i", tmp_path / "a,b", tmp_path, accelerated=False
    )
    command = machine.command()
    assert command[command.index("-cpu") + 1] == "cortex-a76"
    assert any("restart=" not in word and "restrict=on" in word for word in command)
    assert f"file={tmp_path}/a,,b,format=raw,if=none,id=disk,cache=unsafe" in command
    problem = vm_problem("s390x")
    assert problem is not None
    assert all(arch in (problem.cause or "") for arch in ("amd64", "arm64"))


def test_no_qemu_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    problem = vm_problem("arm64")
    assert problem is not None
    assert problem.fix == "sudo apt-get install qemu-system-arm"


@pytest.mark.parametrize(
    ("target", "image", "said"),
    [
        ("jammy-amd64", "--privileged", "docker pull"),
        ("jammy-amd64", "ubuntu 22.04", "docker pull"),
        ("jammy", "ubuntu:22.04", "SUITE-ARCH"),
    ],
)
def test_an_image_is_a_name_for_a_target(
    tmp_path: Path, target: str, image: str, said: str
) -> None:
    text = f'[environments.images]\n{target} = "{image}"\n'
    (tmp_path / "debwright.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert said in str(caught.value.cause) + str(caught.value.fix) + str(caught.value.evidence)


@pytest.mark.parametrize(
    ("path", "mine"),
    [
        ("/var/lib/demo", True),
        ("/etc/demo.conf", True),
        ("/etc/systemd/system/demo.service.d/local.conf", True),
        ("/var/lib/other", False),
        ("/home/jo/demo", False),
        ("/home/jo/demo.txt", False),
        ("/srv/demo/data", False),
        ("/root/demo", False),
    ],
)
def test_what_people_name_after_a_package_is_theirs(path: str, mine: bool) -> None:
    """It came while a machine was checked, and would have been removed from it."""
    assert named_after(path, {"demo"}) is mine


def test_the_nature_of_files_as_find_tells_it(tmp_path: Path) -> None:
    (tmp_path / "setuid\nand more").touch(mode=0o600)
    (tmp_path / "setuid\nand more").chmod(0o4755)
    (tmp_path / "link").symlink_to("nowhere")
    done = run(["sh", "-c", f"find {tmp_path} {remote._NATURE}"])
    found = remote.parse_nature(done.output)
    assert found[f"{tmp_path}/setuid\nand more"].mode == 0o4755
    assert found[f"{tmp_path}/link"].kind == "symlink"
    assert found[str(tmp_path)].kind == "directory"
    assert remote.parse_nature("nonsense\0f/x/0/0/a\0f/644/0\0") == {}


def test_when_a_file_was_changed_is_known_to_the_nanosecond(tmp_path: Path) -> None:
    """A service writes in the second of its start: `writes` must tell which was first."""
    made = tmp_path / "made"
    made.write_text("four")
    os.utime(made, ns=(0, 1_800_000_000_123_456_789))
    done = run(["stat", f"--printf={remote._STAT}\\0", "--", made])
    (entry,) = remote.parse_stat(done.output).values()
    assert (entry.kind, entry.size, entry.mtime_ns) == ("file", 4, 1_800_000_000_123_456_789)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_each_kind_has_its_row_in_the_documentation(kind: Kind) -> None:
    rows = (TOP / "docs/sandboxes.md").read_text().splitlines()
    default = " (default)" if kind.name == Environments().sandbox else ""
    assert f"| `{kind.form}`{default} | {kind.about} | {kind.needs} | {kind.good_for} |" in rows


def test_a_kind_is_found_by_its_module_or_by_another() -> None:
    assert {k.name for k in kinds()} == {"docker", "nspawn", "podman", "ssh", "vm"}
    for text, name in (("nspawn", "nspawn"), ("podman", "podman"), ("ssh://pi@board", "ssh")):
        kind = kind_of(text)
        assert kind is not None
        assert kind.name == name
    assert kind_of("container") is None, "a module that is no kind"
    assert kind_of("ssh") is None
    assert kind_of("") is None
