"""What the doctor finds on a machine that has nothing."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from debwright.config import Config
from debwright.doctor import Health, machine
from debwright.doctor.machine import examine
from debwright.model.errors import MissingError
from debwright.model.targets import Obstacle, suite_info


def diagnose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *targets: str) -> dict[str, Health]:
    """A machine with nothing on it, and no namespaces."""

    class Refused:
        def __init__(self, _: object) -> None:
            raise MissingError("a sandbox could not be set up")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(machine, "Namespaces", Refused)
    monkeypatch.setattr(machine, "host_arch", lambda: "amd64")
    monkeypatch.setattr(
        machine, "emulation_problem", lambda arch: Obstacle(why=f"no emulator for {arch}")
    )
    monkeypatch.setattr(machine, "is_root", lambda: False)
    monkeypatch.setattr(machine, "free_bytes", lambda _: 1024**3)
    keyring = str(tmp_path / "debian-archive-keyring.gpg")
    monkeypatch.setattr(machine, "suite_info", lambda s: replace(suite_info(s), keyring=keyring))
    config = Config.model_validate({"targets": {"build": list(targets)}})
    return {item.name: item for item in examine(config)}


def test_everything_that_lacks_comes_with_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = diagnose(monkeypatch, tmp_path, "bookworm-amd64", "bookworm-arm64", "bookworm-i386")
    assert not [item.name for item in found.values() if item.ok]
    assert not [item.name for item in found.values() if not item.fix]
    assert found["mmdebstrap"].fix == "sudo apt-get install mmdebstrap"
    assert found["debian-archive-keyring"].fix == "sudo apt-get install debian-archive-keyring"
    assert found["systemd-nspawn"].fix == "sudo apt-get install systemd-container"
    assert "qemu-user-static" in str(found["emulation of arm64"].fix)
    assert "1.0 GiB free" in found["disk"].found
    assert "sudo" in str(found["namespaces"].fix) or "subuids" in str(found["namespaces"].fix)
    assert not found["git"].needed
    assert not found["rights"].needed


def test_what_the_machine_runs_itself_needs_no_emulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = diagnose(monkeypatch, tmp_path, "bookworm-amd64", "bookworm-i386")
    assert not [name for name in found if name.startswith("emulation")]


def test_a_lost_registration_is_registered_again_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """qemu is there, the kernel's entry is gone: installing it once more would change nothing."""
    from debwright.host import machine

    (tmp_path / "status").write_text("enabled\n")
    monkeypatch.setattr(machine, "BINFMT", tmp_path)
    monkeypatch.setattr(machine, "BINFMT_SUPPORT", tmp_path / "binfmts")
    (tmp_path / "binfmts").mkdir()
    (tmp_path / "binfmts/qemu-aarch64").touch()
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert problem.fix == "sudo update-binfmts --enable qemu-aarch64"
    (tmp_path / "binfmts/qemu-aarch64").unlink()
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert problem.fix == "sudo systemctl restart systemd-binfmt"
    monkeypatch.setattr("shutil.which", lambda _: None)
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert "apt-get install qemu-user-static" in problem.fix
