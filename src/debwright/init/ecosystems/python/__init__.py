"""Python: a project with a pyproject.toml.

What its suites have comes from there, and pybuild builds it; what they do not have, it carries.
"""

from dataclasses import replace
from pathlib import Path

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.python.bundled import bundled
from debwright.init.ecosystems.python.dependencies import parse
from debwright.init.ecosystems.python.pybuild import from_debian
from debwright.init.ecosystems.python.pyproject import Pyproject, read_pyproject
from debwright.init.ecosystems.python.suites import targets_for, unmet
from debwright.init.model import Answers, Project, Unit, package_name
from debwright.init.units import Places, author_units


class Python(Ecosystem):
    """A project with a pyproject.toml."""

    name = "python"
    title = "Python"
    recognised_by = "pyproject.toml"

    def confidence(self, directory: Path) -> Confidence:
        there = (directory / "pyproject.toml").is_file()
        return Confidence.CERTAIN if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        found = read_pyproject(directory)
        targets, why = targets_for(found.requires_python)
        project = replace(_project(directory, found), targets=targets)
        if why:
            project = replace(project, notes=(*project.notes, why))
        reasons = unmet(parse(found.requirements), targets)
        if reasons := (*reasons, *found.build.unmet(targets)):
            return bundled(directory, found, project, reasons)
        return from_debian(found, project)


ECOSYSTEM = Python()


def _project(directory: Path, found: Pyproject) -> Project:
    """What is the same however the package is built."""
    package = package_name(found.name)
    own = (Unit(name=f"{package}.service", command=found.command, health=found.health),)
    places = Places(programs={name: f"/usr/bin/{name}" for name in found.scripts})
    authors = author_units(directory, places, found.health)
    return Project(
        name=found.name,
        package=package,
        version=found.version.upstream,
        version_from=found.version.source,
        tag_prefix=found.version.tag_prefix,
        description=found.description,
        homepage=found.homepage,
        author=found.author,
        licence=found.licence,
        units=authors.units or own,
        accounts=authors.accounts,
        programs=(found.script,) if found.script else (),
        config_files=found.config_files,
        smoke=(f"python3 -c 'import {found.module}'",) if found.module else (),
        notes=(*found.notes, *authors.notes),
    )
