"""A project whose dependencies Debian has, and whose build backend it does not have, or too old.

What builds it comes with the source package. What is built is installed as Debian's own Python
packages are, with their dependencies: other packages can import it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from debwright.init.ecosystems.python.backends import for_cross
from debwright.init.ecosystems.python.bundled import why_carried
from debwright.init.ecosystems.python.dependencies import applies, parse, resolve
from debwright.init.ecosystems.python.private_tree import Wanted, plan
from debwright.init.ecosystems.python.pybuild import servers_of, words
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.ecosystems.python.service import Service
from debwright.init.ecosystems.python.suites import suites_of
from debwright.init.model import Project


def with_carried_tools(
    directory: Path, found: Pyproject, project: Project, service: Service, tools: Sequence[str]
) -> Project:
    """`project` with what builds it. Raises as private_tree.plan does.

    `tools` are the reasons why something that builds it has to be carried; without any it comes
    from Debian, and only the way in which it is built is that of carried tools.
    """
    build, suites = found.build, suites_of(project.targets)
    wanted = Wanted(
        package=project.package,
        build=True,
        build_requirements=tuple(map(str, build.requires)) if tools else (),
        build_packages=for_cross((*build.programs, *(() if tools else build.packages))),
        compiled=build.compiled,
        version_from_tags=found.version.tagged,
        system=True,
        targets=project.targets,
    )
    asked = [r for r in parse(found.requirements) if any(applies(r, s) for s in suites)]
    packages = resolve(asked).packages
    placed = replace(
        project,
        # dh_python3 finds most of them in the metadata, and only those that it knows by name.
        depends=(*packages, *servers_of(service, packages)),
        units=service.units(partial(words, found)),
        smoke=(
            *([f"python3 -c 'import {found.module}'"] if found.module else []),
            *service.tried,
        ),
        notes=(*project.notes, *why_carried((), tools)),
    )
    return plan(wanted, directory).put_into(placed)
