"""A package whose application has a tree of its own, /usr/lib/NAME, with its distributions in it.

This is the plan: which distributions the source package carries, what is compiled, what debian/
has to say. What is done with it in a build is wheelhouse/helper/tree.py of the source package.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from debwright.config import Config
from debwright.init.ecosystems.python.locking import (
    Locked,
    authors_versions,
    direct_addresses,
    lock,
    refuse_others,
)
from debwright.init.ecosystems.python.suites import newer_targets, suites_of
from debwright.init.ecosystems.python.wheels import Need, look
from debwright.init.model import TARGETS, Project, Rules, Written
from debwright.model.errors import Evidence, UsageError
from debwright.source.wheelhouse.interpreters import Interpreter, interpreters

LOCK = "debian/requirements.lock"
BUILD_LOCK = "debian/requirements-build.lock"
COMPILER = ("libpython3-dev", "python3-dev:any")
"""What a compilation needs of Python, for its own and for another architecture."""
OVERRIDES = (
    "# The tree has an interpreter of its own, a link: what it starts sees the tree alone.",
    "wrong-path-for-interpreter *usr/lib/*",
    "unusual-interpreter *usr/lib/*",
    "# Libraries in wheels are as their publishers built, linked and stripped them.",
    "unstripped-binary-or-object *usr/lib/*",
    "embedded-library *usr/lib/*",
    "custom-library-search-path *usr/lib/*",
    "library-not-linked-against-libc *usr/lib/*",
    "shared-library-lacks-prerequisites *usr/lib/*",
    "shared-library-is-executable *usr/lib/*",
    "hardening-no-fortify-functions *usr/lib/*",
    "hardening-no-relro *usr/lib/*",
    "# Names within the tree are those of the distributions.",
    "repeated-path-segment *",
    "package-contains-documentation-outside-usr-share-doc *usr/lib/*",
    "extra-license-file *usr/lib/*",
    "package-contains-empty-directory *usr/lib/*",
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be in the tree of `package`."""

    package: str
    requirements: tuple[str, ...] = ()
    """As `dependencies` of pyproject.toml or the lines of requirements.txt are written."""
    constraints: tuple[str, ...] = ()
    """Limits for what the requirements lead to, as a file of constraints has them."""
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """SHA-256 of the files that a requirement may be, by its name, where the author names them."""
    build: bool = False
    """Whether the project is built by its own backend (PEP 517) and installed."""
    build_requirements: tuple[str, ...] = ()
    """What the backend needs and Debian does not have; carried, too."""
    build_packages: tuple[str, ...] = ()
    """Debian packages the build needs."""
    compiled: bool = False
    """Whether building the project compiles something."""
    version_from_tags: bool = False
    """Whether the metadata must get the package's version, which the project does not state."""
    copy: tuple[str, ...] = ()
    """Files and directories of the project that are copied as they are, to /usr/lib/NAME/app, from
    where they can be imported. `.` is all of it."""
    programs: tuple[str, ...] = ()
    """Programs of its distributions that are wanted in /usr/bin."""
    system: bool = False
    """Whether the project is installed as Debian's own Python packages are, and has no tree: only
    what builds it is carried."""
    targets: tuple[str, ...] = TARGETS


def home(package: str) -> str:
    """Where the tree of `package` is on a system."""
    return f"/usr/lib/{package}"


def program(package: str, name: str) -> str:
    """The path of a program of the tree, as `uvicorn` or `python3`, for a unit's command."""
    return f"{home(package)}/bin/{name}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a package with a private tree has of its own."""

    wanted: Wanted
    run: Locked
    tools: Locked | None
    needs: Need
    notes: tuple[str, ...]

    def put_into(self, project: Project) -> Project:
        """`project` with the tree. Overrides and exports that it has stay."""
        wanted = self.wanted
        compiling = wanted.compiled or self.needs.compiled
        settings: dict[str, str | int | bool | list[str]] = {"lock": LOCK}
        files = [Written(path=LOCK, text=self.run.text)]
        if self.tools is not None:
            settings["build_lock"] = BUILD_LOCK
            files.append(Written(path=BUILD_LOCK, text=self.tools.text))
        platform = compiling or self.needs.platform
        own = () if wanted.system else ("${wheelhouse:Depends}",)
        return replace(
            project,
            architecture="any" if platform else "all",
            targets=wanted.targets,
            build_depends=(
                *project.build_depends, "dh-sequence-python3", "python3:any",
                *wanted.build_packages, *(COMPILER if compiling else ()), *self.needs.libraries,
            ),
            depends=(
                *project.depends, *own, "${python3:Depends}",
                *(("${shlibs:Depends}",) if platform else ()),
            ),
            rules=self._rules(project.rules),
            settings={**project.settings, "wheelhouse": settings},
            files=(*project.files, *files),
            lintian_overrides=(*project.lintian_overrides, *(() if wanted.system else OVERRIDES)),
            notes=(*project.notes, *self.notes),
        )  # fmt: skip

    def _rules(self, rules: Rules) -> Rules:
        wanted = self.wanted
        options = ["--build"] if wanted.build and not wanted.system else []
        if wanted.version_from_tags:
            options.append("--version-of-package")
        if wanted.system:
            lines = [
                "# Built with tools that come along and installed as Debian's packages are.",
                f"PROJECT = {wanted.package}",
                f"PROJECT_OPTIONS = {' '.join(options)}".rstrip(),
                "include wheelhouse/project.mk",
            ]
            return replace(rules, buildsystem=None, before=(*rules.before, *lines))
        options += [f"--copy={path}" for path in wanted.copy]
        options += [f"--program={name}" for name in wanted.programs]
        lines = [
            "# The application and what it needs, in /usr/lib; wheelhouse/ is debwright's.",
            f"PRIVATE_TREE = {wanted.package}",
            f"PRIVATE_TREE_OPTIONS = {' '.join(_word(o) for o in options)}".rstrip(),
            "include wheelhouse/private-tree.mk",
        ]
        return replace(rules, buildsystem=None, before=(*rules.before, *lines))


