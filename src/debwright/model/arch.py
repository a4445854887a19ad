"""The architectures debwright builds for: one row each, and every other module reads it here.

A new architecture is one new row. Names and triplets are dpkg's (dpkg-architecture(1)), which a
test asks for all rows; ELF's numbers are those of elf.h, the kernel's those of its unistd.h.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_LITTLE, _BIG = 1, 2


@dataclass(frozen=True, kw_only=True)
class ElfKind:
    """What the header of a program says of the machine it is for (elf(5))."""

    bits: int
    """Its class: 32 or 64."""
    machine: int
    """e_machine."""
    order: int = _LITTLE
    """Byte order as in e_ident: 1 little, 2 big."""

    @property
    def header(self) -> tuple[int, int, int]:
        """Class (1 or 2), byte order and e_machine, as the header has them."""
        return self.bits // 32, self.order, self.machine


@dataclass(frozen=True, kw_only=True)
class Board:
    """How qemu-system makes a whole machine; its program has the architecture's `qemu` name."""

    package: str
    """Debian's package of the program."""
    machine: str
    console: str
    cpu: str = "max"


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What every tool calls one architecture, and what it can do."""

    name: str
    """Debian's."""
    gnu: str
    """GNU triplet its tools are named after (DEB_HOST_GNU_TYPE)."""
    elf: ElfKind
    qemu: str
    """qemu's name, as in `qemu-aarch64`."""
    kernel: tuple[str, ...]
    """Names that uname(2) gives such machines; the first is a wheel's platform too (PEP 600)."""
    pivot_root: int
    """Number of the system call."""
    go: str
    """Go's GOARCH, which images of containers are named by."""
    node: str
    """Node's `process.arch`, which packages of npm name in `cpu`."""
    multiarch: str = ""
    """Multi-Arch triplet, of directories below /usr/lib (DEB_HOST_MULTIARCH); none: as `gnu`."""
    cpu: str | None = None
    """What qemu-user is told to be; None: its default, `max`."""
    runs_too: frozenset[str] = frozenset()
    """Further architectures whose programs every such machine runs by itself."""
    hosts_cross: bool = False
    """Whether Debian has cross compilers that run on it, for all the others."""
    debian: int = 0
    """The first release of Debian that has it."""
    ubuntu: bool = True
    """Whether Ubuntu has a whole system for it."""
    manylinux: int = 17
    """Minor version of the oldest C library that wheels are made for: manylinux2014's."""
    executable_stack: bool = False
    """Whether the loader takes a file that says nothing to want an executable stack."""
    runner: str = ""
    """Label of GitHub's own runners; empty: there are none."""
    board: Board | None = None

    @property
    def libraries(self) -> str:
        """The directory below /usr/lib that its libraries are in."""
        return self.multiarch or self.gnu

    @property
    def wheel(self) -> str:
        """The machine in a wheel's platform tag, and `platform_machine` of a marker."""
        return self.kernel[0]


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        row.name: row
        for row in (
            Architecture(
                name="amd64", gnu="x86_64-linux-gnu", elf=ElfKind(bits=64, machine=62),
                qemu="x86_64", kernel=("x86_64", "amd64"), pivot_root=155, go="amd64", node="x64",
                runs_too=frozenset({"i386"}), hosts_cross=True,
                manylinux=5, executable_stack=True, runner="ubuntu-24.04",
                board=Board(package="qemu-system-x86", machine="q35", console="ttyS0"),
            ),
            Architecture(
                name="arm64", gnu="aarch64-linux-gnu", elf=ElfKind(bits=64, machine=183),
                qemu="aarch64", kernel=("aarch64", "arm64"), pivot_root=41, go="arm64",
                node="arm64",
                # A Raspberry Pi 5's. `max` computes the pointer authentication that Debian 13 is
                # compiled with in software, which makes Python six times slower. (armhf programs
                # run on most arm64 processors by themselves, but not on all.)
                cpu="cortex-a76", hosts_cross=True, runner="ubuntu-24.04-arm",
                board=Board(
                    package="qemu-system-arm", machine="virt", console="ttyAMA0", cpu="cortex-a76"
                ),
            ),
            Architecture(
                name="armhf", gnu="arm-linux-gnueabihf", elf=ElfKind(bits=32, machine=40),
                qemu="arm", kernel=("armv7l", "armv8l"), pivot_root=218, go="arm", node="arm",
                executable_stack=True,
            ),
            Architecture(
                name="i386", gnu="i686-linux-gnu", multiarch="i386-linux-gnu",
                elf=ElfKind(bits=32, machine=3), qemu="i386", kernel=("i686", "i386"),
                pivot_root=217, go="386", node="ia32", hosts_cross=True, manylinux=5,
                executable_stack=True,
                # Ubuntu has its libraries only: it cannot be booted.
                ubuntu=False,
            ),
            Architecture(
                name="ppc64el", gnu="powerpc64le-linux-gnu", elf=ElfKind(bits=64, machine=21),
                qemu="ppc64le", kernel=("ppc64le",), pivot_root=203, go="ppc64le", node="ppc64",
                hosts_cross=True,
            ),
            Architecture(
                name="riscv64", gnu="riscv64-linux-gnu", elf=ElfKind(bits=64, machine=243),
                qemu="riscv64", kernel=("riscv64",), pivot_root=41, go="riscv64", node="riscv64",
                debian=13,
            ),
            Architecture(
                name="s390x", gnu="s390x-linux-gnu",
                elf=ElfKind(bits=64, machine=22, order=_BIG),
                qemu="s390x", kernel=("s390x",), pivot_root=217, go="s390x", node="s390x",
            ),
        )
    }
)  # fmt: skip
"""Debian's name to the row."""

BY_KERNEL: Mapping[str, Architecture] = MappingProxyType(
    {name: row for row in ARCHITECTURES.values() for name in row.kernel}
)
"""A machine's name, as uname(2) gives it, to the row."""

BY_ELF: Mapping[tuple[int, int, int], Architecture] = MappingProxyType(
    {row.elf.header: row for row in ARCHITECTURES.values()}
)
"""Class, byte order and e_machine of a program to the row."""

BY_GO: Mapping[str, Architecture] = MappingProxyType(
    {row.go: row for row in ARCHITECTURES.values()}
)
"""Go's name to the row."""
