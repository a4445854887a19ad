"""From a Project to the text of every file of debian/."""

import json
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from debwright.init.dependencies import lookup, normalise, parse, resolve
from debwright.init.detect import Person, Project
from debwright.model.errors import printable

SYNOPSIS = 76


@dataclass(frozen=True, kw_only=True)
class Rendered:
    path: str
    """Relative to the project's directory."""
    text: str
    executable: bool = False


def render(project: Project) -> tuple[list[Rendered], list[str]]:
    """All files to write, and notes for the person who reads them."""
    values, notes = _values(project)
    environment = _environment()
    files = [
        Rendered(
            path=path,
            text=environment.get_template(f"{template}.j2").render(values),
            executable=template == "rules",
        )
        for path, template in _files(project)
    ]
    files.append(Rendered(path="debian/source/format", text="3.0 (quilt)\n"))
    return files, [*project.notes, *notes]


def user_name(package: str) -> str:
    """The service's account: an underscore keeps it apart from people and from the base system
    (policy 9.2.1); at most 31 characters, as systemd and adduser allow."""
    return "_" + re.sub(r"[^a-z0-9-]", "-", package)[:30]


def _files(project: Project) -> Iterator[tuple[str, str]]:
    name = f"debian/{project.package}"
    yield "debwright.toml", "debwright.toml"
    yield "debian/control", "control"
    yield "debian/rules", "rules"
    yield "debian/changelog", "changelog"
    yield "debian/copyright", "copyright"
    yield "debian/clean", "clean"
    yield f"{name}.service", "service"
    yield f"{name}.sysusers", "sysusers"
    yield f"{name}.postrm", "postrm"
    yield f"{name}.lintian-overrides", "lintian-overrides"
    yield "debian/tests/control", "tests-control"
    if project.config_files:
        yield f"{name}.install", "install"
    if project.script:
        yield f"debian/{project.script}.1", "man"
        yield f"{name}.manpages", "manpages"


def _values(p: Project) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    now = _now()
    maintainer = p.author or Person(
        name=f"{p.package} maintainers", email=f"{p.package}@example.org"
    )
    if p.author is None:
        notes.append(
            f"no author with a mail address was found: debian/control and debian/changelog say "
            f"{maintainer.email}; correct them"
        )
    if not p.licence.known:
        notes.append("no licence was found: complete debian/copyright before giving it to anyone")
    packages, missing = _dependencies(p, notes)
    pytest, test_packages, no_tests_because = _tests(p, missing)
    run_tests = not no_tests_because
    if no_tests_because and p.tests:
        notes.append(f"the build does not run the tests: {no_tests_because}")
    path = p.hints.health_path.value
    values: dict[str, Any] = {
        "p": p,
        "maintainer": maintainer,
        "user": user_name(p.package),
        "date": format_datetime(now),
        "day": now.strftime("%Y-%m-%d"),
        "synopsis": _synopsis(p),
        "extended": _extended(p),
        "holders": _holders(p, maintainer, now.year),
        "build_depends": _build_depends(p, packages, test_packages if run_tests else ()),
        "depends": _depends(p, packages),
        "run_tests": run_tests,
        "pytest": pytest,
        "no_tests_because": no_tests_because,
        "health_url": f"http://127.0.0.1:{p.hints.port.value}{path}",
        "port_seen": printable((_port_seen(p) or "").replace("\n", " ")),
        "health_seen": printable((p.hints.health_path.seen or "").replace("\n", " ")),
        "privileged_port": int(p.hints.port.value) < 1024,
        "egg_info": _egg_info(p),
    }
    if not values["port_seen"]:
        notes.append("the port in debwright.toml is a guess; correct it")
    if not values["health_seen"]:
        notes.append("the health path in debwright.toml is a guess; correct it")
    return values, notes


def _port_seen(p: Project) -> str | None:
    set_by_unit = {p.hints.port.value, f"127.0.0.1:{p.hints.port.value}"} & set(p.command.split())
    if p.hints.port.seen is None and set_by_unit:
        return f"the unit, debian/{p.package}.service, which sets it"
    return p.hints.port.seen


def _now() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)


