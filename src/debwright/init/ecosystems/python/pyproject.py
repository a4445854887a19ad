"""Reading pyproject.toml, and the source next to it.

Everything read here ends in files that dpkg, systemd and make interpret, so names and one-line
texts are checked or cleaned before they leave this module.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python.backends import BuildSystem, read_build_system
from debwright.init.ecosystems.python.dependencies import normalise, parse
from debwright.init.ecosystems.python.dynamic import complete
from debwright.init.ecosystems.python.packages import compiled_module, top_modules
from debwright.init.ecosystems.python.poetry import limits, requirements
from debwright.init.ecosystems.python.tables import dig, read_toml, strings
from debwright.init.ecosystems.python.testing import OwnTests, read_tests
from debwright.init.ecosystems.python.versions import Told, read_version
from debwright.init.licences import Licence, find_licence
from debwright.init.model import (
    PROGRAM,
    Person,
    one_line,
    package_name,
    project_name,
)
from debwright.init.naming import directory_name
from debwright.model.errors import Evidence, UsageError

MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\s*:\s*[A-Za-z_][\w.]*)?", re.ASCII)
_TAKEN = frozenset({"python", "python3", "sh", "bash", "perl", "pip", "pip3"})
_FOR_DEVELOPERS = frozenset({
    "dev", "develop", "development", "test", "tests", "testing", "doc", "docs", "lint", "linting",
    "typing", "types", "mypy", "benchmark", "benchmarks", "build", "ci", "pre-commit", "release",
})  # fmt: skip
PERSON = re.compile(r"\s*([^<>]+?)\s*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&*+,;=%-]+")


@dataclass(frozen=True, kw_only=True)
class Pyproject:
    """What pyproject.toml and the source next to it say."""

    name: str
    version: Told
    description: str
    homepage: str | None
    author: Person | None
    licence: Licence
    build: BuildSystem
    requires_python: str
    scripts: Mapping[str, str]
    """Commands that it installs, and what each calls, as `module:function`."""
    module: str
    """What can be imported, where that is known."""
    modules: tuple[str, ...]
    """All that can be imported, as far as the tree says."""
    requirements: tuple[str, ...]
    tests: OwnTests | None
    src_layout: bool
    config_files: tuple[str, ...]
    said: Mapping[str, Any]
    """[tool.debwright.service]."""
    notes: tuple[str, ...]


def read_pyproject(directory: Path) -> Pyproject:
    """Read the project in `directory`. Raises UsageError when it cannot be packaged."""
    data = read_toml(directory, "pyproject.toml") if _has(directory) else {}
    data, notes = complete(directory, data)
    project = dig(data, "project")
    poetry = dig(data, "tool", "poetry")
    name = project_name(project.get("name", poetry.get("name")), "pyproject.toml")
    requirements = _requirements(project, poetry, notes)
    scripts = _scripts(project, poetry)
    module = next((target.partition(":")[0] for target in scripts.values()), "")
    modules = top_modules(directory, name)
    build = read_build_system(directory, data)
    version = read_version(directory, name, data, build)
    notes += [*version.notes, *_extras(project)]
    return Pyproject(
        name=name,
        version=version,
        description=one_line(project.get("description", poetry.get("description", ""))),
        homepage=_homepage(project, poetry),
        author=_author(project, poetry),
        licence=_licence(directory, project, poetry),
        build=build,
        requires_python=_requires_python(project, poetry),
        scripts=scripts,
        module=_module_of(modules) or module or compiled_module(directory, data),
        modules=modules,
        requirements=requirements,
        tests=read_tests(directory, data, requirements),
        src_layout=(directory / "src").is_dir(),
        config_files=_config_files(directory, name),
        said=dig(data, "tool", "debwright", "service"),
        notes=tuple(notes),
    )


def _has(directory: Path) -> bool:
    return (directory / "pyproject.toml").is_file()


def _requirements(
    project: Mapping[str, Any], poetry: Mapping[str, Any], notes: list[str]
) -> tuple[str, ...]:
    said = project.get("dependencies", [])
    if not isinstance(said, list):
        raise UsageError(
            "dependencies is not a list of texts",
            evidence=[Evidence(text=f"dependencies = {said!r}"[:200], file="pyproject.toml")],
            fix='dependencies = ["flask>=3"]',
        )
    texts = strings(said)
    if "dependencies" not in project and isinstance(poetry.get("dependencies"), Mapping):
        texts, odd = requirements(poetry["dependencies"])
        notes += odd
    return tuple(str(r) for r in parse(texts))


def _requires_python(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> str:
    said = project.get("requires-python")
    if isinstance(said, str):
        return said
    python = dig(poetry, "dependencies").get("python")
    return limits(python) if isinstance(python, str) else ""


def _extras(project: Mapping[str, Any]) -> list[str]:
    names = sorted(one_line(name) for name in dig(project, "optional-dependencies"))
    wanted = [n for n in names if normalise(n) not in _FOR_DEVELOPERS]
    if not wanted:
        return []
    return [f"extras that nothing asks for are left out: {', '.join(wanted)}"]


def _scripts(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> dict[str, str]:
    """Commands for terminals and desktops. Raises UsageError for one that cannot be installed."""
    entries = {**dig(project, "scripts"), **dig(project, "gui-scripts")} or dig(poetry, "scripts")
    found = {}
    for name, said in entries.items():
        target = said.get("reference", said.get("callable")) if isinstance(said, dict) else said
        if isinstance(said, dict) and said.get("type", "console") != "console":
            continue
        clean = str(target).partition("[")[0].strip()
        if not PROGRAM.fullmatch(name) or not MODULE.fullmatch(clean) or name in _TAKEN:
            raise UsageError(
                f"{name!r} in [project.scripts] is not a command that can be packaged",
                evidence=[Evidence(text=f"{name} = {target!r}"[:200], file="pyproject.toml")],
                cause="a command has letters, digits, '.', '_' and '-', and no name that every "
                "system has for another one; its value is module:function",
            )
        found[name] = clean
    return found


def _module_of(found: Sequence[str]) -> str:
    """What can be imported, where the tree has one candidate."""
    return found[0] if len(found) == 1 and MODULE.fullmatch(found[0]) else ""


def _licence(directory: Path, project: Mapping[str, Any], poetry: Mapping[str, Any]) -> Licence:
    """By `license` (PEP 639's expression, or a table), else by a classifier that stands alone."""
    said = project.get("license", poetry.get("license"))
    file = said.get("file") if isinstance(said, Mapping) else None
    text = said.get("text") if isinstance(said, Mapping) else said
    if not text:
        classifiers = strings(project.get("classifiers", poetry.get("classifiers")))
        found = [c for c in classifiers if c.startswith("License :: ")]
        text = found[0] if len(found) == 1 else ""
    return find_licence(
        directory,
        text if isinstance(text, str) else "",
        file if isinstance(file, str) else "",
        strings(project.get("license-files")),
    )


def _author(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> Person | None:
    entries = [*project.get("maintainers", []), *project.get("authors", [])]
    people = [
        (one_line(e.get("name", "")), one_line(e.get("email", "")))
        for e in entries
        if isinstance(e, dict)
    ]
    texts = [*poetry.get("maintainers", []), *poetry.get("authors", [])]
    people += [(m[1], m[2]) for m in (PERSON.fullmatch(one_line(t)) for t in texts) if m]
    people.append((os.environ.get("DEBFULLNAME", ""), os.environ.get("DEBEMAIL", "")))
    for name, email in people:
        # RFC 822 gives these characters a meaning in a Maintainer field.
        clean = re.sub(r'[<>()",;:\\@\[\]$]', "", one_line(name)).strip()
        if clean and EMAIL.fullmatch(email):
            return Person(name=clean, email=email)
    return None


def _homepage(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> str | None:
    urls = {str(k).lower(): v for k, v in dig(project, "urls").items()}
    for key in ("homepage", "home", "repository", "source"):
        url = urls.get(key, poetry.get(key))
        if isinstance(url, str) and URL.fullmatch(url):
            return url
    return None


def _config_files(directory: Path, name: str) -> tuple[str, ...]:
    """Sample settings in the project's top directory, or in etc/, that belong in /etc."""
    stems = {name, package_name(name), name.replace("-", "_"), "config"}
    endings = (".toml", ".yaml", ".yml", ".ini", ".conf", ".cfg")
    wanted = {f"{stem}{ending}" for stem in stems for ending in endings}
    found = []
    for root in ("", "etc/"):
        folder = directory / root
        if folder.is_symlink() or not folder.is_dir():
            continue
        found += [f"{root}{n}" for n in sorted(wanted) if (folder / n).is_file()]
    return tuple(f for f in found if not (directory / f).is_symlink())


def read_about(directory: Path) -> dict[str, Any]:
    """What pyproject.toml says of a project that nothing builds; `version` may be empty.

    Raises UsageError for what is not well formed.
    """
    data = read_toml(directory, "pyproject.toml")
    project, poetry = dig(data, "project"), dig(data, "tool", "poetry")
    name = project.get("name", poetry.get("name", directory_name(directory)))
    notes: list[str] = []
    requirements = _requirements(project, poetry, notes)
    version = project.get("version", poetry.get("version"))
    return {
        "name": project_name(name, "pyproject.toml"),
        "version": str(version) if version is not None else "",
        "description": one_line(project.get("description", poetry.get("description", ""))),
        "homepage": _homepage(project, poetry),
        "author": _author(project, poetry),
        "licence": _licence(directory, project, poetry),
        "requirements": requirements,
        "requires_python": _requires_python(project, poetry),
        "notes": tuple(notes),
    }
