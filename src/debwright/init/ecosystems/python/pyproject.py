"""Reading pyproject.toml, and the source next to it.

Everything read here ends in files that dpkg, systemd and make interpret, so names and one-line
texts are checked or cleaned before they leave this module.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.python import hints as hints_module
from debwright.init.ecosystems.python.backends import BuildSystem, read_build_system
from debwright.init.ecosystems.python.dependencies import normalise, parse
from debwright.init.ecosystems.python.hints import Hints
from debwright.init.ecosystems.python.poetry import limits, requirements
from debwright.init.ecosystems.python.tables import dig, read_toml, strings
from debwright.init.ecosystems.python.versions import Told, read_version
from debwright.init.licences import Licence, find_licence
from debwright.init.model import (
    PROGRAM,
    Guess,
    Health,
    Person,
    one_line,
    package_name,
    project_name,
)
from debwright.model.errors import Evidence, UsageError

MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::[A-Za-z_]\w*)?", re.ASCII)
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
    command: str
    """What the unit starts, without systemd's own escapes."""
    script: str | None
    scripts: tuple[str, ...]
    module: str
    requirements: tuple[str, ...]
    test_requirements: tuple[str, ...]
    tests: str | None
    """The directory of the tests, `tests` or `test`."""
    uses_pytest: bool
    src_layout: bool
    config_files: tuple[str, ...]
    health: Health | None
    notes: tuple[str, ...]


def read_pyproject(directory: Path) -> Pyproject:
    """Read the project in `directory`. Raises UsageError when it cannot be packaged."""
    data = read_toml(directory, "pyproject.toml")
    project = dig(data, "project")
    poetry = dig(data, "tool", "poetry")
    name = project_name(project.get("name", poetry.get("name")), "pyproject.toml")
    notes: list[str] = []
    requirements = _requirements(project, poetry, notes)
    hints = _override(hints_module.read(directory), data)
    scripts = project.get("scripts", poetry.get("scripts", {}))
    script, module = _script(name, scripts, notes)
    module = module or _module_of(directory, name) or (hints.app or "").partition(":")[0]
    command = _command(directory, script, module, hints, requirements)
    tests = next((d for d in ("tests", "test") if (directory / d).is_dir()), None)
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
        command=command,
        script=script,
        scripts=tuple(s for s in scripts if PROGRAM.fullmatch(s)),
        module=module,
        requirements=requirements,
        test_requirements=_test_requirements(data, project),
        tests=tests,
        uses_pytest=_uses_pytest(directory, tests),
        src_layout=(directory / "src").is_dir(),
        config_files=_config_files(directory, name),
        health=hints.health if hints.serves else None,
        notes=tuple(notes),
    )


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


def _test_requirements(data: Mapping[str, Any], project: Mapping[str, Any]) -> tuple[str, ...]:
    groups = {**dig(project, "optional-dependencies"), **dig(data, "dependency-groups")}
    texts: list[str] = []
    for group in ("test", "tests", "testing"):
        value = groups.get(group, [])
        texts += [t for t in value if isinstance(t, str)] if isinstance(value, list) else []
    return tuple(str(r) for r in parse(texts))


def _override(hints: Hints, data: Mapping[str, Any]) -> Hints:
    """Port and path from `health_url` in [tool.debwright.service], which beat any guess."""
    url = dig(data, "tool", "debwright", "service").get("health_url")
    if url is None:
        return hints
    match = re.fullmatch(
        r"http://(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})(/[^\s\"'\\]*)", str(url)
    )
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise UsageError(
            "[tool.debwright.service] health_url is not an address of this machine with a port",
            evidence=[Evidence(text=f"health_url = {url!r}"[:200], file="pyproject.toml")],
            fix='health_url = "http://127.0.0.1:8000/health"',
        )
    said = "[tool.debwright.service] in pyproject.toml"
    health = Health(
        port=Guess(value=str(int(match[1])), seen=said), path=Guess(value=match[2], seen=said)
    )
    return replace(hints, health=health, serves=True)


def _script(name: str, scripts: object, notes: list[str]) -> tuple[str | None, str]:
    if not isinstance(scripts, Mapping):
        return None, ""
    entries = {str(k): v for k, v in scripts.items() if isinstance(v, str)}
    if not entries:
        return None, ""
    wanted = [s for s in entries if normalise(s) == normalise(name)]
    script = wanted[0] if wanted else next(iter(entries))
    if not PROGRAM.fullmatch(script) or not MODULE.fullmatch(entries[script].strip()):
        raise UsageError(
            f"{script!r} in [project.scripts] is not a command that can be packaged",
            evidence=[
                Evidence(text=f"{script} = {entries[script]!r}"[:200], file="pyproject.toml")
            ],
            cause="a command has letters, digits, '.', '_' and '-'; its value is module:function",
        )
    if len(entries) > 1:
        others = ", ".join(sorted(e for e in entries if e != script and PROGRAM.fullmatch(e)))
        notes.append(f"the unit starts {script}; the project also has {others}")
    return script, entries[script].strip().partition(":")[0]


def _module_of(directory: Path, name: str) -> str:
    module = re.sub(r"[-.]+", "_", name)
    for candidate in (module, module.lower()):
        for root in (directory / "src", directory):
            if (root / candidate / "__init__.py").is_file() or (root / f"{candidate}.py").is_file():
                return candidate if MODULE.fullmatch(candidate) else ""
    return ""


def _command(
    directory: Path, script: str | None, module: str, hints: Hints, requirements: tuple[str, ...]
) -> str:
    if script is not None:
        return f"/usr/bin/{script}" + (f" {hints.subcommand}" if hints.subcommand else "")
    port = hints.health.port.value
    if hints.app is not None and MODULE.fullmatch(hints.app):
        named = {re.split(r"[^A-Za-z0-9._-]", r)[0].lower() for r in requirements}
        if hints.framework == "flask":
            if "gunicorn" in named:
                return f"/usr/bin/python3 -m gunicorn --bind 127.0.0.1:{port} {hints.app}"
            return f"/usr/bin/python3 -m flask --app {hints.app} run --host 127.0.0.1 --port {port}"
        return f"/usr/bin/python3 -m uvicorn --host 127.0.0.1 --port {port} {hints.app}"
    for root in (directory / "src", directory):
        if module and (root / module.replace(".", "/") / "__main__.py").is_file():
            subcommand = f" {hints.subcommand}" if hints.subcommand else ""
            return f"/usr/bin/python3 -m {module}{subcommand}"
    raise UsageError(
        "the project does not say which command starts its service",
        cause="there is no [project.scripts], no __main__.py and no FastAPI or Flask application",
        fix='add [project.scripts] with NAME = "module:function" to pyproject.toml',
    )


def _licence(directory: Path, project: Mapping[str, Any], poetry: Mapping[str, Any]) -> Licence:
    said = project.get("license", poetry.get("license"))
    file = said.get("file") if isinstance(said, Mapping) else None
    text = said.get("text") if isinstance(said, Mapping) else said
    return find_licence(
        directory, text if isinstance(text, str) else "", file if isinstance(file, str) else ""
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


def _uses_pytest(directory: Path, tests: str | None) -> bool:
    files = sorted((directory / tests).rglob("*.py"))[:500] if tests else []
    wanted = re.compile(r"^(?:import pytest\b|from pytest\b|def test_)", re.M)
    return any(wanted.search(f.read_text("utf-8", "replace")) for f in files if not f.is_symlink())


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
