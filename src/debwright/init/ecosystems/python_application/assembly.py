"""Everything that is found in an application, put together as a project to package."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.dependencies import normalise, resolve
from debwright.init.ecosystems.python.django import WRAPPER, Django, read_django
from debwright.init.ecosystems.python.health import find_health, find_path
from debwright.init.ecosystems.python.kind import manage_directory
from debwright.init.ecosystems.python.listening import speaks_http
from debwright.init.ecosystems.python.modules import Module, read_modules
from debwright.init.ecosystems.python.private_tree import Wanted, planned
from debwright.init.ecosystems.python.procfile import read_procfile
from debwright.init.ecosystems.python.requirements import (
    Line,
    Requirements,
    find,
    read_requirements,
)
from debwright.init.ecosystems.python.settings import Settings, read_settings
from debwright.init.ecosystems.python.start import Start, django_start, starts
from debwright.init.ecosystems.python.suites import targets_for, unmet
from debwright.init.ecosystems.python_application import state
from debwright.init.ecosystems.python_application.about import about
from debwright.init.ecosystems.python_application.django_settings import (
    VARIABLES,
    Wrapped,
    wrapper,
)
from debwright.init.ecosystems.python_application.extras import more_starts, scheduled
from debwright.init.ecosystems.python_application.rules import Parts, rules_for
from debwright.init.ecosystems.python_application.tree import left_out, overrides
from debwright.init.ecosystems.python_application.units import Layout, authors, generated
from debwright.init.model import Answers, Health, Project, Question, Unit, Written, package_name

SHOWN = 3
COLLECTED = ("libjs-jquery",)
"""What Debian's Django only recommends, and its static files have links to."""


@dataclass(frozen=True, kw_only=True)
class _Service:
    health: Health | None
    asking: tuple[Question, ...]
    """What only a person knows of it."""
    django: Django | None


def assemble(directory: Path, answers: Answers) -> Project:
    """The project in `directory` as a package. Raises UsageError when it cannot be one."""
    modules = read_modules(directory)
    said, version = about(directory, modules)
    package = package_name(said.name)
    asked = _requirements(directory, said.requirements)
    names = _names(asked.texts)
    django = read_django(modules, names)
    found, added, more = _starts(directory, package, modules, names, django)
    more_lines = tuple(Line(text=text, seen="debwright init") for text in added)
    asked = replace(asked, lines=(*asked.lines, *more_lines))
    path = django.health if django else find_path(directory, modules)
    http = path.seen is not None or bool(django) or speaks_http(modules)
    health, asking = find_health(found[0], path, said.name, answers, http=http)
    used = [m for m in modules if django is None or m.name not in django.unused]
    settings = read_settings(
        directory, used, package, answers,
        always=("SECRET_KEY",) if django and not django.secret else (),
        more=dict.fromkeys(VARIABLES, f"debian/{WRAPPER}.py") if django else {},
    )  # fmt: skip
    targets, why = targets_for(said.requires_python)
    database, about_database = _database(said.name, package, django, answers)
    written = Wrapped(path=health.path.value if health else "/", on_file=database)
    project = Project(
        name=said.name, package=package, version=version.upstream, version_from=version.source,
        tag_prefix=version.tag_prefix, description=said.description, homepage=said.homepage,
        author=said.author, licence=said.licence, targets=targets, secrets=settings.secrets,
        files=_files(package, settings, django, written),
        questions=(*about_database, *settings.questions),
        lintian_overrides=overrides(directory, collected=bool(django and django.static)),
        notes=(*asked.notes, *said.notes, *version.notes, *filter(None, [why]), *more,
               *(django.notes if django else ()), *settings.notes, *scheduled(directory, modules)),
    )  # fmt: skip
    service = _Service(health=health, asking=tuple(asking), django=django)
    project = _with_units(project, directory, used, found, service)
    project = _with_dependencies(project, directory, asked, django, settings)
    return replace(project, notes=tuple(dict.fromkeys(project.notes)))


def _with_units(
    project: Project,
    directory: Path,
    modules: Sequence[Module],
    found: Sequence[Start],
    service: _Service,
) -> Project:
    """The project with its units, and with its tree, whose state is elsewhere."""
    package, django = project.package, service.django
    roots = ("src",) if any(m.path.startswith("src/") for m in modules) else ()
    layout = Layout(package=package, roots=roots)
    links, states, replaced = state.links(state.written(modules), directory, package, layout.tree)
    environment = {"DJANGO_SETTINGS_MODULE": WRAPPER} if django else {}
    kept = (*states, *_other_states(modules, package))
    own = generated(layout, found, service.health, environment, kept)
    theirs = authors(layout, directory, service.health)
    units = _together(own, theirs.units)
    patterns = left_out(directory, modules, (*replaced, *state.LEFT_OUT_DATA))
    return replace(
        project,
        units=units,
        accounts=theirs.accounts,
        # Flask and others keep their data in var/ of the interpreter's prefix.
        links=((f"var/lib/{package}", f"usr/lib/{package}/var"), *links),
        files=(Written(path="debian/left-out", text=patterns), *project.files),
        questions=(*project.questions, *(service.asking if own[0] in units else ())),
        notes=(*project.notes, *theirs.notes),
    )


