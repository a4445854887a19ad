"""Python: a project that is built, by pyproject.toml or setup.py.

What its suites have comes from there, and pybuild builds it; what they do not have, it carries.
"""

from dataclasses import replace
from pathlib import Path

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.python.bundled import bundled
from debwright.init.ecosystems.python.carried_tools import with_carried_tools
from debwright.init.ecosystems.python.dependencies import parse
from debwright.init.ecosystems.python.kind import is_application, only_settings
from debwright.init.ecosystems.python.legacy import FILES
from debwright.init.ecosystems.python.pybuild import from_debian
from debwright.init.ecosystems.python.pyproject import Pyproject, read_pyproject
from debwright.init.ecosystems.python.service import Service, find_service
from debwright.init.ecosystems.python.suites import targets_for, unmet
from debwright.init.model import Answers, Project, package_name


class Python(Ecosystem):
    """A project that a backend builds."""

    name = "python"
    title = "Python"
    recognised_by = "pyproject.toml, setup.cfg or setup.py"

    def confidence(self, directory: Path) -> Confidence:
        there = any((directory / name).is_file() for name in ("pyproject.toml", *FILES))
        mine = there and not is_application(directory)
        if not mine:
            return Confidence.NONE
        return Confidence.POSSIBLE if only_settings(directory) else Confidence.CERTAIN

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:
        found = read_pyproject(directory)
        package = package_name(found.name)
        service = find_service(directory, package, found, answers)
        rust = found.build.rust
        targets, why = targets_for(found.requires_python, rust.suite if rust else "")
        project = _project(found, service, package)
        project = replace(
            project, targets=targets, notes=(*project.notes, *filter(None, [why]), *service.notes)
        )
        requirements = (*found.requirements, *service.added)
        reasons = unmet(parse(requirements), targets)
        tools = found.build.unmet(targets)
        if reasons:
            return bundled(directory, found, project, service, reasons=reasons, tools=tools)
        if tools or rust or found.build.as_release:
            return with_carried_tools(directory, found, project, service, tools)
        return from_debian(found, project, service)


ECOSYSTEM = Python()


def _project(found: Pyproject, service: Service, package: str) -> Project:
    """What is the same however the package is built."""
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
        accounts=service.authors.accounts,
        programs=tuple(found.scripts),
        config_files=found.config_files,
        secrets=service.secrets,
        files=service.files,
        questions=service.questions,
        settings=found.build.rust.settings if found.build.rust else {},
        notes=(*found.notes, *(found.build.rust.notes if found.build.rust else ())),
    )
