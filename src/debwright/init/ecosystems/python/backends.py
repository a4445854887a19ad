"""What a project is built with (build-system of pyproject.toml, PEP 517 and 518)."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from debwright.init.ecosystems.python.dependencies import Known, lookup, normalise, parse
from debwright.init.ecosystems.python.legacy import setup_requires
from debwright.init.ecosystems.python.rust_parts import BACKENDS, RustParts, read_rust
from debwright.init.ecosystems.python.suites import unmet
from debwright.init.ecosystems.python.tables import dig, strings, text_of
from debwright.model.errors import UsageError

DEFAULT = ("setuptools",)
"""What a project without [build-system] is built with (PEP 517, legacy)."""
# Tools whose package is not called as other Python packages, or is no Python package; versions are
# those of the suites in dependencies.TABLE.
OWN: Mapping[str, Known] = {
    "setuptools": Known(
        package="python3-setuptools", versions={"bookworm": "66.1.1", "trixie": "78.1.1"}
    ),
    "flit-core": Known(package="flit", versions={"bookworm": "3.8.0", "trixie": "3.12.0"}),
    "cython": Known(package="cython3:native", versions={"bookworm": "0.29.32", "trixie": "3.0.11"}),
    "meson": Known(package="meson", versions={"bookworm": "1.0.1", "trixie": "1.7.0"}),
    "ninja": Known(package="ninja-build", versions={"bookworm": "1.11.1", "trixie": "1.12.1"}),
    "cmake": Known(package="cmake", versions={"bookworm": "3.25.1", "trixie": "3.31.6"}),
}
MODULES = {
    "setuptools": "setuptools", "hatchling": "hatchling", "flit_core": "flit-core",
    "poetry": "poetry-core", "pdm": "pdm-backend", "mesonpy": "meson-python",
    "scikit_build_core": "scikit-build-core", "maturin": "maturin", "uv_build": "uv-build",
}  # fmt: skip
"""Modules of backends, whose distribution is needed when `requires` forgets it."""
# The first versions that understand a licence as an SPDX expression, and a list of files (PEP 639).
# hatchling and pdm-backend read the expression since its drafts.
EXPRESSION = {
    "setuptools": "77", "flit-core": "3.11", "poetry-core": "2.2", "meson-python": "0.18",
    "scikit-build-core": "0.11", "maturin": "1.9.2",
}  # fmt: skip
FILES = {**EXPRESSION, "hatchling": "1.27", "flit-core": "3.12", "pdm-backend": "2.4"}
# Programs that backends call and do not name among their requirements.
CALLED = {
    "scikit-build-core": ("cmake", "ninja-build"),
    "scikit-build": ("cmake", "ninja-build"),
    "meson-python": ("ninja-build", "pkg-config"),
}
FOREIGN = frozenset({
    "python3-setuptools", "python3-docutils", "python3-pybind11", "python3-scikit-build-core",
    "pybuild-plugin-pyproject", "cmake", "meson", "ninja-build", "pkg-config",
})  # fmt: skip
"""Tools that are Multi-Arch: foreign in every suite of the table."""
COMPILERS = frozenset({
    "scikit-build-core", "scikit-build", "meson-python", "cython", "pybind11", "nanobind", "cffi",
    "numpy", "mypy", "setuptools-rust", "maturin", "ziglang", "hatch-cython", "hatch-mypyc",
})  # fmt: skip
"""Build requirements that only a project with something to compile has."""
TAGGED = frozenset({
    "setuptools-scm", "hatch-vcs", "flit-scm", "poetry-dynamic-versioning",
    "uv-dynamic-versioning", "versioningit", "setuptools-git-versioning", "versioneer", "pbr",
})  # fmt: skip
"""Build requirements that take the version from git's tags."""

_EMPTY_EXTRAS: Mapping[str, frozenset[str]] = {"setuptools-scm": frozenset({"toml"})}
"""Extras of build requirements that name what Python itself has since 3.11."""


FROM_FILES = frozenset({"versioningit", "setuptools-git-versioning", "versioneer"})
"""Those of them that no variable tells a version, but files of an unpacked release do."""


