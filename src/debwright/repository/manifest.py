"""The manifest of a suite: everything that the suite is made from.

On disk it is JSON with its entries last, one a line. What this machine has written is read without
being parsed; what comes from elsewhere is parsed and judged as a whole.
"""

import json
import mmap
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, field_validator

from debwright.repository.entries import SEPARATOR, Entries, Lines
from debwright.repository.model import DataModel, Entry, HashPath, SuiteName
from debwright.repository.phases import Phasing

_ENTRIES = b'"entries":[\n'
_END = b"\n]}\n"
_LIST = TypeAdapter(tuple[Entry, ...])


class SuiteManifest(DataModel):
    """Everything a suite is made from."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    suite: SuiteName
    date: int
    """The Release file's Date, in seconds since 1970."""
    valid_until: int | None = None
    """The Release file's Valid-Until, in seconds since 1970; None without one."""
    by_hash: tuple[tuple[HashPath, ...], ...]
    """Paths below the suite of by-hash files, this publication's first, then those before it."""
    architectures: tuple[str, ...] = ()
    """What the Release names (promises.py); empty in manifests of old."""
    components: tuple[str, ...] = ()
    phasing: tuple[Phasing, ...] = ()
    """What is to become of packages that not all machines get yet."""
    tally: tuple[tuple[str, str, str, int], ...] = ()
    packages: int = 0
    state: str = ""
    """These three are of the entries (entries.py), and believed of this machine's files alone."""
    entries: Entries

    @field_validator("entries", mode="plain")
    @classmethod
    def _entries(cls, value: Any) -> Entries:
        return value if isinstance(value, Entries) else Entries.of(_LIST.validate_python(value))


def read_manifest(path: Path) -> SuiteManifest:
    """A manifest that this machine has written, its entries left on the disk.

    Raises OSError, and ValueError (of pydantic) for a file that is none.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    start = data.find(_ENTRIES) + len(_ENTRIES)
    if start < len(_ENTRIES) or data[-len(_END) :] != _END:
        return SuiteManifest.model_validate_json(bytes(data))  # of old, or empty
    head = json.loads(data[:start] + b"]}")
    found = SuiteManifest.model_validate({**head, "entries": ()})
    entries = Entries(
        lines=Lines(data=data, start=start, end=max(start, size - len(_END))),
        tally=Counter({(kind, part, arch): n for kind, part, arch, n in found.tally}),
        packages=found.packages,
        state=found.state,
    )
    return found.model_copy(update={"entries": entries})


def write_manifest(path: Path, manifest: SuiteManifest, *, state: str | None = None) -> None:
    """Write a manifest. Entries that have changed get the new state `state`."""
    entries = manifest.entries
    tally = tuple((*key, n) for key, n in sorted(entries.tally.items()))
    head = manifest.model_copy(
        update={"tally": tally, "packages": entries.packages, "state": state or entries.state}
    ).model_dump_json(exclude={"entries"}, exclude_none=True)
    # Whoever reads the one that is there goes on reading that one: it may be mapped.
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as out:
        out.write(head.encode().removesuffix(b"}") + b"," + _ENTRIES)
        held = b""
        for part in entries.parts():
            if part:
                out.write(held)
                held = part
        out.write(held.removesuffix(SEPARATOR) + _END)
    fresh.rename(path)


def new_state() -> str:
    return secrets.token_hex(8)
