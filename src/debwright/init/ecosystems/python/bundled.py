"""A project whose dependencies come with it, since the suites do not have them as it wants them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from debwright.init.ecosystems.python.backends import for_cross
from debwright.init.ecosystems.python.private_tree import Wanted, planned, program
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.ecosystems.python.service import Service
from debwright.init.model import Project

SHOWN = 3


def bundled(
    directory: Path,
    found: Pyproject,
    project: Project,
    service: Service,
    *,
    reasons: Sequence[str],
    tools: Sequence[str],
) -> Project:
    """`project` with a private tree in place of Debian's packages. See private_tree.plan.

    `reasons` are those of its dependencies, `tools` those of what builds it.
    """
    build = found.build
    # What builds it comes from Debian as a whole or not at all: versions of both would mix.
    wanted = Wanted(
        package=project.package,
        requirements=(*found.requirements, *service.added),
        build=True,
        build_requirements=tuple(map(str, build.requires)) if tools else (),
        build_packages=for_cross((*build.programs, *(() if tools else build.packages))),
        compiled=build.compiled,
        version_from_tags=found.version.tagged,
        programs=project.programs,
        targets=project.targets,
    )

    def words(command: Sequence[str]) -> list[str]:
        name = "python3" if command[0] == "python" else command[0]
        own = name in found.scripts
        return [f"/usr/bin/{name}" if own else program(project.package, name), *command[1:]]

    python = program(project.package, "python3")
    placed = replace(
        project,
        units=service.units(words),
        smoke=(
            *([f"{python} -c 'import {found.module}'"] if found.module else []),
            *service.tried,
        ),
        notes=(*project.notes, *why_carried(reasons, tools), *_hidden(project, service)),
    )
    return planned(wanted, directory, placed)


def _hidden(project: Project, service: Service) -> list[str]:
    """A library that others cannot import is not what its name promises."""
    if project.programs or service.units(list):
        return []
    python = program(project.package, "python3")
    return [
        f"what is in the package is imported by {python} alone: programs of other packages do not "
        "see a library that carries what it needs"
    ]


def why_carried(reasons: Sequence[str], tools: Sequence[str]) -> list[str]:
    """Notes on what comes with the package, and the first reasons."""
    notes = []
    if reasons:
        notes.append(f"the package carries its dependencies: {_shown(reasons)}")
    if tools:
        what = "what builds it is carried, too" if reasons else "the package carries what builds it"
        notes.append(f"{what}: {_shown(tools)}")
    return notes


def _shown(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - SHOWN} more)" if len(reasons) > SHOWN else ""
    return "; ".join(reasons[:SHOWN]) + more
