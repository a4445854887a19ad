"""A project whose dependencies come with it, since the suites do not have them as it wants them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from debwright.init.ecosystems.python.backends import for_cross
from debwright.init.ecosystems.python.private_tree import Plan, Wanted, plan, program
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.ecosystems.python.service import Service
from debwright.init.ecosystems.python.suites import newer_targets, suites_of
from debwright.init.model import Project
from debwright.model.errors import UsageError

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
        notes=(*project.notes, *_why(reasons, tools)),
    )
    try:
        return plan(wanted, directory).put_into(placed)
    except UsageError:
        # What the dependencies ask of Python may be more than the project itself asks.
        targets = newer_targets(project.targets)
        newer = targets and _attempt(replace(wanted, targets=targets), directory)
        if not newer:
            raise
    note = (
        f"the targets are {' and '.join(targets)}: no versions of the dependencies fit together "
        f"with the Python of {' and '.join(suites_of(project.targets))}"
    )
    return newer.put_into(replace(placed, targets=targets, notes=(*placed.notes, note)))


def _attempt(wanted: Wanted, directory: Path) -> Plan | None:
    try:
        return plan(wanted, directory)
    except UsageError:
        return None


def _why(reasons: Sequence[str], tools: Sequence[str]) -> list[str]:
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
