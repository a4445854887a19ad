"""The files of a release, signed, in a directory of their own: dist/VERSION/release."""

import json
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debwright.host.files import sha256_file
from debwright.keys.signing import Signer
from debwright.keys.signing.control import sign_control_files
from debwright.model.errors import DebwrightError, Evidence

SUMS = "SHA256SUMS"
RECORD = ".made-from.json"
RECORDS = (".buildinfo", ".changes")
"""How packages were made. Jobs on machines of their own each build a suite's `all` packages: the
packages are the same, and one record of them is enough."""
LARGEST = 2 * 1024**3
"""GitHub takes assets below 2 GiB."""


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file of the release."""

    name: str
    path: Path
    size: int
    sha256: str


def asset_name(name: str) -> str:
    """The name a file has on GitHub, which replaces what is neither letter, digit nor one of ._+-.

    So `greeter_1.0~rc1-1_amd64.deb` is `greeter_1.0.rc1-1_amd64.deb` there.
    """
    return re.sub(r"[^A-Za-z0-9._+-]", ".", name).strip(".")


def chosen(files: Iterable[Path]) -> dict[str, Path]:
    """Files by the name they get; the same file, or a record of the same packages, counts once.

    Raises DebwrightError when two different files want one name, or one is too large.
    """
    found: dict[str, Path] = {}
    for path in files:
        name = asset_name(path.name)
        other = found.setdefault(name, path)
        if path.suffix in RECORDS:
            continue
        if other != path and sha256_file(other) != sha256_file(path):
            raise DebwrightError(
                f"two different files want to be the asset {name}",
                evidence=[Evidence(text=str(p)) for p in (other, path)],
                cause="two targets built the same package and version",
                fix="configure both suites in targets.build: versions then name their suite",
            )
        if path.stat().st_size >= LARGEST:
            raise DebwrightError(
                f"{path.name} is too large for an asset: GitHub takes less than 2 GiB"
            )
    return found


def assemble(files: Mapping[str, Path], directory: Path, signer: Signer) -> list[Asset]:
    """Put `files` (name to path), signed, into `directory`; what was made of the same stays.

    Every file gets a detached signature, control files one of their own as well, and SHA256SUMS
    vouches for all. A second call with the same files and key changes no byte, so that an upload
    that broke off can go on.
    """
    record = _record(files, signer)
    if _made_from(directory) != record:
        fresh = directory.with_name(f".{directory.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _fill(fresh, files, signer)
        (fresh / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(directory, ignore_errors=True)
        fresh.rename(directory)
    return [
        Asset(name=p.name, path=p, size=p.stat().st_size, sha256=sha256_file(p))
        for p in sorted(directory.iterdir())
        if p.name != RECORD
    ]


def _fill(directory: Path, files: Mapping[str, Path], signer: Signer) -> None:
    # Control files name others by the names these have in the archive.
    by_name = {path.name: path for path in files.values()}
    signed = sign_control_files(by_name, signer)
    for name, path in files.items():
        if (content := signed.get(path.name)) is not None:
            (directory / name).write_bytes(content)
        else:
            shutil.copyfile(path, directory / name)
    sums = "".join(f"{sha256_file(directory / name)}  {name}\n" for name in sorted(files))
    (directory / SUMS).write_text(sums, encoding="utf-8")
    for path in sorted(directory.iterdir()):
        (directory / f"{path.name}.asc").write_bytes(signer.detach(path.read_bytes()))


def _record(files: Mapping[str, Path], signer: Signer) -> dict[str, str]:
    inputs = {name: sha256_file(path) for name, path in sorted(files.items())}
    # A key whose expiry was moved signs as before.
    return {"key": signer.fingerprint, **inputs}


def _made_from(directory: Path) -> dict[str, str] | None:
    """What a directory was made from, if all of it is still as it was."""
    try:
        record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
        sums = (directory / SUMS).read_text(encoding="utf-8")
        for line in sums.splitlines():
            digest, _, name = line.partition("  ")
            if sha256_file(directory / name) != digest or not (directory / f"{name}.asc").is_file():
                return None
        if not (directory / f"{SUMS}.asc").is_file():
            return None
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
