"""debian/tests/control: the tests that a source package declares for its installed packages.

The format is autopkgtest's (README.package-tests of its package, also known as DEP 8); where that
text leaves a choice, what its program does decides. Everything here is the words of a project.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from debian.deb822 import Deb822

PLACE = "debian/tests/control"
DIRECTORY = "debian/tests"
FIELDS = frozenset({
    "Tests", "Test-Command", "Restrictions", "Features", "Depends", "Tests-Directory", "Classes",
    "Architecture",
})  # fmt: skip
HINT = "hint-testsuite-triggers"
RESTRICTIONS = frozenset({
    "allow-stderr", "breaks-testbed", "build-needed", "flaky", HINT, "isolation-container",
    "isolation-machine", "needs-internet", "needs-reboot", "needs-recommends", "needs-root",
    "needs-sudo", "rw-build-tree", "skip-not-installable", "skippable", "superficial",
})  # fmt: skip
_CLAUSE = re.compile(
    r"[a-zA-Z0-9][a-zA-Z0-9+.-]*(?::[a-z0-9_-]+)?\s*"
    r"(?:\((?:<<|<=|=|>=|>>)\s*[A-Za-z0-9.+~:-]+\)\s*)?(?:\[[a-z0-9+.! -]+\]\s*)?(?:<[^<>]+>\s*)*"
)
_VARIABLE = re.compile(r"\([^()]*\$\{[^{}]*\}[^()]*\)")


class ControlError(Exception):
    """debian/tests/control says something that autopkgtest refuses."""


@dataclass(frozen=True, kw_only=True)
class DeclaredTest:
    """One test: a program of the source tree, or a command."""

    name: str
    path: str | None
    """Relative to the source tree; None where there is a command."""
    command: str | None
    """For `bash -ec`."""
    restrictions: frozenset[str]
    relations: str
    """What must be installed: a dependency field, as apt-get(8)'s `satisfy` takes it."""
    unsupported: str | None = None
    """Why no testbed of this architecture, or none at all, may run it."""

    def has(self, restriction: str) -> bool:
        return restriction in self.restrictions


@dataclass(frozen=True, kw_only=True)
class Package:
    """What `Depends` may stand for, of the source package that has the tests."""

    binaries: Sequence[str]
    """The packages under test, each as `NAME (= VERSION)`: `@`."""
    build_depends: Sequence[str]
    """The .dsc's build dependencies: `@builddeps@`, together with build-essential."""
    recommends: Sequence[str]
    """The Recommends of the binary packages in debian/control: `@recommends@`."""


def package_of(dsc: Mapping[str, str], control: str, binaries: Sequence[str]) -> Package:
    """From the .dsc, debian/control and the packages under test."""
    fields = ("Build-Depends", "Build-Depends-Indep", "Build-Depends-Arch")
    return Package(
        binaries=binaries,
        build_depends=[c for name in fields for c in _clauses(dsc.get(name, ""))],
        recommends=[
            c
            for paragraph in paragraphs(control)
            if "Package" in paragraph
            for c in _clauses(_VARIABLE.sub("", paragraph.get("Recommends", "")))
            if "${" not in c
        ],
    )


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """The stanzas, without comments, their continuation lines joined.

    A `#` begins a comment wherever it stands (README.package-tests). Names of fields are
    capitalised as in FIELDS.
    """
    lines = []
    for line in text.splitlines():
        kept = line.split("#", 1)[0]
        # A line that has become empty would end the stanza.
        if kept.strip() or not line.strip():
            lines.append(kept)
    for paragraph in Deb822.iter_paragraphs(lines, use_apt_pkg=False):
        yield {
            "-".join(word.capitalize() for word in name.split("-")): " ".join(value.split())
            for name, value in paragraph.items()
        }


def read_tests(text: str, package: Package, concerns: Callable[[str], bool]) -> list[DeclaredTest]:
    """Every test, in order; one that cannot be run here says why in `unsupported`.

    `concerns` says whether an architecture wildcard (deb-src-control(5)) stands for the testbed's.
    Raises ControlError.
    """
    found: list[DeclaredTest] = []
    commands = 0
    for number, stanza in enumerate(paragraphs(text), 1):
        try:
            tests, unnamed = _stanza(stanza, package, concerns, commands)
        except ControlError as problem:
            raise ControlError(f"stanza {number}: {problem}") from problem
        commands += unnamed
        found += tests
    return found


