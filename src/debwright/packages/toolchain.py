"""Which toolchain made a program, as the program itself shows after it was stripped."""

from typing import IO, Literal

from debwright.packages.elf import has_section, note_owners

Toolchain = Literal["go", "rust", "other"]

_BLOCK = 1 << 20
_MOST = 512 << 20
_GO_SECTIONS = (".go.buildinfo", ".note.go.buildid")
# Rust's standard library asks for this variable when a thread panics (std::env, "RUST_BACKTRACE");
# the name stays in a stripped program. `.comment`, which names rustc, does not (dh_strip(1)).
_RUST = b"RUST_BACKTRACE"


def made_by(handle: IO[bytes]) -> Toolchain:
    """The toolchain of an ELF file; `other` for C's, and for what cannot be told.

    Go's linker writes a note with the owner `Go` and the section `.go.buildinfo` (cmd/link,
    debug/buildinfo); one of them stays whatever -ldflags say.
    """
    if b"Go" in note_owners(handle) or any(has_section(handle, name) for name in _GO_SECTIONS):
        return "go"
    return "rust" if _holds(handle, _RUST) else "other"


def _holds(handle: IO[bytes], wanted: bytes) -> bool:
    handle.seek(0)
    kept, read = b"", 0
    while (block := handle.read(_BLOCK)) and read < _MOST:
        if wanted in kept + block:
            return True
        kept, read = block[-len(wanted) :], read + len(block)
    return False
