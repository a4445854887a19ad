"""The one place that makes .deb files: by dpkg-deb, or byte by byte where dpkg-deb would refuse."""

import io
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Content = bytes | str | tuple[bytes | str, int]
"""What is in a file; a tuple gives its mode as well."""

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {arch}
Maintainer: Jo <jo@example.org>
Section: misc
Priority: optional
Description: a test
 of the checks
{more}"""


def build(
    directory: Path, files: Mapping[str, Content], *, name: str = "demo", version: str = "1.0-1",
    arch: str = "amd64", more: str = "", compression: str = "gzip",
) -> Path:  # fmt: skip
    """`dpkg-deb --build` of these files, those of DEBIAN among them; `more` are further fields."""
    tree = directory / f"{name}-{version.replace(':', '%')}-{arch}"
    control = CONTROL.format(name=name, version=version, arch=arch, more=more)
    write(tree, {"DEBIAN/control": control, **files})
    deb = directory / f"{name}_{version.rpartition(':')[2]}_{arch}.deb"
    return pack(tree, deb, compression=compression)


def write(tree: Path, files: Mapping[str, Content]) -> None:
    """Put these files below `tree`; what begins with #! can be run."""
    for path, content in files.items():
        data, mode = content if isinstance(content, tuple) else (content, None)
        place = tree / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        written = data.encode() if isinstance(data, str) else data
        place.write_bytes(written)
        place.chmod(mode or (0o755 if written.startswith(b"#!") else 0o644))


def pack(tree: Path, deb: Path, *, compression: str = "gzip") -> Path:
    """`dpkg-deb --build` of a directory, whatever the umask was when it was made."""
    for made in [tree, *tree.rglob("*")]:
        if made.is_dir() and not made.is_symlink():
            made.chmod(0o755)
    argv = ["dpkg-deb", "--nocheck", f"-Z{compression}", "--root-owner-group", "--build"]
    subprocess.run([*argv, str(tree), str(deb)], check=True, capture_output=True)
    return deb


# Byte by byte.

HOSTILE_CONTROL = """\
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


def tar(items: Iterable[Item], compression: str = "gz") -> bytes:
    """A tar archive with these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for item in items:
            entry = tarfile.TarInfo(item.name)
            entry.size, entry.mode = len(item.content), item.mode
            entry.uid, entry.gid = item.uid, item.gid
            entry.type, entry.linkname = item.kind, item.link
            archive.addfile(entry, io.BytesIO(item.content))
    return out.getvalue()


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """An ar archive with these members (deb(5))."""
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
    """A deb(5) archive of any members, hostile ones too; `data` replaces the data archive."""
    control = HOSTILE_CONTROL.format(package=package, version=version, arch=arch, more=more)
    raw_deb(path, control.encode(), tar(items) if data is None else data)
    return path


def raw_deb(path: Path, control: bytes, data: bytes = b"", compression: str = "gz") -> Path:
    """A deb(5) archive with this control file, whatever it says."""
    member = tar([Item("./control", control)], compression)
    names = ("debian-binary", f"control.tar.{compression}", "data.tar.gz")
    path.write_bytes(ar(zip(names, (b"2.0\n", member, data), strict=True)))
    return path
