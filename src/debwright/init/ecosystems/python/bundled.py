"""A project whose dependencies come with it, since the suites do not have them as it wants them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from debwright.init.ecosystems.python.private_tree import Wanted, plan, program
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.model import Project

SHOWN = 3


def bundled(directory: Path, found: Pyproject, project: Project, reasons: Sequence[str]) -> Project:
    """`project` with a private tree in place of Debian's packages. See private_tree.plan."""
    build = found.build
    # What builds it comes from Debian as a whole or not at all: versions of both would mix.
    carried = bool(build.unmet(project.targets))
    wanted = Wanted(
        package=project.package,
        requirements=found.requirements,
        build=True,
        build_requirements=tuple(map(str, build.requires)) if carried else (),
        build_packages=(*build.programs, *(() if carried else build.packages)),
        compiled=build.compiled,
        version_from_tags=found.version.tagged,
        programs=project.programs,
        targets=project.targets,
    )
    more = f" (and {len(reasons) - SHOWN} more)" if len(reasons) > SHOWN else ""
    why = f"the package carries its dependencies: {'; '.join(reasons[:SHOWN])}{more}"
    plain = replace(
        project,
        units=tuple(
            replace(unit, command=_command(project.package, unit.command)) for unit in project.units
        ),
        smoke=tuple(
            re.sub(r"^python3 ", f"{program(project.package, 'python3')} ", line)
            for line in project.smoke
        ),
        notes=(*project.notes, why),
    )
    return plan(wanted, directory).put_into(plain)


def _command(package: str, command: str) -> str:
    """`command` with the programs and the interpreter of the tree in place of Debian's."""
    return re.sub(
        r"^/usr/bin/python3 -m (uvicorn|gunicorn|flask|hypercorn)\b",
        lambda m: program(package, m[1]),
        command,
    ).replace("/usr/bin/python3 ", f"{program(package, 'python3')} ")
