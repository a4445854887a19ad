"""Making the bills of materials of a set of packages: the same packages give the same bytes."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from debian.debfile import DebFile

from debwright import __version__
from debwright.host import process
from debwright.host.files import atomic_write
from debwright.host.process import CommandError
from debwright.model.errors import DebwrightError, MissingError
from debwright.packages.debs import Deb
from debwright.packages.distributions import Distribution, distributions
from debwright.packages.sbom import CYCLONEDX, SPDX, cyclonedx, spdx
from debwright.packages.sbom.wheels import Wheel, wheels_of
from debwright.packages.unpacked import Unpacked

SPECIFICATION = "1.6"
_NAMESPACE = UUID("6f6c1f3c-3a55-5b4e-9f0c-8a9a6c6f7b10")
"""Of the document numbers that debwright derives from packages (RFC 9562, version 5)."""
_COPYRIGHT_LIMIT = 4 * 1024**2


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The two documents that were written, and what they list."""

    cyclonedx: Path
    spdx: Path
    components: int
    bundled: tuple[Distribution, ...]

    @property
    def paths(self) -> list[Path]:
        return [self.cyclonedx, self.spdx]


def names_of(debs: Sequence[Deb], arch: str) -> tuple[str, str]:
    """File names of the two documents: as those of a .changes file."""
    first = debs[0]
    stem = f"{first.source}_{first.version.split(':', 1)[-1]}_{arch}"
    return f"{stem}{CYCLONEDX}", f"{stem}{SPDX}"


def make_sboms(
    debs: Sequence[Deb],
    output: Path,
    *,
    arch: str,
    vendor: str,
    scratch: Path,
    beside: Iterable[Path] = (),
    python: str | None = None,
) -> Bill:
    """Write both documents into `output`.

    `vendor` is the distribution (`debian` or `ubuntu`) in package URLs; `beside` are files of the
    source package, among which a wheelhouse may be, and `python` the minor version (`3.11`) whose
    wheels were taken from it. `scratch` is an empty directory of the
    caller's. Raises DebwrightError.
    """
    shipped = [d for d in debs if d.path.suffix == ".deb" and not d.debug]
    if not shipped:
        raise DebwrightError("there is no package to make a bill of materials of")
    root, unpacked = scratch / "root", scratch / "unpacked"
    unpacked.mkdir()
    packages = Unpacked(unpacked)
    _make_root(root, shipped, packages, arch)
    raw = _debsbom(root, shipped, scratch, arch=arch, vendor=vendor)
    found = distributions(shipped, packages)
    bundled = {d.package: [f for f in found if f.package == d.package] for d in shipped}
    wheels = _by_name(wheels_of(beside), arch, python)
    names = names_of(shipped, arch)
    documents = [
        module.complete(document, debs=shipped, bundled=bundled, wheels=wheels, tool=__version__)
        for module, document in zip((cyclonedx, spdx), raw, strict=True)
    ]
    for name, document in zip(names, documents, strict=True):
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False)
        atomic_write(output / name, text + "\n")
    return Bill(
        cyclonedx=output / names[0], spdx=output / names[1],
        components=len(documents[0]["components"]), bundled=tuple(found),
    )  # fmt: skip


def _by_name(
    wheels: Iterable[Wheel], arch: str, python: str | None
) -> dict[tuple[str, str], Wheel]:
    """The file each distribution came from on this architecture and Python."""

    def fits(wheel: Wheel) -> bool:
        return not wheel.interpreters or any(
            name == f"{arch}/{python}" or (name.startswith(f"{arch}/") and python is None)
            for name in wheel.interpreters
        )

    found: dict[tuple[str, str], Wheel] = {}
    for wheel in sorted(wheels, key=lambda w: w.file):
        if fits(wheel):
            found.setdefault((wheel.name, wheel.version), wheel)
    return found


def _make_root(root: Path, debs: Sequence[Deb], unpacked: Unpacked, arch: str) -> None:
    """What debsbom reads of a system: dpkg's status and the packages' copyright files."""
    state = root / "var/lib/dpkg"
    state.mkdir(parents=True)
    (state / "arch-native").write_text(f"{arch}\n")
    stanzas = []
    for deb in sorted(debs, key=lambda d: d.package):
        with DebFile(str(deb.path)) as package:
            control = package.control.debcontrol()
        control["Status"] = "install ok installed"
        stanzas.append(str(control))
        documentation = root / "usr/share/doc" / deb.package
        documentation.mkdir(parents=True)
        wanted = f"/usr/share/doc/{deb.package}/copyright"
        for member, handle in unpacked.files(deb.path):
            if member.path == wanted and handle is not None:
                (documentation / "copyright").write_bytes(handle.read(_COPYRIGHT_LIMIT))
    (state / "status").write_text("\n".join(stanzas), encoding="utf-8", errors="replace")


def _debsbom(
    root: Path, debs: Sequence[Deb], scratch: Path, *, arch: str, vendor: str
) -> list[dict[str, Any]]:
    """debsbom's two documents, dated and numbered by the packages themselves."""
    digests = "".join(sorted(d.sha256 for d in debs))
    number = uuid5(_NAMESPACE, digests)
    source = re.sub(r"[^A-Za-z0-9.-]", "-", debs[0].source)
    done = process.run(
        [sys.executable, "-P", "-m", "debsbom.cli", "generate", "--root", str(root),
         "--out", str(scratch / "sbom"), "--distro-name", source,
         "--distro-version", debs[0].version, "--distro-arch", arch,
         "--base-distro-vendor", vendor, "--cdx-schema-version", SPECIFICATION,
         "--cdx-serialnumber", str(number),
         "--spdx-namespace", f"https://spdx.org/spdxdocs/{source}-{number}",
         "--timestamp", _when(debs), "--with-licenses", "-t", "cdx", "-t", "spdx"],
        merge=True, check=False, timeout=300, env={"PYTHONHASHSEED": "0", "PYTHONPATH": _modules()},
    )  # fmt: skip
    if done.returncode != 0:
        if "No module named" in done.output:
            raise MissingError(
                "debsbom is not installed", fix="pip install 'debsbom[cdx,spdx]==0.10.2'"
            )
        raise CommandError(done, "debsbom could not make the bill of materials")
    return [
        json.loads((scratch / f"sbom{suffix}").read_text("utf-8")) for suffix in (CYCLONEDX, SPDX)
    ]


def _modules() -> str:
    """Where modules come from here: the Debian package's launcher has a path of its own."""
    # Never the working directory, which is that of the project that is built.
    return os.pathsep.join(p for p in sys.path if p and p != str(Path.cwd()))


def _when(debs: Iterable[Deb]) -> str:
    """The time the packages are dated with: of the last changelog entry, as dpkg-deb wrote it."""
    stamps = []
    for deb in debs:
        with DebFile(str(deb.path)) as package:
            stamps += [member.mtime for member in package.getmembers()]
    return datetime.fromtimestamp(max(stamps, default=0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
