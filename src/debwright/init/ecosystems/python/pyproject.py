"""Reading pyproject.toml, and the source next to it.

Everything read here ends in files that dpkg, systemd and make interpret, so names and one-line
texts are checked or cleaned before they leave this module.
"""

import ast
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from debwright.init.ecosystems.python import hints as hints_module
from debwright.init.ecosystems.python.dependencies import normalise, parse
from debwright.init.ecosystems.python.hints import Hints
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

BACKENDS = {
    "setuptools": "python3-setuptools",
    "hatchling": "python3-hatchling",
    "flit_core": "flit",
    "poetry": "python3-poetry-core",
}
MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::[A-Za-z_]\w*)?", re.ASCII)
PERSON = re.compile(r"\s*([^<>]+?)\s*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&*+,;=%-]+")


@dataclass(frozen=True, kw_only=True)
class Pyproject:
    """What pyproject.toml and the source next to it say."""

    name: str
    version: str
    """As Debian's upstream version."""
    description: str
    homepage: str | None
    author: Person | None
    licence: Licence
    backend: str
    """The Debian package of the build backend."""
    build_requires: tuple[str, ...]
    """build-system.requires, as it applies on Linux."""
    dynamic_version: bool
    """The version comes from git's tags."""
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
    compiled: bool
    src_layout: bool
    config_files: tuple[str, ...]
    health: Health | None
    notes: tuple[str, ...]


def read_pyproject(directory: Path) -> Pyproject:
    """Read the project in `directory`. Raises UsageError when it cannot be packaged."""
    data = _read(directory)
    project = data.get("project", {})
    poetry = _dig(data, "tool", "poetry")
    name = project_name(project.get("name", poetry.get("name")), "pyproject.toml")
    notes: list[str] = []
    requirements = _requirements(project, poetry, notes)
    hints = _override(hints_module.read(directory), data)
    scripts = project.get("scripts", poetry.get("scripts", {}))
    script, module = _script(name, scripts, notes)
    module = module or _module_of(directory, name) or (hints.app or "").partition(":")[0]
    command = _command(directory, script, module, hints, requirements)
    tests = next((d for d in ("tests", "test") if (directory / d).is_dir()), None)
    version = _version(directory, data, project, poetry, notes)
    return Pyproject(
        name=name,
        version=version,
        description=one_line(project.get("description", poetry.get("description", ""))),
        homepage=_homepage(project, poetry),
        author=_author(project, poetry),
        licence=_licence(directory, project, poetry),
        backend=_backend(data),
        build_requires=tuple(
            map(str, parse(_dig(data, "build-system").get("requires", ["setuptools"])))
        ),
        dynamic_version=False,
        command=command,
        script=script,
        scripts=tuple(s for s in scripts if PROGRAM.fullmatch(s)),
        module=module,
        requirements=requirements,
        test_requirements=_test_requirements(data, project),
        tests=tests,
        uses_pytest=_uses_pytest(directory, tests),
        compiled=_compiled(directory, data),
        src_layout=(directory / "src").is_dir(),
        config_files=_config_files(directory, name),
        health=hints.health if hints.serves else None,
        notes=tuple(notes),
    )


def _read(directory: Path) -> dict[str, Any]:
    path = directory / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            "pyproject.toml cannot be read",
            evidence=[Evidence(text=str(error), file="pyproject.toml")],
        ) from error


