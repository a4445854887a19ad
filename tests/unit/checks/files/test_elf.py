"""Reading ELF headers: real programs, made ones, and bytes that only look like one."""

import io
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.kit.elffiles import Program

from debwright.packages.elf import ET_DYN, ET_EXEC, machine_of, read


def test_this_python_is_read_as_what_it_is() -> None:
    path = Path(sys.executable).resolve()
    with path.open("rb") as file:
        elf = read(file)
    assert elf is not None
    assert elf.kind in (ET_EXEC, ET_DYN)
    assert elf.interpreter
    assert elf.loadable
    assert elf.exec_stack is False
    assert any(name.startswith(b"libc.so") for name in elf.names)


@given(
    st.builds(
        Program, kind=st.sampled_from([2, 3]), interpreter=st.booleans(), relro=st.booleans(),
        now=st.booleans(), stack_flags=st.sampled_from([None, 6, 7]),
        runpath=st.sampled_from([None, b"", b"/build/x/lib", b"$ORIGIN"]),
    )
)  # fmt: skip
def test_a_made_file_reads_back(program: Program) -> None:
    elf = read(io.BytesIO(program.build()))
    assert elf is not None
    assert (elf.kind, elf.interpreter, elf.relro) == (
        program.kind, program.interpreter, program.relro,
    )  # fmt: skip
    assert elf.bind_now == program.now
    assert elf.search_path == (program.runpath or b"").decode()
    assert set(program.names) <= elf.names
    flags = program.stack_flags
    assert elf.exec_stack == (None if flags is None else flags == 7)


@given(st.binary(max_size=300), st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_no_bytes_bring_the_reader_down(tail: bytes, place: int, change: bytes) -> None:
    whole = bytearray(Program().build())
    whole[place : place + len(change)] = change
    read(io.BytesIO(bytes(whole)))
    read(io.BytesIO(b"\x7fELF" + tail))
    machine_of(tail)
