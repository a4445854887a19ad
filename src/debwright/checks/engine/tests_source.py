"""The source tree that tests are run from: unpacked, and built where a test wants that.

dpkg-source and the build work in throw-away roots, as in a build; a tree leaves them as a tarball.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Dsc

from debwright.build.binary import HOME, SOURCES, build_environment, lend_source, tree_name
from debwright.build.depends import BuildPlan, build_dependencies
from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.tests_control import (
    PLACE,
    DeclaredTest,
    package_of,
    read_tests,
)
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.model.errors import CheckError
from debwright.model.targets import Strategy, Target
from debwright.roots.layers import BUILDER_UID
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.source.package import SourcePackage

TREES = f"/{HOME}"
"""Where a tree is, when it is built and when its tests run: builds write their paths down."""
SIZE_LIMIT = 512 * 1024 * 1024
_TARBALL = "tree.tar"


@dataclass(frozen=True, kw_only=True)
class Tree:
    """An unpacked source package as a tarball with one directory, which belongs below TREES."""

    tarball: Path
    name: str

    @property
    def path(self) -> str:
        return f"{TREES}/{self.name}"


def declares_tests(source: SourcePackage) -> bool:
    """Whether the .dsc says that there is a debian/tests/control (dsc(5), Testsuite)."""
    with source.dsc.open("rb") as handle:
        field = Dsc(handle).get("Testsuite", "")
    return "autopkgtest" in (name.strip() for name in field.split(","))


def unpack(
    context: CheckContext, source: SourcePackage, directory: Path
) -> tuple[Tree, list[DeclaredTest]]:
    """The tree of `source` below `directory`, and the tests that it declares.

    Raises ControlError of tests_control, and CheckError for a tree that is too large.
    """
    machine = Target(context.target.suite, context.host_arch)
    layer = context.roots.build(machine, context.log)
    tree = Tree(tarball=directory / "source.tar", name=tree_name(source))
    with _unpacked(context, source, layer, tree) as (inside, overlay):
        tests = _tests(context, source, inside, tree)
        _pack(inside, overlay, tree)
    return tree, tests


def build(context: CheckContext, source: SourcePackage, directory: Path) -> Tree:
    """The tree after `debian/rules build`, for the target; raises CommandError, TimedOut."""
    plan = BuildPlan(
        source=source.name, target=context.target, machine=context.target,
        strategy=Strategy.EMULATED if context.emulated else Strategy.NATIVE,
        with_all=source.has_all, with_any=source.has_any_for(context.target.arch),
    )  # fmt: skip
    layer = build_dependencies(context.roots, source, plan, context.log)
    tree = Tree(tarball=directory / "built.tar", name=tree_name(source))
    settings = context.config.build
    with _unpacked(context, source, layer, tree) as (inside, overlay):
        for command in (["dpkg-source", "--before-build", "."], ["debian/rules", "build"]):
            inside.run(
                command, cwd=tree.path, uid=BUILDER_UID, merge=True, sink=context.log,
                env={**build_environment(plan, settings.environment), "HOME": TREES},
                timeout=settings.timeout_minutes * 60,
            )  # fmt: skip
        _pack(inside, overlay, tree)
    return tree


@contextmanager
def _unpacked(
    context: CheckContext, source: SourcePackage, layer: Layer, tree: Tree
) -> Iterator[tuple[Namespaces, Path]]:
    """A root in which the tree is unpacked, and its upper directory."""
    with throwaway(context.cache, layer, "tests") as overlay:
        bind = Bind(source=lend_source(source, overlay.directory), target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            inside.run(
                ["dpkg-source", "--no-check", "-x", f"{SOURCES}/{source.dsc.name}", tree.path],
                cwd=TREES, uid=BUILDER_UID,
            )  # fmt: skip
            yield inside, overlay.upper


def _tests(
    context: CheckContext, source: SourcePackage, inside: Namespaces, tree: Tree
) -> list[DeclaredTest]:
    def read(name: str) -> str:
        return inside.run(["cat", f"{tree.path}/{name}"], uid=BUILDER_UID).output

    def concerns(wildcard: str) -> bool:
        command = ["dpkg-architecture", "-a", context.target.arch, "-i", wildcard]
        return inside.run(command, uid=BUILDER_UID, check=False).returncode == 0

    with source.dsc.open("rb") as handle:
        fields = dict(Dsc(handle))
    package = package_of(fields, read("debian/control"), under_test(context, source))
    return read_tests(read(PLACE), package, concerns)


def under_test(context: CheckContext, source: SourcePackage) -> Sequence[str]:
    """The packages of `source` under test, as relations that no other version satisfies."""
    return [f"{d.package} (= {d.version})" for d in context.installable if d.source == source.name]


def _pack(inside: Namespaces, upper: Path, tree: Tree) -> None:
    inside.run(["tar", "-cf", f"{TREES}/{_TARBALL}", "-C", TREES, tree.name])
    made = upper / HOME / _TARBALL
    if made.is_symlink() or made.stat().st_size > SIZE_LIMIT:
        raise CheckError(
            f"the source tree is larger than {SIZE_LIMIT >> 20} MiB, which no test is run from"
        )
    shutil.copyfile(made, tree.tarball, follow_symlinks=False)
