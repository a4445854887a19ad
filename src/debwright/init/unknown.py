"""The error for a directory that no ecosystem knows: what was looked for, is there, and helps."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from debwright.init.model import one_line, package_name
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command

SHOWN = 8
DEPTH = 2
"""How far below a project is looked for, as in services/api."""
LOOKED_AT = 400
SKIPPED = frozenset(
    {"node_modules", "vendor", "dist", "build", "target", "debian", "tests", "test"}
)

KindOf = Callable[[Path], str | None]
"""What kind of project a directory has, in words, or None."""


def unknown(directory: Path, kinds: Sequence[str], kind_of: KindOf) -> UsageError:
    """Why `directory` cannot be packaged, with the next command. `kinds` are those looked for."""
    names = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    seen = [one_line(name)[:60] for name in names if not name.startswith(".")]
    more = f" and {len(seen) - SHOWN} more" if len(seen) > SHOWN else ""
    there = f"it has {', '.join(seen[:SHOWN])}{more}" if seen else "it is empty"
    cause, fix = _advice(directory, kind_of)
    return UsageError(
        f"{directory.absolute()} has no project that init knows: {there}",
        evidence=[Evidence(text="init looks for"), *(Evidence(text=f"  {k}") for k in kinds)],
        cause=cause,
        fix=fix,
    )


def _advice(directory: Path, kind_of: KindOf) -> tuple[str, str]:
    """The likely cause, and what to type."""
    if (directory / "debian/control").is_file():
        cause = "it has a debian/ of its own, and then init is not needed"
        return cause, Command("debwright", "-C", directory, "plan")
    for place in _below(directory):
        kind = kind_of(place)
        if kind is not None:
            cause = f"the project is in {place.relative_to(directory)}: {kind}"
            return cause, Command("debwright", "-C", place, "init")
    return (
        "it is of another kind, for which debian/ is written by hand; debwright builds and checks "
        "what is in it",
        f"sudo apt-get install dh-make && cd {shlex.quote(str(directory.absolute()))} && "
        f"dh_make --native --single --yes --packagename {_package(directory)}_0.1.0",
    )


def _package(directory: Path) -> str:
    try:
        return package_name(directory.resolve().name)
    except UsageError:
        return "mypackage"


def _below(directory: Path) -> Iterator[Path]:
    """Directories below, the next ones first."""
    level, looked = [directory], 0
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _directories(outer)]
        for place in level:
            looked += 1
            if looked > LOOKED_AT:
                return
            yield place


def _directories(directory: Path) -> list[Path]:
    try:
        found = sorted(p for p in directory.iterdir() if p.is_dir() and not p.is_symlink())
    except OSError:
        return []
    return [path for path in found if path.name not in SKIPPED and not path.name.startswith(".")]
