"""Component tarballs of a source package (dpkg-source(1), "3.0 (quilt)"), made beforehand.

dpkg-source unpacks every tarball to find what has changed since, and computes three checksums of
each. For hundreds of megabytes that never change within a project that would be most of the time
a rebuild takes: it is given an empty stand-in, and the .dsc gets the sums that are known.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.host.files import share
from debwright.source.package import SourceError, SourceTree

_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Component:
    """A tarball (.tar.gz) that is unpacked to the directory `name` of the source."""

    name: str
    tarball: Path
    size: int
    md5: str
    sha1: str
    sha256: str

    def file_name(self, source: str, upstream: str) -> str:
        return f"{source}_{upstream}.orig-{self.name}.tar.gz"


def sums(tarball: Path) -> dict[str, Any]:
    """The fields of Component that say what is in a file: one reading for the three checksums."""
    # MD5 and SHA-1 stand in a .dsc because its format wants them; what is trusted is SHA-256.
    found = {
        "md5": hashlib.md5(usedforsecurity=False),
        "sha1": hashlib.sha1(usedforsecurity=False),
        "sha256": hashlib.sha256(),
    }
    with tarball.open("rb") as file:
        while block := file.read(_BLOCK):
            for digest in found.values():
                digest.update(block)
    return {"size": tarball.stat().st_size, **{k: d.hexdigest() for k, d in found.items()}}


def put_stand_ins(
    tree: SourceTree, export: Path, work: Path, upstream: str, components: Sequence[Component]
) -> list[str]:
    """Write an empty tarball for each component, and return options for dpkg-source.

    Raises SourceError when the source's format or a directory of its own stands in the way.
    """
    if components and tree.format != "3.0 (quilt)":
        raise SourceError(
            f"debian/source/format is {tree.format}, which has no component tarballs",
            code="source/no-components",
            cause=f"{', '.join(c.name for c in components)}: only `3.0 (quilt)` carries more than "
            "one tarball",
            fix="echo '3.0 (quilt)' > debian/source/format",
        )
    for component in components:
        if (export / component.name).exists():
            raise SourceError(
                f"the source has a directory {component.name} of its own",
                code="source/component-clash",
                cause=f"the component tarball {component.name} is unpacked there",
                fix=f'rename it, or leave it out: [package] exclude = ["{component.name}/*"]',
            )
        entry = tarfile.TarInfo(component.name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:gz") as tar:
            tar.addfile(entry)
        (work / component.file_name(tree.name, upstream)).write_bytes(out.getvalue())
    return [f"--extend-diff-ignore=^{re.escape(c.name)}($|/)" for c in components]


def put_real(
    tree: SourceTree, dsc: Path, work: Path, upstream: str, components: Sequence[Component]
) -> None:
    """Put the components in place of their stand-ins, and their sums into the .dsc."""
    text = dsc.read_text(encoding="utf-8")
    for component in components:
        name = component.file_name(tree.name, upstream)
        by_length = {32: component.md5, 40: component.sha1, 64: component.sha256}

        def line(match: re.Match[str], found: dict[int, str] = by_length) -> str:
            return f" {found[len(match[1])]} {component.size} {match[2]}"  # noqa: B023

        pattern = rf"^ ([0-9a-f]{{32}}|[0-9a-f]{{40}}|[0-9a-f]{{64}}) \d+ ({re.escape(name)})$"
        text, count = re.subn(pattern, line, text, flags=re.M)
        if count != len(by_length):
            raise SourceError(
                f"dpkg-source wrote {count} checksums of {name} where {len(by_length)} are wanted",
                code="source/failed",
            )
        share(component.tarball, work / name)
    dsc.write_text(text, encoding="utf-8")
