"""Makes small .deb files, sound and hostile, without building anything."""

import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CONTROL = """\
Package: {package}
Version: {version}
Architecture: {arch}
Maintainer: Jo <jo@example.org>
Installed-Size: 12
Section: misc
Depends: libc6 (>= 2.36),
 python3
Description: a test
{more}"""


@dataclass
class Item:
    """One member of the data archive; `kind` is tarfile's type."""

    name: str
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    kind: bytes = tarfile.REGTYPE
    link: str = ""


def elf(machine: int, bits: int = 2) -> bytes:
    """The first bytes of a little-endian ELF file (elf(5))."""
    return b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9) + b"\x03\0" + machine.to_bytes(2, "little")


def _tar(items: Iterable[Item]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for item in items:
            entry = tarfile.TarInfo(item.name)
            entry.size, entry.mode = len(item.content), item.mode
            entry.uid, entry.gid = item.uid, item.gid
            entry.type, entry.linkname = item.kind, item.link
            tar.addfile(entry, io.BytesIO(item.content))
    return out.getvalue()


def _ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    out = b"!<arch>\n"
    for name, content in members:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        out += content + (b"\n" if len(content) % 2 else b"")
    return out


def make_deb(
    path: Path,
    *items: Item,
    package: str = "demo",
    version: str = "1.0-1",
    arch: str = "amd64",
    more: str = "",
    data: bytes | None = None,
) -> Path:
    """A deb(5) archive with these files; `data` replaces the data archive's bytes."""
    control = CONTROL.format(package=package, version=version, arch=arch, more=more).encode()
    path.write_bytes(
        _ar(
            [
                ("debian-binary", b"2.0\n"),
                ("control.tar.gz", _tar([Item("./control", control)])),
                ("data.tar.gz", _tar(items) if data is None else data),
            ]
        )
    )
    return path
