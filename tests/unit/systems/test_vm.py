"""The command line of virtual machines."""

from pathlib import Path

import pytest

from debwright.systems.vm import VirtualMachine, vm_problem


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
