"""How dpkg orders versions (deb-version(7)), and how one stands to that of debian/changelog."""

import re
from functools import cmp_to_key
from pathlib import Path

from debian.debian_support import NativeVersion

_ENTRY = re.compile(r"[a-z0-9][a-z0-9+.-]+ \(([^()\s]{1,200})\)((?: [A-Za-z0-9.+-]+)+);")
_YEARS = range(1900, 2200)
_UNRELEASED = "UNRELEASED"


def compare(left: str, right: str) -> int:
    """Below, at or above 0 as `left` sorts before, with or after `right` for dpkg."""
    a, b = NativeVersion(left), NativeVersion(right)
    return (a > b) - (a < b)


in_order = cmp_to_key(compare)
"""The key by which versions are sorted."""


def why_older(new: str, old: str) -> str:
    """Why dpkg sorts `new` below `old`, where a person would not expect it (deb-version(7))."""
    a, b = NativeVersion(new), NativeVersion(old)
    epochs = int(a.epoch or 0), int(b.epoch or 0)
    if epochs[0] != epochs[1]:
        said = f"no epoch and {old} has {epochs[1]}" if not epochs[0] else f"another than {old}"
        return f"{new} has {said}: dpkg compares epochs before anything else"
    if left_years(a, b):
        return (
            f"{old} begins with a year: numbers of another scheme are below it for ever, unless "
            f"they have an epoch, as {epochs[1] + 1}:{new.partition(':')[2] or new}"
        )
    return f"{new} is the older one of the two"


def left_years(new: NativeVersion, old: NativeVersion) -> bool:
    """Whether `old` begins with a year and `new` does not: no later number is above it."""
    years = [re.match(r"\d+", v.upstream_version or "") for v in (new, old)]
    return [m is not None and int(m[0]) in _YEARS for m in years] == [False, True]


def with_epoch(version: str, directory: Path) -> str:
    """The version with the epoch of debian/changelog's first entry, which tags do not have.

    An epoch is for ever (policy 5.6.12): without it every later version would be below.
    """
    entry = _first_entry(directory)
    epoch = entry[0].partition(":")[0] if entry and ":" in entry[0] else ""
    return f"{epoch}:{version}" if epoch.isdigit() and int(epoch) else version


def behind_changelog(version: str, directory: Path, *, release: bool) -> list[str]:
    """A note where `version`, which tags gave, sorts below the first entry of debian/changelog.

    After a release an entry for the next one is usual, so of what is no `release` only a change of
    scheme is told: no later tag would be above it either.
    """
    entry = _first_entry(directory)
    if entry is None:
        return []
    written, suite = entry
    usual = not release and not left_years(NativeVersion(version), NativeVersion(written))
    if suite == _UNRELEASED or compare(version, written) >= 0 or usual:
        return []
    why = why_older(version, written)
    return [
        f"debian/changelog has {written} already, and {version} is below it for apt: {why}. "
        "Whoever has that version is not offered this one"
    ]


def _first_entry(directory: Path) -> tuple[str, str] | None:
    """Version and suites of debian/changelog's first entry; None where it cannot be read."""
    try:
        with (directory / "debian/changelog").open(encoding="utf-8", errors="replace") as file:
            match = _ENTRY.match(file.readline(1000))
            NativeVersion(match[1] if match else "")
    except (OSError, ValueError):
        return None
    return (match[1], match[2].strip()) if match else None
