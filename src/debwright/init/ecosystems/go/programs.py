"""The programs of a Go module: its main packages, and the sources that each is made of."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from debwright.init.ecosystems.go.gomod import GoMod
from debwright.init.hints import Source
from debwright.init.model import PROGRAM

_PACKAGE = re.compile(r"^package\s+(\w+)", re.M)
_MAIN = re.compile(r"^func\s+main\s*\(\s*\)", re.M)
_IGNORED = re.compile(
    r"^//\s*(?:go:build|\+build)\s+.*\b(?:ignore|tools|windows|darwin|js)\b", re.M
)
_IMPORTS = re.compile(r"^import\s*(?:\w+\s+|[._]\s+)?(?:\((.*?)\)|(\"[^\"\n]+\"))", re.M | re.S)
_QUOTED = re.compile(r'"([^"\s]+)"')
# Directories whose programs make or test the project, by custom.
_NOT_SHIPPED = {
    "internal", "tools", "tool", "hack", "scripts", "script", "ci", "example", "examples", "demo",
    "e2e", "test", "tests", "testing", "testutil", "bench", "benchmarks", "docs", "doc",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Program:
    """A main package."""

    name: str
    directory: str
    """Relative to the module, `.` for its top."""
    sources: tuple[Source, ...]
    """Of the package and of those of the module that it imports; no tests."""

    @property
    def pattern(self) -> str:
        """As go(1) takes it."""
        return "." if self.directory == "." else f"./{self.directory}"

    @property
    def own(self) -> tuple[Source, ...]:
        return tuple(s for s in self.sources if _directory(s.name) == self.directory)


def without_comments(text: str) -> str:
    """Go code with its comments blanked, line by line; strings and directives (//go:) stay."""
    token = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|//(?!go:)[^\n]*|/\*.*?\*/', re.S)

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        return re.sub(r"[^\n]", " ", found) if found.startswith(("//", "/*")) else found

    return token.sub(blank, text)


def imports(text: str) -> set[str]:
    """The import paths of a Go file."""
    return {
        path
        for match in _IMPORTS.finditer(text)
        for path in _QUOTED.findall(match[1] or match[2] or "")
    }


def compiled(sources: Iterable[Source]) -> list[Source]:
    """What is compiled for Linux, with comments blanked."""
    return [
        Source(name=s.name, text=without_comments(s.text))
        for s in sources
        if not s.name.endswith(("_test.go", "_windows.go", "_darwin.go"))
        and not _IGNORED.search(s.text[: m.start() if (m := _PACKAGE.search(s.text)) else 0])
    ]


def uses_cgo(sources: Iterable[Source]) -> Source | None:
    """The first source that is compiled together with C (cgo, `import "C"`)."""
    return next((s for s in sources if "C" in imports(s.text)), None)


def find_programs(
    mod: GoMod, sources: Sequence[Source], names: Mapping[str, str]
) -> tuple[Program, ...]:
    """The programs that users get; `names` are those that the author gives to directories."""
    packages: dict[str, list[Source]] = {}
    for source in sources:
        packages.setdefault(_directory(source.name), []).append(source)
    mains = [
        directory
        for directory, files in sorted(packages.items())
        if any(_package(f) == "main" and _MAIN.search(f.text) for f in files)
    ]
    shipped = [d for d in mains if not _NOT_SHIPPED & set(PurePosixPath(d).parts)]
    # Where a module has its programs by custom: at the top, or each below cmd/.
    usual = [d for d in shipped if d == "." or "cmd" in PurePosixPath(d).parts]
    shipped = usual or shipped
    if names:
        shipped = [d for d in mains if d in names] or shipped
    return tuple(
        _program(mod, directory, packages, names)
        for directory in shipped
        if PROGRAM.fullmatch(_name(mod, directory, names))
    )


def _program(
    mod: GoMod, directory: str, packages: Mapping[str, list[Source]], names: Mapping[str, str]
) -> Program:
    seen, queue = {directory}, [directory]
    while queue:
        for source in packages.get(queue.pop(), ()):
            inside = {d for path in imports(source.text) if (d := _inside(mod, path))} - seen
            seen |= inside
            queue += sorted(inside)
    order = sorted(seen, key=lambda d: (d != directory, d))
    return Program(
        name=_name(mod, directory, names),
        directory=directory,
        sources=tuple(s for d in order for s in packages.get(d, ())),
    )


def _inside(mod: GoMod, path: str) -> str | None:
    if path == mod.module:
        return "."
    return path.removeprefix(f"{mod.module}/") if path.startswith(f"{mod.module}/") else None


def _name(mod: GoMod, directory: str, names: Mapping[str, str]) -> str:
    return names.get(directory) or (mod.base if directory == "." else directory.rpartition("/")[2])


def _directory(name: str) -> str:
    return str(PurePosixPath(name).parent)


def _package(source: Source) -> str:
    match = _PACKAGE.search(source.text)
    return match[1] if match else ""
