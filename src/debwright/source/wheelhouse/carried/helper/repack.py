"""Making a wheel that was just compiled small, and the same whenever it is compiled."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import re
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

from . import elf
from .manifest import Settings
from .problem import Problem
from .tools import Machine

# {distribution}-{version}(-{build})?-{python}-{abi}-{platform}.whl
_NAME = re.compile(r"[^-]+-[^-]+(?:-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)")


def python_of(wheel: str) -> str | None:
    """The one Python a wheel is bound to by its name, as `3.11`; None: it suits later ones, too."""
    match = _NAME.fullmatch(wheel[: -len(".whl")])
    if match is None or not wheel.endswith(".whl"):
        raise Problem(f"{wheel!r} is not a wheel's name")
    tag = match["python"] if match["abi"] == "none" else match["abi"]
    bound = re.match(r"cp(3)(\d+)", tag)  # not abi3, and not py3
    return f"{bound[1]}.{bound[2]}" if bound else None


def repack(wheel: Path, target: Machine, settings: Settings, output: Path, epoch: int) -> Path:
    """Write `wheel` to `output`: slimmed, stripped, sorted, dated `epoch`, with a new RECORD.

    Raises Problem when a library in it is not for `target`, or when `keep` leaves nothing.
    """
    with zipfile.ZipFile(wheel) as archive:
        contents = {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()}
        modes = {i.filename: (i.external_attr >> 16) & 0o111 for i in archive.infolist()}
    info = next((n.split("/")[0] for n in contents if n.endswith(".dist-info/WHEEL")), None)
    if info is None:
        raise Problem(f"{wheel.name} has no .dist-info/WHEEL: its backend made no wheel")
    record = f"{info}/RECORD"
    contents.pop(record, None)
    kept = {n: c for n, c in contents.items() if n.startswith(f"{info}/") or _kept(n, settings)}
    if all(n.startswith(f"{info}/") for n in kept):
        raise Problem(
            f"{wheel.name}: of its files, `keep` and `drop` leave none",
            tuple(sorted(contents)[:20]),
        )
    for name, content in kept.items():
        if why := elf.wrong_machine(content[: elf.HEADER], target.arch):
            raise Problem(f"{wheel.name}: {name}: {why}")
        if settings.strip and elf.machine(content[: elf.HEADER]):
            kept[name] = _stripped(content, target)
    kept[record] = _record(kept, record).encode()
    made = output / wheel.name
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(kept):
            member = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            member.create_system = 3  # Unix
            member.external_attr = (0o100755 if modes.get(name) else 0o100644) << 16
            archive.writestr(member, kept[name])
    made.chmod(0o644)
    return made


def _kept(name: str, settings: Settings) -> bool:
    if settings.keep and not any(fnmatch.fnmatchcase(name, p) for p in settings.keep):
        return False
    return not any(fnmatch.fnmatchcase(name, p) for p in settings.drop)


def _stripped(content: bytes, target: Machine) -> bytes:
    """As dh_strip(1) treats a shared library."""
    with tempfile.NamedTemporaryFile(prefix="wheelhouse-") as file:
        file.write(content)
        file.flush()
        command = [
            target.tool("strip"), "--strip-unneeded", "--remove-section=.comment",
            "--remove-section=.note", file.name,
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise Problem(f"{command[0]} is not installed (package binutils)") from error
        except subprocess.CalledProcessError as error:
            raise Problem("strip failed", tuple(error.stderr.splitlines()[-3:])) from None
        return Path(file.name).read_bytes()


def _record(contents: dict[str, bytes], record: str) -> str:
    lines = []
    for name in sorted(contents):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).rstrip(b"=")
        lines.append(f"{_quoted(name)},sha256={digest.decode()},{len(contents[name])}\n")
    return "".join(lines) + f"{_quoted(record)},,\n"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name
