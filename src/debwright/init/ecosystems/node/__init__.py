"""Node: a service with a package.json, whose dependencies a lock of npm, pnpm or yarn names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.node import building, hints, runners
from debwright.init.ecosystems.node import package as about
from debwright.init.ecosystems.node.building import Made
from debwright.init.ecosystems.node.dependencies import Dependencies, read_dependencies
from debwright.init.ecosystems.node.pages import as_site, makes_pages
from debwright.init.ecosystems.node.start import DEVELOPERS, Start, find_start, scripts_of
from debwright.init.ecosystems.node.suites import fitting
from debwright.init.ecosystems.static import pages_project
from debwright.init.facts import readme_sentence
from debwright.init.model import (
    Answers,
    Health,
    Project,
    Rules,
    Unit,
    one_line,
    package_name,
    project_name,
)
from debwright.init.naming import directory_name
from debwright.init.units import AuthorUnits, Places, author_units
from debwright.model.errors import UsageError
from debwright.model.suites import SUITES
from debwright.source.carriers.npm.locks import read_package


class Node(Ecosystem):
    """A service with a package.json."""

    name = "node"
    title = "Node"
    recognised_by = "package.json"
    accompanies = True

    def confidence(self, directory: Path) -> Confidence:
        there = (directory / "package.json").is_file()
        # A Python service, too, may have one for the tools of its pages.
        return Confidence.LIKELY if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:
        return _project(directory, read_package(directory), answers)


ECOSYSTEM = Node()


def _project(directory: Path, package: Mapping[str, Any], answers: Answers) -> Project:
    notes: list[str] = []
    dependencies = read_dependencies(directory, package, notes)
    start = find_start(directory, package)
    if start is not None and start.program in DEVELOPERS and about.programs(package):
        start = None  # how its developers try out a command for users
    suite = fitting(package, dependencies.direct(package))
    notes += [suite.note] if suite.note else []
    found = hints.read(directory, start, about.names_of(package, "dependencies"))
    made = _made(
        _name(directory, package), package=package, dependencies=dependencies, start=start,
        found=found,
    )  # fmt: skip
    described = Project(
        name=_name(directory, package),
        package=made.package,
        version=about.debian_version(package, notes),
        description=one_line(package.get("description", "")) or readme_sentence(directory),
        homepage=about.homepage(package),
        author=about.author(package),
        licence=about.licence(directory, package),
        architecture=made.architecture,
        targets=suite.targets,
        build_depends=building.build_depends(made),
        rules=Rules(buildsystem="none", exports=_exports(made), overrides=building.overrides(made)),
        settings={"npm": {"lock": dependencies.lock}} if dependencies.lock else {},
        notes=tuple(notes),
    )
    if makes_pages(directory, package, start):
        pages = replace(made, compiled=False, prebuilt=False)
        return as_site(replace(described, architecture="all"), directory, pages, package, answers)
    if (start is None or start.guessed) and (directory / "index.html").is_file():
        # Its package.json is for its developers' tools only.
        return pages_project(directory, answers)
    units = _authors(directory, made, package, found)
    oldest = _oldest(package, suite.suite)
    described = replace(described, depends=building.depends(made, oldest))
    return _service(described, made, package=package, authors=units,
                    own=_unit(made, start, found, notes), notes=notes)  # fmt: skip


def _service(
    described: Project,
    made: Made,
    *,
    package: Mapping[str, Any],
    authors: AuthorUnits,
    own: tuple[Unit, ...],
    notes: Sequence[str],
) -> Project:
    """The project with its units and its commands. Raises UsageError where it has neither."""
    units = authors.units or own
    if not units and not about.programs(package):
        raise UsageError(
            "package.json does not say which command starts the service",
            cause="it has no scripts.start, main or bin, and there is no server.js, app.js or "
            "index.js",
            fix='npm pkg set scripts.start="node FILE.js"',
        )
    return replace(
        described,
        units=tuple(units),
        accounts=authors.accounts,
        programs=tuple(about.programs(package)),
        files=(building.left_out(), *made.runners),
        links=_links(made, package),
        smoke=_smoke(units, package),
        lintian_overrides=building.lintian(made),
        notes=(*notes, *authors.notes),
    )


def _name(directory: Path, package: Mapping[str, Any]) -> str:
    said = str(package.get("name") or directory_name(directory))
    return project_name(said.rpartition("/")[2].lstrip("@"), "package.json")


def _made(
    name: str,
    *,
    package: Mapping[str, Any],
    dependencies: Dependencies,
    start: Start | None,
    found: hints.Hints,
) -> Made:
    scripts = scripts_of(package)
    build = next((s for s in ("build:prod", "build:production", "build") if s in scripts), None)
    developers = set(about.names_of(package, "devDependencies"))
    everything = start is not None and start.words[0] in developers
    made = Made(
        package=package_name(name),
        carried=dependencies.lock is not None,
        build=build,
        compiled=dependencies.compiled,
        prebuilt=dependencies.prebuilt,
        everything=everything,
        runners=runners.files(scripts) if build else (),
        frameworks=about.names_of(package, "dependencies"),
    )
    state = f"/var/lib/{made.package}"
    links = {name.rstrip("/"): f"{state}/{name.rstrip('/')}" for name in found.writes}
    return replace(made, links=links)


def _unit(
    made: Made, start: Start | None, found: hints.Hints, notes: list[str]
) -> tuple[Unit, ...]:
    """The unit for a project whose author wrote none."""
    if start is None:
        return ()
    if start.dropped:
        notes.append(f"{start.seen} runs {', '.join(start.dropped)} first; the unit does not: "
                     "add ExecStartPre= if the service needs it")  # fmt: skip
    if made.everything:
        notes.append(f"{start.seen} starts {start.words[0]}, one of devDependencies: all of them "
                     "go into the package")  # fmt: skip
    folders = [n.rstrip("/") if n.endswith("/") else n.rpartition("/")[0] for n in found.writes]
    folders = [name for name in dict.fromkeys(folders) if name]
    if found.writes:
        notes.append(f"{', '.join(found.writes)}: what the service writes next to its source is in "
                     f"/var/lib/{made.package}")  # fmt: skip
    state = {v: f"/var/lib/{made.package}/{n.rstrip('/')}" for v, n in found.elsewhere.items()}
    folders += [name.rstrip("/") for name in found.elsewhere.values() if name.endswith("/")]
    if state:
        notes.append(f"{', '.join(state)}: the unit names /var/lib/{made.package}, for the source "
                     "has places that a service of its own may not write to")  # fmt: skip
    before = f"/bin/mkdir -p {' '.join(f'/var/lib/{made.package}/{n}' for n in folders)}"
    return (
        Unit(
            name=f"{made.package}.service",
            command=start.command(made.tree),
            health=_health(found),
            before=(before,) if folders else (),
            environment={
                "NODE_ENV": "production",
                **state,
                **found.environment,
                **start.environment,
            },
            directory=made.tree,
        ),
    )


def _health(found: hints.Hints) -> Health | None:
    if not found.listens:
        return None
    return Health(port=found.port, path=found.path, address=found.address)


def _authors(
    directory: Path, made: Made, package: Mapping[str, Any], found: hints.Hints
) -> AuthorUnits:
    places = Places(
        programs={name: f"/usr/bin/{name}" for name in about.programs(package)},
        tree=made.tree,
        variables=f"/etc/default/{made.package}",
    )
    return author_units(directory, places, _health(found))


def _exports(made: Made) -> dict[str, str]:
    if not made.build:
        return {}
    return {
        # npm and what it starts write to a home; there is none in a build.
        "HOME": "$(CURDIR)/debian/home",
        "CI": "true",
    }


def _oldest(package: Mapping[str, Any], suite: str) -> str | None:
    """The first number of the suite's node, where the project says that it needs some version."""
    have = SUITES[suite].node
    return have.partition(".")[0] if have and package.get("engines") else None


def _links(made: Made, package: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Commands in /usr/bin that lead into the tree."""
    tree = made.tree.lstrip("/")
    found = about.programs(package)
    return tuple((f"{tree}/{file}", f"usr/bin/{name}") for name, file in found.items())


def _smoke(units: Sequence[Unit], package: Mapping[str, Any]) -> tuple[str, ...]:
    """A command-line tool says its version; a service is asked whether it answers."""
    names = about.programs(package)
    return (f"{next(iter(names))} --version",) if names and not units else ()
