"""The variables that a Go program keeps its version in, as `go build -ldflags -X` sets them."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from debwright.init.ecosystems.go.gomod import GoMod
from debwright.init.ecosystems.go.programs import Program

_NAME = r"(?P<name>(?:[Aa]pp|[Bb]uild)?[Vv]ersion|VERSION)"
# `-X` sets strings without a value and those whose value is a literal (cmd/link).
_ALONE = re.compile(rf'^var\s+{_NAME}\s*(?:string\b)?\s*(?:=\s*"(?P<value>[^"]*)")?\s*$', re.M)
_BLOCK = re.compile(r"^var\s*\((.*?)^\)", re.M | re.S)
_INSIDE = re.compile(rf'^\s+{_NAME}\s*(?:string\b)?\s*(?:=\s*"(?P<value>[^"]*)")?\s*$', re.M)
_CONSTANT = re.compile(
    rf'^(?:const|var|\s+)\s*{_NAME}\s*(?:string\s*)?=\s*"v?(?P<value>\d+\.\d[\w.+~-]*)"', re.M
)


def stamps(mod: GoMod, program: Program) -> tuple[str, ...]:
    """What `-X` names for a program, as `main.version`."""
    found = {
        f"{'main' if source in program.own else _package(mod, source.name)}.{match['name']}": None
        for source in program.sources
        for match in _variables(source.text)
    }
    return tuple(found)


def written_version(program: Program) -> str | None:
    """The version that the source has as a literal, as "1.2.3"."""
    found = (m["value"] for s in program.sources for m in _CONSTANT.finditer(s.text))
    return next(found, None)


def _variables(text: str) -> Iterator[re.Match[str]]:
    yield from _ALONE.finditer(text)
    for block in _BLOCK.finditer(text):
        yield from _INSIDE.finditer(block[1])


def _package(mod: GoMod, name: str) -> str:
    directory = str(PurePosixPath(name).parent)
    return mod.module if directory == "." else f"{mod.module}/{directory}"
