"""Where the modules that a program needs come from."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.host.http import answers
from debwright.init.ecosystems.go.archive import Packaged, packaged
from debwright.init.ecosystems.go.gomod import FILE, GoMod
from debwright.init.ecosystems.go.toolchain import Choice, choose, choose_in
from debwright.init.natively import has_vendor
from debwright.model.errors import UsageError
from debwright.model.fix import Command

NONE, IN_TREE, CARRIED, ARCHIVE = "none", "in-tree", "carried", "archive"
PROXY = "https://proxy.golang.org"
SUM = "go.sum"


@dataclass(frozen=True, kw_only=True)
class Modules:
    """Where they come from, and the Go that goes with that."""

    kind: str
    """Nowhere, the author's vendor/, a component of the source package, or Debian's packages."""
    choice: Choice
    build_depends: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_modules(directory: Path, mod: GoMod) -> Modules:
    """What go.sum says, carried along; Debian's own where that cannot be, and a suite has them all.

    Raises UsageError when nothing says what the modules must be.
    """
    where = f"{FILE}:{mod.line}" if mod.line else FILE
    choice = choose(mod.needs, where)
    said = (choice.note,) if choice.note else ()
    if not mod.requires:
        return Modules(kind=NONE, choice=choice, notes=said)
    if has_vendor(directory, "vendor/modules.txt"):
        return Modules(kind=IN_TREE, choice=choice, notes=said)
    summed = (directory / SUM).is_file()
    found = packaged(mod.direct)
    own = choose_in(found.suite, mod.needs)
    fitting = not found.missing and not mod.replaced and own is not None
    if summed and (not fitting or _reachable()):
        return Modules(kind=CARRIED, choice=choice, notes=(*said, *_carried(mod)))
    if not fitting or own is None:
        raise UsageError(
            f"there is no {SUM}, which says what the modules of {FILE} must be",
            cause=f"{found.suite} does not have {', '.join(found.missing) or 'all of them'}, so "
            "that the modules must come from a proxy, each with the hash that go.sum has",
            fix=Command("go", "mod", "tidy"),
        )
    return Modules(
        kind=ARCHIVE, choice=own, build_depends=found.packages,
        notes=(_archive(found, summed=summed),),
    )  # fmt: skip


def _reachable() -> bool:
    """Whether modules can be had: a proxy that the person names is trusted to be there."""
    return bool(os.environ.get("GOPROXY")) or answers(PROXY)


def _carried(mod: GoMod) -> Iterator[str]:
    yield (
        f"the modules of {FILE} ({len(mod.requires)}) are put into the source package by "
        f"`go mod vendor`, when it is made; {SUM} says what they must be"
    )


def _archive(found: Packaged, *, summed: bool) -> str:
    has = f"{found.suite} has every module of {FILE}: they come from Debian"
    if summed:
        return (
            f"{PROXY} does not answer, and {has}, in its versions and not in those of {SUM}; "
            "`debwright init` carries those where it can be reached"
        )
    return f"there is no {SUM}, and {has}; `go mod tidy` and `debwright init` carry them instead"
