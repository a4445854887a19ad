"""A project whose dependencies are packages of Debian's, built by pybuild."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.backends import for_cross
from debwright.init.ecosystems.python.dependencies import lookup, parse, resolve
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.ecosystems.python.service import Service
from debwright.init.ecosystems.python.suites import unmet
from debwright.init.model import Override, Project, Rules
from debwright.source.wheelhouse.carried.helper.version import VARIABLES

# What is needed to build any project, and what to build one with extensions in C. Cross building
# needs the interpreter of the build machine and the headers of the other; pybuild looks for the
# interpreter by name, and does not know "python3:any".
BUILD = ("dh-sequence-python3", "pybuild-plugin-pyproject")
PURE = ("python3-all:any",)
COMPILED = ("libpython3-dev", "python3-dev:any", "python3-setuptools")
COPY = "debian/source-tree"
"""Where a project is built that must not see debian/."""
# The reverse of what versions.debian_version does, for a shell within make.
_PEP440 = (
    "$(shell dpkg-parsechangelog -S Version | sed -E 's/^[0-9]+://; s/-[^-]*$$//; "
    r"s/~+dev([0-9])/.dev\1/; s/\+post([0-9])/.post\1/; s/~git/+git/; s/~//g; "
    r"s/(\+[^+]*)\+/\1./')"
)


def from_debian(found: Pyproject, project: Project, service: Service) -> Project:
    """`project` with Debian's packages, for suites that meet all it asks for."""
    notes: list[str] = []
    compiled = found.build.compiled
    packages = resolve(parse(found.requirements)).packages
    test_packages, rules = _tests(found, project, notes)
    tools = (*found.build.packages, *found.build.programs)
    build = {*BUILD, *(for_cross(tools) if compiled else tools)}
    build |= {*(COMPILED if compiled else PURE)}
    checking = {f"{name} <!nocheck>" for name in (*packages, *test_packages) if name not in build}
    return replace(
        project,
        architecture="any" if compiled else "all",
        build_depends=(*build, *checking, *_python(found)),
        depends=(
            "${python3:Depends}",
            *(("${shlibs:Depends}",) if compiled else ()),
            *servers_of(service, packages),
        ),
        units=service.units(partial(words, found)),
        smoke=(
            *([f"python3 -c 'import {found.module}'"] if found.module else []),
            *service.tried,
        ),
        rules=rules,
        clean=(f"{COPY}/",) if found.build.copied else ("build/", f"{_egg_info(found)}/"),
        notes=(*project.notes, *notes),
    )


def _python(found: Pyproject) -> tuple[str, ...]:
    """The Python that the project asks for: apt then says so when a suite's is older."""
    oldest = re.search(r">=\s*(3\.\d+)", found.requires_python)
    return (f"python3:any (>= {oldest[1]})",) if oldest else ()


def _tests(found: Pyproject, project: Project, notes: list[str]) -> tuple[tuple[str, ...], Rules]:
    """The packages that the tests need, and debian/rules, which runs the tests or says why not."""
    exports = {"PYBUILD_NAME": project.package}
    packages: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = (
        _copying(listed=found.version.tagged) if found.build.copied else ()
    )
    missing = unmet(found.tests.requirements, project.targets) if found.tests else ()
    if found.tests is None:
        overrides += (Override(target="override_dh_auto_test", why="The project has no tests."),)
    elif missing:
        why = f"what the tests need is not known to be in Debian: {'; '.join(missing)}."
        overrides += (Override(target="override_dh_auto_test", why=why),)
        notes.append(f"the build does not run the tests: {why}")
    else:
        welcome = [r for r in found.tests.welcome if not unmet([r], project.targets)]
        packages = resolve((*found.tests.requirements, *welcome)).packages
        exports |= {"PYBUILD_TEST_CUSTOM": "1", "PYBUILD_TEST_ARGS": _test_command(found)}
    if found.build.compiled:
        exports["DEB_BUILD_MAINT_OPTIONS"] = "hardening=+all"
    before: tuple[str, ...] = ()
    if found.version.tagged:
        before = ("# The version, for backends that would ask git.", f"PEP440 := {_PEP440}")
        exports |= dict.fromkeys(VARIABLES, "$(PEP440)")
    return packages, Rules(
        buildsystem="pybuild",
        before=before,
        source_directory=COPY if found.build.copied else "",
        exports=exports,
        overrides=overrides,
    )


def _test_command(found: Pyproject) -> str:
    """Runs the tests in a copy of the project without its modules, so that they import what was
    built, with what was compiled and written in the build, and find their files where they expect.

    pybuild(1) puts paths for the names in braces.
    """
    tests = found.tests
    assert tests is not None
    left_out = ["./debian", "./.git", "./.pybuild", "./build", "./src", *(
        f"./{name}{end}" for name in found.modules for end in ("", ".py")
    )]  # fmt: skip
    place = "{home_dir}/check"
    runner = f"pytest {tests.directory}"
    if not tests.pytest:
        top = " -t ." if tests.package else ""
        runner = f"unittest discover -v -s {tests.directory}{top}"
    return (
        f"mkdir -p {place} && "
        f"tar -c {' '.join(f'--exclude={path}' for path in left_out)} -C {{dir}} . | "
        f"tar -x -C {place} && cd {place} && {{interpreter}} -m {runner}"
    )


def _copying(*, listed: bool) -> tuple[Override, ...]:
    """The project is built in a copy.

    `listed`: setuptools-scm would ask git for the list of files, which is not there in a build; a
    MANIFEST.in that says "all" stands in, before what the author's own takes out.
    """
    commands = [
        f"mkdir -p {COPY}",
        f"tar -c --exclude=./debian --exclude=./.git --exclude=./.pc . | tar -x -C {COPY}",
    ]
    if listed:
        commands.append(
            f"{{ echo 'graft .'; cat MANIFEST.in 2>/dev/null || true; }} > {COPY}/MANIFEST.in"
        )
    return (
        Override(
            target="execute_before_dh_auto_configure", commands=tuple(commands),
            why="setuptools would take debian/ for a package of the project.",
        ),
        Override(target="override_dh_auto_clean", why="dh_clean removes the copy."),
    )  # fmt: skip


def words(found: Pyproject, command: Sequence[str]) -> list[str]:
    """A command of the project, or a module that Debian's Python runs."""
    name = command[0]
    if name in found.scripts:
        return [f"/usr/bin/{name}", *command[1:]]
    module = () if name.startswith("python") else ("-m", servers.MODULES.get(name, name))
    return ["/usr/bin/python3", *module, *command[1:]]


def servers_of(service: Service, packages: Sequence[str]) -> tuple[str, ...]:
    """The packages of servers that the unit starts and the project does not name, and that are not
    among `packages`."""
    known = (lookup(name) for name in service.added)
    return tuple(k.package for k in known if k is not None and k.package not in packages)


def _egg_info(found: Pyproject) -> str:
    module = re.sub(r"[-.]+", "_", found.name)
    return f"src/{module}.egg-info" if found.src_layout else f"{module}.egg-info"
