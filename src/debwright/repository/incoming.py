"""What is handed in, read and judged: packages are untrusted until this module has seen them.

Names come from control fields, never from file names, and only after they match the rules of
Debian Policy 5.6 (Source, Package, Version, Architecture).
"""

import hashlib
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.model.errors import CheckError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.packages.control_archive import FILE_LIMIT, read_member
from debwright.repository.model import ARCHITECTURE, Entry, PackageFile
from debwright.repository.pool import pool_path

CONTROL_LIMIT = FILE_LIMIT
"""Bytes of a .dsc or a .changes."""

PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]{1,199}")
# A colon is allowed in front of nothing but the epoch: it would end up in file names.
VERSION = re.compile(r"(?:\d{1,9}:)?[0-9][A-Za-z0-9.+~-]{0,199}")
REVISION = re.compile(r"[A-Za-z0-9+.~]+")
SOURCE_FIELD = re.compile(r"(?P<name>[^\s()]+)(?:\s+\((?P<version>[^\s()]+)\))?")
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:~_-]{0,254}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A file on its way into a suite. `path` is None when only the pool can have it."""

    path: Path | None
    suite: str
    entry: Entry


def read_all(packages: Sequence[PackageFile]) -> list[Incoming]:
    """Read everything handed in: .changes and .dsc bring the files they name.

    Raises CheckError for a file that is broken or breaks the rules, UsageError for one that
    does not belong into a repository.
    """
    found: dict[tuple[str, str], Incoming] = {}
    queue = [p for package in packages for p in _expand(package)]
    companions = {p.path.name: p.path for p in queue}
    claimed: set[str] = set()
    for package in queue:
        if package.path.suffix == ".deb":
            fresh = [Incoming(path=package.path, suite=package.suite, entry=read_deb(package))]
        elif package.path.suffix == ".dsc":
            fresh = read_dsc(package, companions)
            claimed |= {Path(i.entry.path).name for i in fresh}
        else:
            continue
        for item in fresh:
            _remember(found, item)
    for package in queue:
        if package.path.suffix not in (".deb", ".dsc") and package.path.name not in claimed:
            raise UsageError(
                f"{package.path.name} is neither a package nor named by a .dsc",
                cause="a repository holds .deb files and source packages",
                fix="pass the .dsc or the .changes that names it",
            )
    return list(found.values())


def _remember(found: dict[tuple[str, str], Incoming], item: Incoming) -> None:
    key = (item.suite, item.entry.path)
    other = found.setdefault(key, item)
    if other.entry.sha256 != item.entry.sha256:
        raise CheckError(
            f"two different files want to be {item.entry.path}",
            evidence=[
                Evidence(text=f"sha256 {i.entry.sha256}", file=str(i.path)) for i in (other, item)
            ],
            cause="the same package and version was built twice",
            fix="pass one of them",
        )


def _expand(package: PackageFile) -> Iterator[PackageFile]:
    if not package.path.is_file():
        raise UsageError(f"there is no file {package.path}")
    if package.path.suffix != ".changes":
        yield package
        return
    fields = _read_signed(package.path, "changes")
    for name, size, sha256 in _listed_files(fields, package.path):
        if name.endswith(".buildinfo"):
            continue  # kept beside the build, as Debian does: not part of an archive
        path = package.path.parent / name
        _must_match(path, size, sha256, package.path)
        if path.suffix in (".deb", ".dsc"):
            yield PackageFile(path=path, suite=package.suite, component=package.component)


def read_deb(package: PackageFile) -> Entry:
    """The entry of a binary package. Raises CheckError."""
    fields = read_control(package.path)
    name = _field(fields, "Package", package.path, PACKAGE)
    version = _version(fields, package.path)
    architecture = _field(fields, "Architecture", package.path, ARCHITECTURE)
    if architecture in ("any", "source"):
        raise _bad(package.path, "Architecture", architecture)
    source = SOURCE_FIELD.fullmatch(str(fields.get("Source", name)).strip())
    if source is None or not PACKAGE.fullmatch(source["name"]):
        raise _bad(package.path, "Source", str(fields.get("Source")))
    size, sha256 = measure(package.path)
    file_name = f"{name}_{without_epoch(version)}_{architecture}.deb"
    return Entry(
        kind="deb",
        path=pool_path(package.component, source["name"], file_name),
        size=size,
        sha256=sha256,
        component=package.component,
        source=source["name"],
        package=name,
        version=version,
        architecture=architecture,
    )


def read_dsc(package: PackageFile, companions: Mapping[str, Path]) -> list[Incoming]:
    """A source package and the files it names, each compared with its checksum.

    Files are looked for among `companions`, then beside the .dsc; one that is in neither place
    has `path` None and must be in the pool already (a revision without a new upstream).
    """
    fields = _read_signed(package.path, "dsc")
    source = _field(fields, "Source", package.path, PACKAGE)
    version = _version(fields, package.path)
    size, sha256 = measure(package.path)
    file_name = f"{source}_{without_epoch(version)}.dsc"

    def entry(kind: Any, name: str, size: int, sha256: str) -> Entry:
        return Entry(
            kind=kind,
            path=pool_path(package.component, source, name),
            size=size,
            sha256=sha256,
            component=package.component,
            source=source,
            package=source,
            version=version,
            architecture="source",
        )

    items = [
        Incoming(
            path=package.path, suite=package.suite, entry=entry("dsc", file_name, size, sha256)
        )
    ]
    for name, size, sha256 in _listed_files(fields, package.path):
        if not name.startswith(f"{source}_") or name.endswith((".deb", ".dsc")):
            raise _bad(package.path, "Checksums-Sha256", name)
        path: Path | None = companions.get(name, package.path.parent / name)
        assert path is not None
        if path.is_file():
            _must_match(path, size, sha256, package.path)
        else:
            path = None
        items.append(
            Incoming(path=path, suite=package.suite, entry=entry("file", name, size, sha256))
        )
    return items


def read_control(path: Path) -> Mapping[str, Any]:
    """The control fields of a .deb (deb(5)), without unpacking it. Raises CheckError."""
    from debian.arfile import ArError
    from debian.deb822 import Deb822

    try:
        text = read_member(path, "control")
        if text is None:
            raise _unreadable(path, "it has no control file")
        _must_be_utf8(text, path)
        paragraphs = list(Deb822.iter_paragraphs(text, use_apt_pkg=False))
    except (ArError, tarfile.TarError, OSError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, str(error)) from error
    if len(paragraphs) != 1:
        raise _unreadable(path, f"its control file has {len(paragraphs)} paragraphs instead of one")
    return paragraphs[0]


def _must_be_utf8(text: bytes, path: Path) -> None:
    """Policy 5.1. An index has the fields of all packages: one in Latin-1 makes all of it
    unreadable to programs that decode what they read."""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise CheckError(
                f"{path.name} cannot be published: its control file is not in UTF-8",
                evidence=[
                    Evidence(text=f"line {number}: {line[:200].decode('latin-1')}", file=str(path))
                ],
                cause="Debian Policy 5.1 wants UTF-8; this looks like Latin-1",
                fix="iconv -f latin1 -t utf8 on debian/control or what wrote it, then build again",
            ) from error


def _read_signed(path: Path, kind: str) -> Mapping[str, Any]:
    """The fields of a .dsc or .changes, clear-signed or not."""
    from debian.deb822 import Changes, Dsc

    if path.stat().st_size > CONTROL_LIMIT:
        raise _unreadable(path, f"it has {path.stat().st_size} bytes")
    parse = Dsc if kind == "dsc" else Changes
    try:
        fields = parse(path.read_bytes())
    except (ValueError, KeyError, EOFError, UnicodeError) as error:
        raise _unreadable(path, str(error)) from error
    if "Checksums-Sha256" not in fields:
        raise CheckError(
            f"{path.name} names no SHA-256 checksums",
            evidence=[Evidence(text="no field Checksums-Sha256", file=str(path))],
            fix="build it with dpkg-source 1.15 or later",
        )
    return fields


def _listed_files(fields: Mapping[str, Any], path: Path) -> Iterator[tuple[str, int, str]]:
    rows = fields["Checksums-Sha256"]
    for row in rows if isinstance(rows, list) else [rows]:
        name, size, sha256 = (str(row.get(k, "")) for k in ("name", "size", "sha256"))
        if not FILE_NAME.fullmatch(name) or not size.isdecimal() or not SHA256.fullmatch(sha256):
            raise _bad(path, "Checksums-Sha256", f"{sha256} {size} {name}")
        yield name, int(size), sha256


def _must_match(path: Path, size: int, sha256: str, said_by: Path) -> None:
    if not path.is_file():
        raise CheckError(
            f"{path.name} is missing",
            evidence=[Evidence(text=f"names {path.name}", file=str(said_by))],
            fix=f"put it beside {said_by.name}",
        )
    if measure(path) != (size, sha256):
        raise CheckError(
            f"{path.name} is not the file that {said_by.name} names",
            evidence=[Evidence(text=f"sha256 {sha256} expected", file=str(said_by))],
            cause="it was rebuilt or damaged afterwards",
            fix="build the package again",
        )


def _field(fields: Mapping[str, Any], name: str, path: Path, rule: re.Pattern[str]) -> str:
    value = str(fields.get(name, ""))
    if not rule.fullmatch(value):
        raise _bad(path, name, value)
    return value


def _version(fields: Mapping[str, Any], path: Path) -> str:
    """Policy 5.6.12: [epoch:]upstream[-revision]."""
    version = _field(fields, "Version", path, VERSION)
    rest = version.split(":", 1)[1] if ":" in version else version
    if "-" in rest and not REVISION.fullmatch(rest.rsplit("-", 1)[1]):
        raise _bad(path, "Version", version)
    return version


def without_epoch(version: str) -> str:
    """The version as it stands in file names."""
    return re.sub(r"^\d+:", "", version)


def measure(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return stream.tell(), digest


def _bad(path: Path, field: str, value: str) -> CheckError:
    return CheckError(
        f"{path.name} cannot be published: its {field} is not valid",
        evidence=[Evidence(text=f"{field}: {value[:200]!r}", file=str(path))],
        cause="Debian Policy 5.6 says which characters names and versions may have",
        fix=Command("dpkg-deb", "--field", path, field) if path.suffix == ".deb" else None,
    )


def _unreadable(path: Path, why: str) -> CheckError:
    return CheckError(
        f"{path.name} is not a readable Debian package",
        evidence=[Evidence(text=why[:300], file=str(path))],
        cause="the file was cut short or damaged",
        fix=Command("dpkg-deb", "--info", path),
    )