def _stanza(
    stanza: Mapping[str, str], package: Package, concerns: Callable[[str], bool], commands: int
) -> tuple[list[DeclaredTest], int]:
    """The tests of one stanza, and how many of them are commands that had to be given a name."""
    restrictions = frozenset(_words(stanza.get("Restrictions", "")))
    names, named = _words(stanza.get("Tests", "")), _test_name(stanza)
    command = stanza.get("Test-Command")
    if ("Tests" in stanza) == (command is not None):
        raise ControlError("it needs one of the fields Tests and Test-Command")
    if command is None and not names:
        raise ControlError("the field Tests is empty")
    if command is None and named is not None:
        raise ControlError("the feature test-name is for a Test-Command")
    shown = names if command is None else [named or f"command{commands + 1}"]
    place = stanza.get("Tests-Directory", DIRECTORY)
    why = _unsupported(stanza, restrictions, concerns)
    relations = ", ".join(_relations(stanza, restrictions, package))
    tests = [
        DeclaredTest(
            name=name,
            path=None if command is not None else str(PurePosixPath(place) / name),
            command=command,
            restrictions=restrictions,
            relations=relations,
            unsupported=why or ("its name has a `/`" if "/" in name else None),
        )
        for name in shown
    ]
    return tests, int(command is not None and named is None)


def _test_name(stanza: Mapping[str, str]) -> str | None:
    """The value of `Features: test-name=...`; other features mean nothing to us, either."""
    features = [f.partition("=") for f in _words(stanza.get("Features", ""))]
    values = [value for key, _, value in features if key == "test-name"]
    if len(values) > 1 or "" in values:
        raise ControlError("the feature test-name must be there once, with one value")
    return values[0] if values else None


def _unsupported(
    stanza: Mapping[str, str], restrictions: frozenset[str], concerns: Callable[[str], bool]
) -> str | None:
    if unknown := sorted(set(stanza) - FIELDS):
        return f"unknown field {unknown[0]}"
    if odd := sorted(restrictions - RESTRICTIONS):
        return f"unknown restriction {odd[0]}"
    if HINT in restrictions:
        return f"{HINT}: it is only a hint for whoever triggers tests"
    place = PurePosixPath(stanza.get("Tests-Directory", DIRECTORY))
    if place.is_absolute() or ".." in place.parts:
        return f"Tests-Directory is not a path in the source tree: {place}"
    return _other_architecture(_words(stanza.get("Architecture", "")), concerns)


def _other_architecture(wanted: Sequence[str], concerns: Callable[[str], bool]) -> str | None:
    """Why the field Architecture leaves this one out; policy 7.1 on the exclamation mark."""
    if not wanted or list(wanted) == ["any"]:
        return None
    refused = [w for w in wanted if w.startswith("!")]
    said = " ".join(wanted)
    if "all" in wanted or (refused and len(refused) != len(wanted)):
        return f"its field Architecture is not allowed: {said}"
    matched = any(concerns(w.removeprefix("!")) for w in wanted)
    return f"Architecture: {said}" if matched == bool(refused) else None


def _relations(
    stanza: Mapping[str, str], restrictions: frozenset[str], package: Package
) -> Iterator[str]:
    field = stanza.get("Depends", "@")
    if "needs-recommends" in restrictions:
        field += ", @recommends@"
    if "needs-sudo" in restrictions:
        field += ", sudo"
    for clause in _clauses(field):
        if clause == "@builddeps@":
            yield from (*package.build_depends, "build-essential")
        elif clause == "@recommends@":
            yield from package.recommends
        elif "@" in clause:
            expanded = [clause.replace("@", binary, 1) for binary in package.binaries]
            yield from (_checked(c, package) for c in expanded)
        else:
            yield _checked(clause, package)


def _checked(clause: str, package: Package) -> str:
    """The clause, if it can be one of a dependency: it becomes part of an argument of apt-get.

    A package under test is meant in the version that is tested, whatever the archive has.
    """
    exactly = {binary.split(" ", 1)[0]: binary for binary in package.binaries}
    alternatives = [a.strip() for a in clause.split("|")]
    for alternative in alternatives:
        if not _CLAUSE.fullmatch(alternative):
            raise ControlError(f"Depends has `{clause}`, which is not a dependency")
    return " | ".join(exactly.get(a, a) for a in alternatives)


def _clauses(field: str) -> list[str]:
    return [c for c in (" ".join(part.split()) for part in field.split(",")) if c]


def _words(field: str) -> list[str]:
    return field.replace(",", " ").split()