def _requirements(directory: Path, said: tuple[str, ...]) -> Requirements:
    name = find(directory, manage_directory(directory) or "")
    if said or name is None:
        return Requirements(lines=tuple(Line(text=t, seen="pyproject.toml") for t in said))
    return read_requirements(directory, name)


def _names(asked: Sequence[str]) -> frozenset[str]:
    """Names of requirements, and names with each of their extras."""
    names: set[str] = set()
    for text in asked:
        requirement = Requirement(text)
        name = normalise(requirement.name)
        names |= {name, *(f"{name}[{extra}]" for extra in requirement.extras)}
    return frozenset(names)


def _starts(
    directory: Path,
    package: str,
    modules: Sequence[Module],
    names: frozenset[str],
    django: Django | None,
) -> tuple[tuple[Start, ...], tuple[str, ...], list[str]]:
    """The processes, what must be added to the requirements for them, and notes."""
    processes = read_procfile(directory)
    more: list[str] = []
    if django is not None:
        found = django_start(django, directory, modules, processes, names)
        if django.static and not django.gives_out:
            more.append("nothing of the project gives its static files out: WhiteNoise was added")
    else:
        found = starts(directory, modules, processes, names)
    found = (*found, *more_starts(modules, names, found, package))
    added = [requirement for start in found for requirement in start.added]
    notes = [*(note for start in found for note in start.notes), *more]
    if more and "whitenoise" not in names:
        added.append("whitenoise")
    for start in found:
        program = servers.program_of(start.words)
        server = next((s for s in servers.SERVERS if s.name == program), None)
        if server and not {server.distribution, *server.brought_by} & {*names, *added}:
            added.append(server.distribution)
            notes.append(f"{start.seen} starts {program}, which no requirement names: it was added")
    return found, tuple(dict.fromkeys(added)), notes


def _other_states(modules: Sequence[Module], package: str) -> tuple[str, ...]:
    return tuple(name for name in state.state_directories(modules) if name != package)


def _together(own: tuple[Unit, ...], theirs: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """The author's units, and ours where none of those is the service that serves."""
    served = any(u.name.endswith(".service") and u.started for u in theirs)
    if served or (theirs and own[0].health is None):
        return theirs
    return (*own, *theirs)


def _database(
    name: str, package: str, django: Django | None, answers: Answers
) -> tuple[bool, tuple[Question, ...]]:
    """Whether SQLite takes the place of a server that the settings name, and the question."""
    if django is None or not django.server:
        return False, ()
    question = Question(
        name="database", default="sqlite", choices=("sqlite", "own"),
        text=f"Which database does {name} use: sqlite, a file in /var/lib/{package}, or own, the "
        f"server ({django.server.rpartition('.')[2]}) that its settings name and that you set up?",
    )  # fmt: skip
    return question.answered(answers) == "sqlite", (question,)


def _files(
    package: str, settings: Settings, django: Django | None, wrapped: Wrapped
) -> tuple[Written, ...]:
    files: list[Written] = []
    if settings.text:
        files.append(Written(path=f"debian/{package}.default", text=settings.text))
    if django is not None:
        files.append(Written(path=f"debian/{WRAPPER}.py", text=wrapper(package, django, wrapped)))
    return tuple(files)


def _with_dependencies(
    project: Project,
    directory: Path,
    asked: Requirements,
    django: Django | None,
    settings: Settings,
) -> Project:
    """The project with Debian's packages where they satisfy every limit, else with its own."""
    reasons = unmet(map(Requirement, asked.texts), project.targets)
    parts = Parts(
        package=project.package, django=django, carried=bool(reasons),
        variables={**dict.fromkeys((v.name for v in settings.variables if v.required), "1"),
                   **settings.values,
                   **dict.fromkeys(settings.secrets, "only-for-the-build")},
    )  # fmt: skip
    if reasons:
        more = f" (and {len(reasons) - SHOWN} more)" if len(reasons) > SHOWN else ""
        why = f"the package carries its dependencies: {'; '.join(reasons[:SHOWN])}{more}"
        project = replace(project, rules=rules_for(parts), notes=(*project.notes, why))
        wanted = Wanted(
            package=project.package, requirements=asked.texts, targets=project.targets,
            constraints=tuple(c.text for c in asked.constraints), hashes=asked.hashes,
        )  # fmt: skip
        return planned(wanted, directory, project)
    packages = resolve(map(Requirement, asked.texts)).packages
    built = (*packages, *COLLECTED) if django is not None and django.static else ()
    return replace(
        project,
        rules=rules_for(parts),
        build_depends=("dh-sequence-python3", "python3:any", *built),
        depends=("python3:any", *packages),
        links=(("usr/bin/python3", f"usr/lib/{project.package}/bin/python3"), *project.links),
        install=(("debian/pyvenv.cfg", f"usr/lib/{project.package}"),),
        files=(*project.files, Written(path="debian/pyvenv.cfg", text=VENV)),
    )


VENV = "home = /usr/bin\ninclude-system-site-packages = true\n"
