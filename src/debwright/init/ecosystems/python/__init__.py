"""Python: a service with a pyproject.toml, built by pybuild with Debian's packages."""

import re
from pathlib import Path

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.python.dependencies import lookup, parse, resolve
from debwright.init.ecosystems.python.pyproject import Pyproject, read_pyproject
from debwright.init.model import Answers, Override, Project, Rules, Unit, package_name
from debwright.init.units import Places, author_units

# What is needed to build any project, and what to build one with extensions in C. Cross building
# needs the interpreter of the build machine and the headers of the other; pybuild looks for the
# interpreter by name, and does not know "python3:any".
BUILD = ("dh-sequence-python3", "pybuild-plugin-pyproject")
PURE = ("python3-all:any",)
COMPILED = ("libpython3-dev", "python3-dev:any", "python3-setuptools")


class Python(Ecosystem):
    """A service with a pyproject.toml."""

    name = "python"
    title = "Python"
    recognised_by = "pyproject.toml"

    def confidence(self, directory: Path) -> Confidence:
        there = (directory / "pyproject.toml").is_file()
        return Confidence.CERTAIN if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:  # noqa: ARG002
        return _project(directory, read_pyproject(directory))


ECOSYSTEM = Python()


def _project(directory: Path, found: Pyproject) -> Project:
    package = package_name(found.name)
    own = (Unit(name=f"{package}.service", command=found.command, health=found.health),)
    places = Places(programs={name: f"/usr/bin/{name}" for name in found.scripts})
    authors = author_units(directory, places, found.health)
    notes = [*found.notes, *authors.notes]
    packages, missing = _dependencies(found, notes)
    test_packages, rules = _tests(found, package, missing, notes)
    build = {*BUILD, found.backend, *(COMPILED if found.compiled else PURE)}
    checking = {f"{name} <!nocheck>" for name in (*packages, *test_packages) if name not in build}
    return Project(
        name=found.name,
        package=package,
        version=found.version,
        description=found.description,
        homepage=found.homepage,
        author=found.author,
        licence=found.licence,
        architecture="any" if found.compiled else "all",
        build_depends=(*build, *checking),
        depends=_depends(found, packages),
        rules=rules,
        clean=("build/", f"{_egg_info(found)}/"),
        units=authors.units or own,
        accounts=authors.accounts,
        programs=(found.script,) if found.script else (),
        config_files=found.config_files,
        smoke=(f"python3 -c 'import {found.module}'",) if found.module else (),
        notes=tuple(notes),
    )


def _dependencies(found: Pyproject, notes: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The packages that Debian has, and the distributions that it does not have."""
    resolved = resolve(parse(found.requirements))
    if resolved.missing:
        notes.append(
            "Debian does not have " + ", ".join(resolved.missing) + ": the service will not start "
            "until they are bundled or dropped"
        )
    notes.extend(
        f"{sentence}: build for a newer suite or lower the limit" for sentence in resolved.too_old
    )
    return resolved.packages, resolved.missing


def _tests(
    found: Pyproject, package: str, missing: tuple[str, ...], notes: list[str]
) -> tuple[tuple[str, ...], Rules]:
    """The packages that the tests need, and debian/rules, which runs the tests or says why not."""
    exports = {"PYBUILD_NAME": package}
    resolved = resolve(parse(found.test_requirements))
    lacking = (*missing, *resolved.missing)
    packages: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    if found.tests is None:
        overrides = (Override(target="override_dh_auto_test", why="The project has no tests."),)
    elif lacking:
        why = f"Debian lacks what the tests need: {', '.join(lacking)}."
        overrides = (Override(target="override_dh_auto_test", why=why),)
        notes.append(f"the build does not run the tests: {why}")
    else:
        pytest = found.uses_pytest or "python3-pytest" in resolved.packages
        packages = (*resolved.packages, *(("python3-pytest",) if pytest else ()))
        option = "" if pytest else "-s "
        exports["PYBUILD_TEST_ARGS"] = f"{option}{{dir}}/{found.tests}"
    if found.compiled:
        exports["DEB_BUILD_MAINT_OPTIONS"] = "hardening=+all"
    return packages, Rules(buildsystem="pybuild", exports=exports, overrides=overrides)


def _depends(found: Pyproject, packages: tuple[str, ...]) -> tuple[str, ...]:
    depends = ["${python3:Depends}", *(["${shlibs:Depends}"] if found.compiled else [])]
    # The server that the unit starts with -m is needed even when the project does not name it.
    match = re.match(r"/usr/bin/python3 -m (uvicorn|gunicorn|flask)\b", found.command)
    known = lookup(match[1]) if match else None
    if known is not None and known.package not in packages:
        depends.append(known.package)
    return tuple(depends)


def _egg_info(found: Pyproject) -> str:
    module = re.sub(r"[-.]+", "_", found.name)
    return f"src/{module}.egg-info" if found.src_layout else f"{module}.egg-info"
