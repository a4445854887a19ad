"""Which suites have a Go that is new enough, and how it is called there.

Source: the archive indices of the suites, `golang-go` and `golang-1.NN-go`.
"""

from dataclasses import dataclass

from debwright.init.ecosystems.go.gomod import Go
from debwright.init.model import TARGETS

BACKPORTS = "deb http://deb.debian.org/debian bookworm-backports main"


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A Go of a suite."""

    suite: str
    version: Go
    package: str
    """What Build-Depends names: it runs on the machine that builds."""
    bin: str = ""
    """Its directory, where /usr/bin/go is another."""
    backports: bool = False


KNOWN = (
    Toolchain(suite="bookworm", version=(1, 19), package="golang-go:native"),
    Toolchain(
        suite="bookworm", version=(1, 23), package="golang-1.23-go:native",
        bin="/usr/lib/go-1.23/bin", backports=True,
    ),
    Toolchain(suite="trixie", version=(1, 24), package="golang-go:native"),
)  # fmt: skip
"""From the oldest suite on, and the suite's own Go before that of its backports."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The Go that a module is built with; `note` says what was chosen when it is no default."""

    toolchain: Toolchain
    targets: tuple[str, ...]
    note: str = ""


def choose(needs: Go, where: str) -> Choice:
    """The first Go that is new enough for `needs`, which `where` asks for.

    One that no suite has is not refused: the newest there is gets tried, and the note says so.
    """
    found = next((known for known in KNOWN if known.version >= needs), None)
    said = f"{where} asks for Go {needs[0]}.{needs[1]}"
    if found is None:
        newest = KNOWN[-1]
        return Choice(
            toolchain=newest,
            targets=_targets(newest.suite),
            note=f"{said}, and no suite of Debian has it: {newest.suite} has "
            f"{_text(newest.version)}; lower the directive, or wait for a newer suite",
        )
    if found is KNOWN[0]:
        return Choice(toolchain=found, targets=TARGETS)
    others = f"{_text(KNOWN[0].version)} of bookworm is older"
    if found.backports:
        note = f"{said}; {others}, so that bookworm builds with {_text(found.version)} of backports"
    else:
        note = f"{said}; {others}, so that the targets are those of {found.suite}"
    return Choice(toolchain=found, targets=_targets(found.suite), note=note)


def choose_in(suite: str, needs: Go) -> Choice | None:
    """The Go of one suite, where it is new enough."""
    found = next((k for k in KNOWN if k.suite == suite and k.version >= needs), None)
    return Choice(toolchain=found, targets=_targets(suite)) if found else None


def _targets(suite: str) -> tuple[str, ...]:
    return tuple(f"{suite}-{target.partition('-')[2]}" for target in TARGETS)


def _text(version: Go) -> str:
    return f"{version[0]}.{version[1]}"
