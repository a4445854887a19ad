"""ELF files: the machine they are for, and whether the target has the symbols they need.

A program asks for versions of a library by name (`GLIBC_2.34` of libc.so.6:
.gnu.version_r), a library says which it has (.gnu.version_d); LSB Core, "Symbol Versioning".
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debian.debfile import DebFile

from debwright.checks.files import elf
from debwright.checks.twice.sides import SHOWN, Side
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.packages.debs import LIMIT, Deb, members
from debwright.packages.elf import needed_versions, provided_versions
from debwright.roots.store import Layer

SIZE_LIMIT = 512 * 2**20
"""Bytes; a larger file is not read."""

_VERSION = re.compile(r"(?P<family>[A-Z]+)_(?P<number>\d+(?:\.\d+)*)")


CODES = (
    Codes(
        {
            "equivalence/symbol-floor": Code(
                ERROR, "A program needs symbols that the target's libraries do not have."
            ),
            "equivalence/library-missing": Code(
                WARNING, "A library is needed that neither the package nor its dependencies have."
            ),
        }
    )
    | elf.CODES
)


@dataclass(frozen=True)
class Needs:
    """The versions that one file asks of each library."""

    path: str
    versions: Mapping[str, frozenset[str]] = field(default_factory=dict)


def machine_findings(side: Side) -> list[Finding]:
    """Every ELF file that is not of the package's architecture."""
    return [
        finding
        for deb in side.packages.values()
        for member in members(deb.path)
        if (finding := elf.elf_finding(deb, member)) is not None
    ]


def floor_findings(side: Side, layer: Layer) -> tuple[list[Finding], str]:
    """What the target's libraries lack, and a note of the highest versions that are needed.

    `layer` is the target's root with the packages' dependencies.
    """
    lacking: dict[tuple[str, str], list[str]] = {}
    unknown: dict[str, list[str]] = {}
    highest: dict[str, str] = {}
    known: dict[str, frozenset[str] | None] = {}
    for deb in side.packages.values():
        shipped = {m.path.rsplit("/", 1)[-1] for m in members(deb.path)}
        for item in needs_of(deb):
            for library, versions in item.versions.items():
                for version in versions:
                    _raise(highest, version)
                if library in shipped:
                    continue
                if library not in known:
                    known[library] = provided(layer, side, library)
                has = known[library]
                if has is None:
                    unknown.setdefault(library, []).append(item.path)
                    continue
                for version in versions - has:
                    lacking.setdefault((library, version), []).append(item.path)
    findings = [
        CODES.found(
            "equivalence/symbol-floor",
            f"{version} of {library} is needed, which {side.target.suite} does not have",
            evidence=(
                Evidence(text=f"the newest there is {_newest(known[library] or (), version)}",
                         file=library),
                *(Evidence(text=p, file=side.name) for p in paths[:SHOWN]),
            ),
            fix="build it against the oldest suite it is meant for, in its own root",
        )
        for (library, version), paths in sorted(lacking.items())
    ]  # fmt: skip
    findings += [
        CODES.found(
            "equivalence/library-missing",
            f"{library} is needed, and neither the package nor its dependencies have it",
            evidence=tuple(Evidence(text=p, file=side.name) for p in paths[:SHOWN]),
            fix="${shlibs:Depends} in debian/control",
        )
        for library, paths in sorted(unknown.items())
    ]
    said = ", ".join(highest[k] for k in sorted(highest)) or "no versioned symbols"
    return findings, f"{side.name} needs at most {said}"


def _raise(highest: dict[str, str], version: str) -> None:
    match = _VERSION.fullmatch(version)
    if match is None:
        return
    before = highest.get(match["family"])
    if before is None or _number(before) < _number(version):
        highest[match["family"]] = version


def _number(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    return tuple(int(n) for n in match["number"].split(".")) if match else ()


def _newest(versions: Sequence[str] | frozenset[str], like: str) -> str:
    family = like.split("_", maxsplit=1)[0]
    same = [v for v in versions if v.split("_")[0] == family and _VERSION.fullmatch(v)]
    return max(same, key=_number, default=f"without {family}")


def needs_of(deb: Deb) -> Iterator[Needs]:
    """What each ELF file of the package asks for."""
    with DebFile(str(deb.path)) as package:
        archive = package.data.tgz()
        for number, entry in enumerate(archive):
            if number >= LIMIT or not entry.isreg() or entry.size > SIZE_LIMIT:
                continue
            handle = archive.extractfile(entry)
            if handle is None or handle.read(4) != b"\x7fELF":
                continue
            content = io.BytesIO(b"\x7fELF" + handle.read())
            yield Needs(str(entry.name).removeprefix("."), needed_versions(content))


def provided(layer: Layer, side: Side, library: str) -> frozenset[str] | None:
    """The versions of a library in the root; None when it is not there."""
    path = _find(layer, side, library)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return provided_versions(file)
    except (OSError, ValueError):
        return None


def _find(layer: Layer, side: Side, library: str) -> Path | None:
    """A library's file in the layers; links are followed inside its own directory only."""
    if "/" in library or library in ("", ".", ".."):
        return None
    triplet = side.target.architecture.libraries
    for below in layer.chain():
        for directory in (f"usr/lib/{triplet}", f"lib/{triplet}", "usr/lib", "lib"):
            path = below.tree / directory / library
            for _ in range(8):
                if not path.is_symlink():
                    break
                path = path.with_name(path.readlink().name)
            if path.is_file() and not path.is_symlink():
                return path
    return None
