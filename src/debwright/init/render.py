"""From a Project to the text of every file of debian/, the same for every ecosystem."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from debwright.init import unitfile
from debwright.init.description import extended, synopsis
from debwright.init.model import Person, Project, Unit, Written, user_name, web_page
from debwright.init.record import begun_now
from debwright.model.errors import printable

SHORT = 40
"""Characters of a package's name and version from which on the name of its file may be too long for
lintian: 80 with the longest architecture and what versions between releases add."""
ALWAYS = ("debhelper-compat (= 13)",)


def render(project: Project, begun: datetime | None = None) -> tuple[list[Written], list[str]]:
    """All files to write, and notes for the person who reads them.

    `begun` is the date in them, by default now.
    """
    project = replace(project, homepage=web_page(project.homepage))
    values, notes = _values(project, begun or begun_now())
    environment = _environment()

    def made(path: str, template: str, **more: object) -> Written:
        text = environment.get_template(f"{template}.j2").render(values, **more)
        return Written(path=path, text=text, executable=template == "rules")

    files = [made(path, template) for path, template in _files(project)]
    files += [
        made(f"debian/{_file_of(project, unit)}", "service", unit=unit)
        for unit in project.units
        if unit.command
    ]
    files += [
        Written(path=f"debian/{_file_of(project, unit)}", text=unit.text)
        for unit in project.units
        if unit.text
    ]
    files += [made(f"debian/{program}.1", "man", program=program) for program in project.programs]
    files.append(Written(path="debian/source/format", text="3.0 (quilt)\n"))
    return [*files, *project.files], [*project.notes, *notes]


def _files(project: Project) -> Iterator[tuple[str, str]]:
    """Paths and templates of what there is once."""
    name = f"debian/{project.package}"
    if not project.own_config:
        yield "debwright.toml", "debwright.toml"
    yield "debian/control", "control"
    yield "debian/rules", "rules"
    yield "debian/changelog", "changelog"
    yield "debian/copyright", "copyright"
    yield f"{name}.lintian-overrides", "lintian-overrides"
    if project.package.startswith("python-"):
        yield "debian/source/lintian-overrides", "source-overrides"
    if project.clean or any(unit.source for unit in project.units):
        yield "debian/clean", "clean"
    if _has_user(project) or project.accounts:
        yield f"{name}.sysusers", "sysusers"
    if _has_user(project):
        yield f"{name}.postrm", "postrm"
    if _answers_http(project) or project.smoke:
        yield "debian/tests/control", "tests-control"
    if project.secrets:
        yield f"{name}.postinst", "postinst"
    if project.links:
        yield f"{name}.links", "links"
    if project.config_files or project.install:
        yield f"{name}.install", "install"
    if project.programs:
        yield f"{name}.manpages", "manpages"
    if project.licence.notice:
        yield f"{name}.docs", "docs"


def _answers_http(project: Project) -> bool:
    unit = project.service
    return bool(unit and unit.health and unit.health.http)


def _has_user(project: Project) -> bool:
    """Whether a unit is ours, and so runs as the package's own user."""
    return any(unit.command for unit in project.units)


def _file_of(project: Project, unit: Unit) -> str:
    """The unit's file below debian/, as dh_installsystemd(1) looks for it."""
    stem, _, kind = unit.name.rpartition(".")
    # Of a template, as printer@.service, the package's name gets the mark.
    package = project.package + ("@" if stem.endswith("@") else "")
    own = stem == package
    return f"{package}.{kind}" if own else f"{package}.{stem.removesuffix('@')}.{kind}"


def _installsystemd(p: Project) -> list[str]:
    """The calls of dh_installsystemd(1), when one without options is not enough.

    It starts every unit it installs, enabled or not, and has to be given other names than the
    package's.
    """
    stems: dict[str, list[str]] = {p.package: []}
    for unit in p.units:
        if unit.theirs:
            continue
        held = stems.setdefault(_stem(unit), [])
        if not unit.started:
            held.append(unit.name)
    calls = []
    for stem, held in stems.items():
        name = [] if stem == p.package else [f"--name={stem}"]
        calls.append(["dh_installsystemd", *name, *(f"-X{unit}" for unit in held)])
        if held:
            hold = ["--no-start", "--no-stop-on-upgrade", "--no-restart-after-upgrade"]
            calls.append(["dh_installsystemd", *name, *hold, *held])
    return [" ".join(map(shlex.quote, call)) for call in calls] if len(calls) > 1 else []