@dataclass(frozen=True, kw_only=True)
class BuildSystem:
    """How the project is built."""

    backend: str
    requires: tuple[Requirement, ...]
    """As they apply on Linux, with the limits that the project's metadata ask for."""
    compiled: bool
    copied: bool
    """Whether the backend must not see debian/, which it would take for a part of the project."""
    rust: RustParts | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(normalise(requirement.name) for requirement in self.requires)

    @property
    def tagged(self) -> bool:
        """Whether something among its requirements takes a version from git's tags."""
        return bool(self.names & TAGGED)

    @property
    def as_release(self) -> bool:
        """Whether it is built as an unpacked release would be, with its version in files."""
        return bool(self.names & FROM_FILES)

    def unmet(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Why the suites of `targets` cannot build it, as suites.unmet has it."""
        return unmet(self.requires, targets, known=find)

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian packages of what is required, where the suites have it."""
        found = (find(requirement.name) for requirement in self.requires)
        return tuple(known.package for known in found if known)

    @property
    def programs(self) -> tuple[str, ...]:
        """Debian packages of programs that the backend calls, and of crates."""
        called = (p for name in sorted(self.names) for p in CALLED.get(name, ()))
        return (*called, *(self.rust.packages if self.rust else ()))


def for_cross(packages: Iterable[str]) -> tuple[str, ...]:
    """`packages` for a build that may be a cross build, in which tools are this machine's.

    One that is not Multi-Arch: foreign would be asked of the other architecture, which has no such
    package of architecture `all`; and one that is must not be called `:native`.
    https://wiki.debian.org/CrossPolicy
    """
    return tuple(
        p if p in FOREIGN or ":" in p or p.startswith("lib") else f"{p}:native" for p in packages
    )


def find(name: str) -> Known | None:
    """What Debian has of a build requirement."""
    return OWN.get(normalise(name)) or lookup(name)


def read_build_system(directory: Path, data: Mapping[str, Any]) -> BuildSystem:
    """From pyproject.toml. Raises UsageError when its build needs more than can be carried."""
    table = dig(data, "build-system")
    requires = parse(strings(table["requires"]) if "requires" in table else DEFAULT)
    backend = str(table.get("build-backend", "setuptools.build_meta:__legacy__"))
    forgotten = MODULES.get(re.split(r"[.:]", str(table.get("build-backend", "")))[0])
    if backend.startswith("setuptools."):
        requires += parse(setup_requires(directory))
        if "versioneer.get_version" in text_of(directory, "setup.py"):
            # Also where its copy lies in the tree, which is not listed.
            requires.append(Requirement("versioneer"))
    requires += _of_own_backend(directory, strings(table.get("backend-path")))
    names = {normalise(requirement.name) for requirement in requires}
    if forgotten and forgotten not in names and "backend-path" not in table:
        requires.append(Requirement(forgotten))
        names.add(forgotten)
    if "setuptools" in names and "wheel" not in names:
        # What it asks for by itself before its version 70.1; isolated builds fetch it.
        requires.append(Requirement("wheel"))
        names.add("wheel")
    first = _licence_versions(data)
    requires += [Requirement(f"{n}>={first[n]}") for n in sorted(names) if n in first]
    rust = sorted(names & BACKENDS)
    return BuildSystem(
        backend=backend,
        requires=tuple(map(_plain, requires)),
        compiled=bool(names & COMPILERS) or _extensions(directory, data),
        copied=backend.startswith("setuptools.") or "setuptools" in names,
        rust=read_rust(directory, rust[0]) if rust else None,
    )


def _of_own_backend(directory: Path, paths: Sequence[str]) -> Iterator[Requirement]:
    """Compilers that a backend in the tree asks for when it is called.

    It is not run (get_requires_for_build_wheel): texts in it that are requirements say so.
    """
    for path in (p for name in paths for p in sorted((directory / name).rglob("*.py"))):
        try:
            tree = ast.parse(text_of(directory, str(path.relative_to(directory))))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and re.match(r"(?i)(?:cython|cffi|mypy)\b[^\n]*$", text):
                with suppress(UsageError):
                    yield from parse([text])


def _plain(requirement: Requirement) -> Requirement:
    """Without extras that ask for nothing with the Python of any suite that init packages for."""
    empty = _EMPTY_EXTRAS.get(normalise(requirement.name), frozenset())
    if not requirement.extras & empty:
        return requirement
    plain = Requirement(str(requirement))
    plain.extras = requirement.extras - empty
    return plain


def _licence_versions(data: Mapping[str, Any]) -> Mapping[str, str]:
    """The first versions of backends that read the licence as the project states it."""
    project = dig(data, "project")
    if isinstance(project.get("license-files"), list):
        return FILES
    return EXPRESSION if isinstance(project.get("license"), str) else {}


def _extensions(directory: Path, data: Mapping[str, Any]) -> bool:
    if dig(data, "tool", "setuptools").get("ext-modules"):
        return True
    text = text_of(directory, "setup.py")
    return bool(re.search(r"ext_modules|cffi_modules|Extension\(|cythonize", text))
