"""What the emulator is told, and what systemd under it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from debwright.config import Config
from debwright.host import machine, process
from debwright.host.process import Completed
from debwright.isolation.emulation import PRELOAD, for_qemu_user, prove, steady_addresses
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.errors import MissingError
from debwright.model.manifest import Manifest
from debwright.model.targets import Target
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import Throwaway
from debwright.roots.preload import EXECUTOR, preload_for
from debwright.roots.store import Layer
from debwright.systems.nspawn import NspawnSandbox


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registered interpreter, which answers with what the test writes."""
    program = tmp_path / "qemu"
    (tmp_path / "qemu-aarch64").write_text(f"enabled\ninterpreter {program}\nflags: PF\n")
    monkeypatch.setattr(machine, "BINFMT", tmp_path)
    monkeypatch.setattr(machine, "host_arch", lambda: "amd64")
    monkeypatch.delenv("QEMU_CPU", raising=False)
    machine.emulator_environment.cache_clear()
    program.write_text(
        "#!/bin/sh\necho Available CPUs:\necho '  cortex-a57'\necho '  cortex-a76'\n"
    )
    program.chmod(0o755)
    return program


def test_qemu_is_a_raspberry_pi_5_where_it_can(emulator: Path) -> None:
    assert machine.emulator_environment("arm64") == (("QEMU_CPU", "cortex-a76"),)
    assert machine.emulator_environment("amd64") == ()
    assert machine.emulator_environment("riscv64") == ()


def test_an_old_qemu_is_told_nothing(emulator: Path) -> None:
    """It would refuse to start."""
    emulator.write_text("#!/bin/sh\necho '  cortex-a57'\n")
    assert machine.emulator_environment("arm64") == ()


@pytest.mark.usefixtures("emulator")
def test_a_wish_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU_CPU", "max")
    assert machine.emulator_environment("arm64") == (("QEMU_CPU", "max"),)


def test_without_an_emulator_nothing_is_told(emulator: Path, tmp_path: Path) -> None:
    (tmp_path / "qemu-aarch64").unlink()
    assert machine.emulator_environment("arm64") == ()


def test_services_get_the_variables_and_more_time(tmp_path: Path) -> None:
    for_qemu_user(tmp_path, {"QEMU_CPU": "cortex-a76"})
    text = (tmp_path / "etc/systemd/system.conf.d/debwright.conf").read_text()
    assert text.splitlines() == [
        "[Manager]", "DefaultTimeoutStartSec=540s", 'DefaultEnvironment="QEMU_CPU=cortex-a76"',
    ]  # fmt: skip


def test_the_preloaded_library_is_for_process_1_alone(tmp_path: Path) -> None:
    library = tmp_path / "x.so"
    library.write_bytes(b"ELF")
    for_qemu_user(tmp_path / "with", {}, preload=library)
    for_qemu_user(tmp_path / "without", {})
    drop_in = "etc/systemd/system/service.d/debwright.conf"
    assert (tmp_path / "with" / PRELOAD).read_bytes() == b"ELF"
    assert "UnsetEnvironment=LD_PRELOAD" in (tmp_path / "with" / drop_in).read_text()
    assert "LD_PRELOAD" not in (tmp_path / "without" / drop_in).read_text()


def test_only_systems_that_need_it_have_a_library_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debwright.roots.preload.host_arch", lambda: "amd64")
    compiled: list[Target] = []

    def compile_(_: Roots, target: Target) -> bytes:
        compiled.append(target)
        return b"ELF"

    monkeypatch.setattr("debwright.roots.preload._compiled", compile_)
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    roots = Roots(cache, Config())
    manifest = Manifest(name="boot", target="trixie-arm64", parent=None, inputs={}, packages=(),
                        created=datetime.now(UTC))  # fmt: skip
    layer = Layer(tmp_path / "layer", manifest)
    foreign, own = Target("trixie", "arm64"), Target("trixie", "amd64")
    (layer.tree / EXECUTOR).parent.mkdir(parents=True)
    assert preload_for(roots, foreign, layer) is None, "a systemd that does it the old way"
    (layer.tree / EXECUTOR).touch()
    assert preload_for(roots, own, layer) is None
    path = preload_for(roots, foreign, layer)
    assert path is not None
    assert path.read_bytes() == b"ELF"
    assert preload_for(roots, foreign, layer) == path
    assert compiled == [foreign]