def plan(wanted: Wanted, directory: Path) -> Plan:
    """Lock what `wanted` needs, and look at what is locked.

    Versions of the locks in `directory` are kept: debwright's own of last time, or the author's.
    Raises UsageError when there is no solution, MissingError without an index.
    """
    _refuse_addresses((*wanted.requirements, *wanted.build_requirements))
    pythons = for_targets(wanted.targets)
    oldest = min(pythons, key=lambda i: int(i.python.partition(".")[2]))
    versions, author = authors_versions(directory)
    run = lock(
        wanted.requirements, python=oldest.python, before=_before(directory, LOCK),
        versions=versions, limits=wanted.constraints,
    )  # fmt: skip
    refuse_others(run.text, wanted.hashes)
    notes = _lock_notes(run, author) if wanted.requirements else []
    needs = look(run.text, LOCK, pythons)
    if needs.sdists:
        notes.append(f"compiled in the build, having no wheel: {', '.join(needs.sdists)}")
    build_requirements = (*wanted.build_requirements, *needs.build_requirements)
    tools = None
    if build_requirements:
        before = _before(directory, BUILD_LOCK)
        tools = lock(tuple(dict.fromkeys(build_requirements)), python=oldest.python, before=before)
    return Plan(wanted=wanted, run=run, tools=tools, needs=needs, notes=tuple(notes))


def planned(wanted: Wanted, directory: Path, project: Project) -> Project:
    """`project` with the tree, on a newer suite where the usual one's Python is too old for it.

    Raises what `plan` does.
    """
    try:
        return plan(wanted, directory).put_into(project)
    except UsageError:
        # What the dependencies ask of Python may be more than the project itself asks.
        targets = newer_targets(wanted.targets)
        newer = targets and _attempt(replace(wanted, targets=targets), directory)
        if not newer:
            raise
    note = (
        f"the targets are {' and '.join(targets)}: no versions of the dependencies fit together "
        f"with the Python of {' and '.join(suites_of(wanted.targets))}"
    )
    return newer.put_into(replace(project, notes=(*project.notes, note)))


def _attempt(wanted: Wanted, directory: Path) -> Plan | None:
    try:
        return plan(wanted, directory)
    except UsageError:
        return None


def for_targets(targets: Sequence[str]) -> tuple[Interpreter, ...]:
    """The Pythons of `targets`, as SUITE-ARCH."""
    return interpreters(Config.model_validate({"targets": {"build": list(targets)}}))


def _before(directory: Path, name: str) -> str:
    path = directory / name
    return path.read_text(encoding="utf-8") if path.is_file() and not path.is_symlink() else ""


def _lock_notes(run: Locked, author: str | None) -> list[str]:
    if author is None:
        return []
    if run.loosened:
        return [f"the versions in {author} do not fit the targets; others were locked in {LOCK}"]
    return [f"{LOCK} has the versions of {author}"]


def _refuse_addresses(requirements: Sequence[str]) -> None:
    if found := direct_addresses(requirements):
        raise UsageError(
            f"a dependency is an address and no version: {found[0]}",
            evidence=[Evidence(text=text[:200]) for text in found],
            cause="a build has no network, and a lock with hashes names what a package index has",
            fix="ask for a published version, or put the code into the project",
        )


def _word(text: str) -> str:
    """`text` for the shell within a recipe of make."""
    return shlex.quote(text).replace("$", "$$")