def _dependencies(p: Project, notes: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = resolve(parse(p.requirements))
    if found.missing:
        notes.append(
            "Debian does not have " + ", ".join(found.missing) + ": the service will not start "
            "until they are bundled or dropped"
        )
    notes.extend(
        f"{sentence}: build for a newer suite or lower the limit" for sentence in found.too_old
    )
    return found.packages, found.missing


def _tests(p: Project, missing: tuple[str, ...]) -> tuple[bool, tuple[str, ...], str]:
    """Whether pytest runs them, their packages, and why they are not run if so."""
    if p.tests is None:
        return False, (), "The project has no tests."
    found = resolve(parse(p.test_requirements))
    lacking = (*missing, *found.missing)
    if lacking:
        return False, (), f"Debian lacks what the tests need: {', '.join(lacking)}."
    pytest = p.uses_pytest or "python3-pytest" in found.packages
    packages = (*found.packages, *(("python3-pytest",) if pytest else ()))
    return pytest, tuple(dict.fromkeys(packages)), ""


def _build_depends(p: Project, packages: tuple[str, ...], tests: tuple[str, ...]) -> list[str]:
    always = {
        "debhelper-compat (= 13)",
        "dh-sequence-installsysusers",
        "dh-sequence-python3",
        "pybuild-plugin-pyproject",
        p.backend,
    }
    # Cross building needs the interpreter of the build machine and the headers of the other.
    # pybuild looks for the interpreter by name, and does not know "python3:any".
    always |= {"libpython3-dev", "python3-dev:any"} if p.compiled else {"python3-all:any"}
    if p.compiled:
        always.add("python3-setuptools")
    check_only = {f"{name} <!nocheck>" for name in (*packages, *tests) if name not in always}
    return sorted(always | check_only)


def _depends(p: Project, packages: tuple[str, ...]) -> list[str]:
    depends = ["${misc:Depends}", "${python3:Depends}"]
    if p.compiled:
        depends.append("${shlibs:Depends}")
    # The server that the unit starts with -m is needed even when the project does not name it.
    match = re.match(r"/usr/bin/python3 -m (uvicorn|gunicorn|flask)\b", p.command)
    known = lookup(match[1]) if match else None
    if known is not None and known.package not in packages:
        depends.append(known.package)
    return depends


def _synopsis(p: Project) -> str:
    """One line without final stop, at most 76 characters (developer's reference 6.2.2)."""
    text = p.description.rstrip(". ")
    if len(text) > SYNOPSIS:
        text = text[:SYNOPSIS].rsplit(" ", 1)[0].rstrip(" ,;:")
    if not text or normalise(text) == normalise(p.name):
        text = f"{p.package} service"
    return re.sub(r"^(?:an?|the) (?=\S)", "", text, flags=re.IGNORECASE)


def _extended(p: Project) -> str:
    first = textwrap.wrap(p.description, 76) if p.description else []
    second = textwrap.wrap(
        f"This package runs {p.package} as a systemd service under an account of its own, "
        f"{user_name(p.package)}, with its state in /var/lib/{p.package}.",
        76,
    )
    return "\n".join(f" {line}" for line in [*first, *(["."] if first else []), *second])


def _holders(p: Project, maintainer: Person, year: int) -> list[str]:
    found = re.findall(
        r"^\s*(?:Copyright|\u00a9)\s*(?:\(c\)|\u00a9)?\s*(\d{4}.*\S)", p.licence.text, re.M | re.I
    )
    return found[:20] or [f"{year} {maintainer.name}"]


def _egg_info(p: Project) -> str:
    module = re.sub(r"[-.]+", "_", p.name)
    return f"src/{module}.egg-info" if p.src_layout else f"{module}.egg-info"


def _environment() -> Environment:
    # No HTML is made here; each format's own escapes are the filters below.
    environment = Environment(  # noqa: S701
        loader=PackageLoader("debwright.init"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=True)
    environment.filters["line"] = lambda text: " ".join(printable(text).split())
    environment.filters["substvar"] = lambda text: text.replace("$", "${Dollar}")
    environment.filters["unit"] = lambda text: text.replace("%", "%%").replace("\\", "/")
    environment.filters["roff"] = _roff
    return environment


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