@pytest.fixture
def arch_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program of PATH: runs a foreign program, or says that it cannot."""
    home = tmp_path / "path"
    home.mkdir()
    monkeypatch.setenv("PATH", str(home))
    (tmp_path / "status").write_text("enabled\n")
    return home / "arch-test"


def says(program: Path, status: int) -> None:
    program.write_text(f"#!/bin/sh\nexit {status}\n")
    program.chmod(0o755)


def test_what_counts_is_that_a_program_runs(emulator: Path, arch_test: Path) -> None:
    """Not a file's name: with the flag F the kernel holds the interpreter of a container."""
    emulator.unlink()
    says(arch_test, 0)
    assert machine.emulation_problem("arm64") is None
    says(arch_test, 1)
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert "does not exist" in problem.why


def test_an_interpreter_that_starts_and_runs_nothing_is_found_out(
    emulator: Path, arch_test: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(arch_test, 1)
    emulator.write_text("#!/bin/sh\necho qemu-aarch64 version 2.1\n")
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert "runs no program of arm64" in problem.why
    assert problem.fix == "sudo apt-get install --reinstall qemu-user-static binfmt-support"
    monkeypatch.setenv("QEMU_CPU", "pentium")
    problem = machine.emulation_problem("arm64")
    assert problem is not None
    assert "QEMU_CPU=pentium" in problem.why
    assert problem.fix == "unset QEMU_CPU"


def test_without_arch_test_the_interpreter_is_asked(emulator: Path, arch_test: Path) -> None:
    emulator.write_text("#!/bin/sh\necho qemu-aarch64 version 7.2\n")
    assert machine.emulation_problem("arm64") is None
    emulator.write_text("#!/bin/sh\nexit 127\n")
    assert "does not start (status 127)" in str(machine.emulation_problem("arm64"))


class Booted(NspawnSandbox):
    """Without a system: what systemctl says is given."""

    said = ""

    def _boot(self) -> None:
        """Nothing is booted."""

    def run(self, argv: Sequence[str], **_: object) -> Completed:
        return Completed(argv=tuple(argv), returncode=0, output=self.said)


def test_a_systemd_that_can_start_nothing_is_the_machines_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Debian 13's, under Debian 12's emulator: no fault of the package."""
    monkeypatch.setattr("debwright.systems.nspawn.is_root", lambda: True)
    monkeypatch.setattr("debwright.systems.nspawn.booted.prove", lambda *_: None)
    overlay = cast(Throwaway, SimpleNamespace(arch="arm64"))
    for said, emulated in (("success\n", True), ("resources\n", False)):
        system = Booted(overlay, emulated=emulated)
        system.said = said
        with system:
            pass
    system = Booted(overlay, emulated=True)
    system.said = "resources\n"
    with pytest.raises(MissingError, match="qemu-user"), system:
        pass


class Root:
    """A root whose programs end as the test says."""

    def __init__(self, *statuses: int, output: str = "") -> None:
        self.statuses, self.output, self.asked = list(statuses), output, [""]

    def run(self, argv: Sequence[str], **_: object) -> Completed:
        self.asked.append(argv[0])
        status = self.statuses.pop(0) if self.statuses else 0
        return Completed(
            argv=tuple(argv), returncode=status, output=self.output, error="", seconds=0
        )


@pytest.mark.parametrize("status", [139, -11, 134, 132])
def test_an_emulator_that_crashes_now_and_then_is_found(status: int) -> None:
    """qemu-user 8.2 passes arch-test, and crashes in one of several runs of ldconfig."""
    with pytest.raises(MissingError, match="qemu-user crashes in programs of arm64"):
        prove(Root(0, 0, status), "arm64")
    with pytest.raises(MissingError):
        prove(Root(0, 0, 0, 0, status), "arm64")
    with pytest.raises(MissingError):
        prove(Root(0, 1, output="QEMU internal SIGSEGV {code=MAPERR, addr=0x20}"), "arm64")


def test_a_root_without_python_is_proven_by_ldconfig() -> None:
    root = Root(0, 0, 0, 127)
    prove(root, "arm64")
    assert root.asked[1:] == ["ldconfig", "ldconfig", "ldconfig", "python3"]
    prove(Root(1, 1, 1), "arm64")  # an error of theirs is for others to judge


def test_emulated_programs_lie_at_fixed_addresses() -> None:
    prefix = steady_addresses()
    if not prefix:
        pytest.skip("this machine does not permit personality(2)")
    told = process.run([*prefix, "cat", "/proc/self/personality"]).output
    assert int(told, 16) & 0x0040000, "ADDR_NO_RANDOMIZE"


def test_only_commands_of_emulated_roots_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        "debwright.isolation.namespaces.process.run", lambda argv, **_: asked.append(argv)
    )
    monkeypatch.setattr(
        "debwright.isolation.namespaces.steady_addresses", lambda: ("setarch", "-R")
    )
    for emulated in (True, False):
        Namespaces(Spec(emulated=emulated), pid=1).run(["true"])
    assert [("setarch" in argv) for argv in asked] == [True, False]
