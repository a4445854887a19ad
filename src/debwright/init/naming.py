"""What a project is called that does not say it: as its directory, or as it was packaged before."""

import re
from pathlib import Path

from debwright.init.changes import CHANGELOG
from debwright.init.model import package_name
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command

_ENTRY = re.compile(r"([a-z0-9][a-z0-9+.-]+) \(\S+\)")
"""The first line of debian/changelog (Debian policy 4.4)."""


def directory_name(directory: Path) -> str:
    """The directory's name, unless the project was packaged under another one.

    A clone and a checkout of CI may have any name, and the package keeps its own.
    """
    name = directory.resolve().name
    known = packaged_as(directory)
    if known is None or re.sub(r"[^a-z0-9.]+", "-", name.lower()) == known:
        return name
    return known


def packaged_as(directory: Path) -> str | None:
    """The source package of debian/changelog; None while there is none."""
    try:
        with (directory / CHANGELOG).open(encoding="utf-8", errors="replace") as file:
            found = _ENTRY.match(file.readline(1024))
    except OSError:
        return None
    return found[1] if found else None


def same_name(directory: Path, name: str) -> None:
    """A source package has one name. Raises UsageError where the project now has another one."""
    package, known = package_name(name), packaged_as(directory)
    if known is None or known == package:
        return
    path = directory / CHANGELOG
    raise UsageError(
        f"the project is called {name}, and debian/changelog is of {known}",
        evidence=[Evidence(text=f"{known} (...)", file=CHANGELOG, line=1)],
        cause=f"it was renamed; with this command the package is {package}, and who has {known} "
        f"installed gets no upgrade unless {package} says Replaces and Provides",
        fix=Command("sed", "-i", f"1s/^{re.escape(known)} /{package} /", path),
    )