def _stem(unit: Unit) -> str:
    return unit.name.rpartition(".")[0].removesuffix("@")


def _values(p: Project, now: datetime) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
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
    notes += [
        f"the text of the licence {name} is not in the project: complete debian/copyright"
        for name in p.licence.missing
    ]
    first = synopsis(p)
    always = (*ALWAYS, *(("dh-sequence-installsysusers",) if _has_user(p) or p.accounts else ()))
    values: dict[str, Any] = {
        "p": p,
        "maintainer": maintainer,
        "user": user_name(p.package),
        "users": [*([user_name(p.package)] if _has_user(p) else []), *p.accounts],
        "date": format_datetime(now),
        "day": now.strftime("%Y-%m-%d"),
        "section": _section(p),
        "dated": re.match(r"(?:\d+:)?\d{8}", p.version) is not None,
        "long": len(p.package) + len(p.version) > SHORT,
        "synopsis": first,
        "extended": extended(p, first, _about(p)),
        "holders": p.licence.holders or [f"{now.year} {maintainer.name}"],
        "build_depends": sorted({*always, *p.build_depends}),
        "depends": ["${misc:Depends}", *p.depends],
        "taken_over": [(u.source, _file_of(p, u)) for u in p.units if u.source],
        "installsystemd": _installsystemd(p),
        # What a timer or a socket starts is checked with it, and of a template nothing runs.
        "further": [u for u in p.units[1:] if u.started and "@." not in u.name],
    }
    if p.service and p.service.health:
        health = p.service.health
        seen = {"port": _port_seen(p.service, p), "path": health.path.seen}
        values |= {
            f"{name}_seen": printable((text or "").replace("\n", " "))
            for name, text in seen.items()
        }
        # What the ecosystem asks is named as a question, with its answer.
        asked = {question.name for question in p.questions}
        notes += [
            f"the {what} in debwright.toml is a guess; correct it"
            for what, text in (("port", seen["port"]), ("health path", seen["path"]))
            if not text and what.replace(" ", "-") not in asked and (health.http or what == "port")
        ]
    return values, notes


def _port_seen(unit: Unit, p: Project) -> str | None:
    port = unit.health.port if unit.health else None
    if port is None or port.seen is not None:
        return port.seen if port else None
    if {port.value, f"127.0.0.1:{port.value}"} & set(unit.command.split()):
        return f"the unit, debian/{_file_of(p, unit)}, which sets it"
    return None


def _about(p: Project) -> str:
    """What the package does with the project, where it does more than to have it."""
    if not _has_user(p):
        return ""
    return (
        f"This package runs {p.package} as a systemd service under an account of its own, "
        f"{user_name(p.package)}, with its state in /var/lib/{p.package}."
    )


def _section(p: Project) -> str:
    return p.section or ("net" if p.units else "utils" if p.programs else "misc")


@cache
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
    environment.filters["inline"] = _inline
    environment.filters["line"] = lambda text: " ".join(printable(text).split())
    environment.filters["substvar"] = lambda text: text.replace("$", "${Dollar}")
    environment.filters["unit"] = lambda text: text.replace("%", "%%").replace("\\", "/")
    environment.filters["assignment"] = unitfile.assignment
    environment.filters["path"] = unitfile.path
    environment.filters["word"] = lambda text: shlex.quote(printable(text)).replace("$", "$$")
    environment.filters["roff"] = _roff
    return environment


def _inline(value: object) -> str:
    """A value of TOML on one line; tables are inline ones."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_inline(one)}' for key, one in value.items())} }}"
    return json.dumps(value, ensure_ascii=True)


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
