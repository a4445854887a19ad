"""What is asked of C's programs is not asked of those that another toolchain made."""

import io
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import build
from tests.kit.elffiles import Program
from tests.kit.packages import context, judged

from debwright.checks.files.hardening import HardeningCheck
from debwright.packages.toolchain import made_by

# As `go build` makes one: not position-independent, no RELRO; a note stays when it is stripped.
GO = {"kind": 2, "relro": False, "now": False, "names": (), "note": b"Go"}
# As `cargo build --release` makes one: the standard library itself calls readlink and realpath.
RUST = {"names": (b"libc.so.6", b"readlink", b"realpath"), "text": b"..RUST_BACKTRACE0full.."}


def codes(directory: Path, **program: Any) -> set[str]:
    deb = build(directory, {"/usr/bin/demo": (Program(**program).build(), 0o755)})
    return {f.code for f in judged(HardeningCheck(), context(directory, deb)).findings}


def test_a_go_program_is_not_asked_for_what_go_does_not_give(tmp_path: Path) -> None:
    assert codes(tmp_path, **GO) == set()


def test_the_same_program_of_a_c_compiler_is(tmp_path: Path) -> None:
    assert codes(tmp_path, **{**GO, "note": b"GNU"}) == {"hardening/no-pie", "hardening/no-relro"}


def test_a_go_program_with_an_executable_stack_is_reported(tmp_path: Path) -> None:
    assert codes(tmp_path, **{**GO, "stack_flags": 7}) == {"hardening/executable-stack"}


def test_a_rust_program_needs_no_stack_protector_and_is_asked_for_the_rest(tmp_path: Path) -> None:
    assert codes(tmp_path, **RUST) == set()
    assert codes(tmp_path / "c", **{**RUST, "text": b""}) == {"hardening/no-stack-protector"}
    assert codes(tmp_path / "fixed", **{**RUST, "kind": 2}) == {"hardening/no-pie"}


@pytest.mark.parametrize(
    ("program", "toolchain"),
    [(GO, "go"), (RUST, "rust"), ({}, "other"), ({"note": b"GNU"}, "other")],
)
def test_made_by(program: dict[str, Any], toolchain: str) -> None:
    assert made_by(io.BytesIO(Program(**program).build())) == toolchain


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(60), b"x" * 200])
def test_made_by_of_no_elf_file(data: bytes) -> None:
    assert made_by(io.BytesIO(data)) == "other"


def test_a_word_across_two_blocks_is_found() -> None:
    data = b"x" * ((1 << 20) - 5) + b"RUST_BACKTRACE"
    assert made_by(io.BytesIO(data)) == "rust"
