"""Node: a service with a package.json, whose dependencies a lock of npm, pnpm or yarn names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.node import building, hints
from debwright.init.ecosystems.node import package as about
from debwright.init.ecosystems.node.building import Made
from debwright.init.ecosystems.node.dependencies import Dependencies, read_dependencies
from debwright.init.ecosystems.node.start import Start, find_start, scripts_of
from debwright.init.ecosystems.node.suites import fitting
from debwright.init.model import (
    Answers,
    Health,
    Override,
    Project,
    Rules,
    Unit,
    package_name,
    project_name,
)
from debwright.init.units import Places, author_units
from debwright.model.errors import UsageError
from debwright.model.suites import SUITES
from debwright.source.carriers.npm.locks import read_package


class Node(Ecosystem):
    """A service with a package.json."""

    name = "node"
    title = "Node"
    recognised_by = "package.json"

    def confidence(self, directory: Path) -> Confidence:
        there = (directory / "package.json").is_file()
        # A Python service, too, may have one for the tools of its pages.
        return Confidence.LIKELY if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        return _project(directory, read_package(directory))


ECOSYSTEM = Node()


def _project(directory: Path, package: Mapping[str, Any]) -> Project:
    notes: list[str] = []
    said = str(package.get("name") or directory.resolve().name)
    name = project_name(said.rpartition("/")[2].lstrip("@"), "package.json")
    dependencies = read_dependencies(directory, package, notes)
    start = find_start(directory, package)
    suite = fitting(package, [i for i in dependencies.items if not i["dev"]])
    notes += [suite.note] if suite.note else []
    found = hints.read(directory, start, about.names_of(package, "dependencies"))
    made = _made(name, package, dependencies, start, found, notes)
    own, authors = _unit(made, start, found, notes), _authors(directory, made, package, found)
    units = authors.units or own
    if not units and not about.programs(package):
        raise UsageError(
            "package.json does not say which command starts the service",
            cause="it has no scripts.start, main or bin, and there is no server.js, app.js or "
            "index.js",
            fix='npm pkg set scripts.start="node FILE.js"',
        )
    return Project(
        name=name,
        package=made.package,
        version=about.debian_version(package, notes),
        description=_description(package),
        homepage=about.homepage(package),
        author=about.author(package),
        licence=about.licence(directory, package),
        architecture=made.architecture,
        targets=suite.targets,
        build_depends=building.build_depends(made),
        depends=building.depends(made, _oldest(package, suite.suite)),
        rules=Rules(
            buildsystem="none", exports=_exports(made), overrides=building.overrides(made)
        ),
        units=tuple(units),
        accounts=authors.accounts,
        settings={"npm": {"lock": dependencies.lock}} if dependencies.lock else {},
        programs=tuple(about.programs(package)),
        lintian=building.lintian(made),
        notes=(*notes, *authors.notes),
    )