def _dig(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    value: Any = data
    for key in keys:
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return dict(value) if isinstance(value, Mapping) else {}


def _requirements(
    project: Mapping[str, Any], poetry: Mapping[str, Any], notes: list[str]
) -> tuple[str, ...]:
    texts = [t for t in project.get("dependencies", []) if isinstance(t, str)]
    if not project.get("dependencies") and isinstance(poetry.get("dependencies"), Mapping):
        # Poetry's own constraints (^1.2) are not those of the standard: names are enough here.
        texts = [n for n in poetry["dependencies"] if n.lower() != "python"]
        if texts:
            notes.append("the version limits in [tool.poetry.dependencies] were not compared")
    return tuple(str(r) for r in parse(texts))


def _test_requirements(data: Mapping[str, Any], project: Mapping[str, Any]) -> tuple[str, ...]:
    groups = {**_dig(project, "optional-dependencies"), **_dig(data, "dependency-groups")}
    texts: list[str] = []
    for group in ("test", "tests", "testing"):
        value = groups.get(group, [])
        texts += [t for t in value if isinstance(t, str)] if isinstance(value, list) else []
    return tuple(str(r) for r in parse(texts))


def _override(hints: Hints, data: Mapping[str, Any]) -> Hints:
    """Port and path from `health_url` in [tool.debwright.service], which beat any guess."""
    url = _dig(data, "tool", "debwright", "service").get("health_url")
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


def _version(
    directory: Path,
    data: Mapping[str, Any],
    project: Mapping[str, Any],
    poetry: Mapping[str, Any],
    notes: list[str],
) -> str:
    text = project.get("version", poetry.get("version"))
    if text is None:
        text = _dynamic_version(directory, data, str(project.get("name", "")))
    if text is None:
        notes.append("no version was found: debian/changelog begins with 0.1.0; correct it")
        text = "0.1.0"
    try:
        version = Version(str(text))
    except InvalidVersion as error:
        raise UsageError(
            f"{text!r} is not a version", fix="correct it in pyproject.toml"
        ) from error
    # 1.0rc1 must sort below 1.0, which "~" does (policy 5.6.12); a dot-less suffix would not.
    base = ".".join(str(n) for n in version.release)
    early = "".join(str(p) for p in version.pre or ())
    late = f"+post{version.post}" if version.post is not None else ""
    # Two tildes put 1.0.dev1 below 1.0a1, and "+" puts 1.0.post1 below 1.0.1.
    mark = "~" if early or late else "~~"
    dev = f"{mark}dev{version.dev}" if version.dev is not None else ""
    return base + (f"~{early}" if early else "") + late + dev


def _dynamic_version(directory: Path, data: Mapping[str, Any], name: str) -> str | None:
    places = []
    if isinstance(path := _dig(data, "tool", "hatch", "version").get("path"), str):
        places.append(path)
    attr = _dig(data, "tool", "setuptools", "dynamic", "version").get("attr")
    module = str(attr).rpartition(".")[0] if attr else re.sub(r"[-.]+", "_", name)
    inside = module.replace(".", "/")
    places += [f"{r}{inside}{end}" for r in ("src/", "") for end in ("/__init__.py", ".py")]
    for place in places:
        path = directory / place
        if not path.resolve().is_relative_to(directory.resolve()) or not path.is_file():
            continue
        match = re.search(
            r"^(?:__version__|VERSION|version)\s*(?::[^=\n]+)?=\s*(['\"][^'\"\n]+['\"])",
            path.read_text(encoding="utf-8", errors="replace")[:65536],
            re.M,
        )
        if match:
            return str(ast.literal_eval(match[1]))
    return None


def _build_requires(data: Mapping[str, Any]) -> tuple[str, ...]:
    requires = _dig(data, "build-system").get("requires", ["setuptools"])
    return tuple(str(r) for r in parse(requires if isinstance(requires, list) else []))


def _backend(data: Mapping[str, Any]) -> str:
    name = str(_dig(data, "build-system").get("build-backend", "setuptools.build_meta"))
    package = BACKENDS.get(name.partition(".")[0])
    if package is None:
        raise UsageError(
            f"the build backend {one_line(name)!r} is not one that Debian builds with here",
            cause="known are setuptools, hatchling, flit_core and poetry-core",
            fix="change [build-system] in pyproject.toml, or write debian/ by hand",
        )
    return package


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
    urls = {str(k).lower(): v for k, v in _dig(project, "urls").items()}
    for key in ("homepage", "home", "repository", "source"):
        url = urls.get(key, poetry.get(key))
        if isinstance(url, str) and URL.fullmatch(url):
            return url
    return None


def _uses_pytest(directory: Path, tests: str | None) -> bool:
    files = sorted((directory / tests).rglob("*.py"))[:500] if tests else []
    wanted = re.compile(r"^(?:import pytest\b|from pytest\b|def test_)", re.M)
    return any(wanted.search(f.read_text("utf-8", "replace")) for f in files if not f.is_symlink())


def _compiled(directory: Path, data: Mapping[str, Any]) -> bool:
    if _dig(data, "tool", "setuptools").get("ext-modules"):
        return True
    setup = directory / "setup.py"
    if not setup.is_file():
        return False
    return bool(
        re.search(r"ext_modules|cffi_modules|Extension\(", setup.read_text("utf-8", "replace"))
    )


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
