"""Layers that hold a source package's build dependencies."""

from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Dsc

from debwright.host.process import LineSink
from debwright.isolation.namespaces import Namespaces
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import BuildError
from debwright.model.targets import Strategy, Target
from debwright.roots.apt import UnsatisfiableError
from debwright.roots.layers import Roots
from debwright.roots.store import Layer
from debwright.source.make import SourcePackage

_FIELDS = (
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
)


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """How one target is built: where, for whom, and which kinds of package."""

    source: str
    """Name of the source package."""
    target: Target
    strategy: Strategy
    machine: Target
    """The root's own target: the build machine's architecture in a cross build."""
    with_all: bool
    """Build the Architecture: all packages too."""
    with_any: bool
    profiles: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """DEB_BUILD_OPTIONS."""

    @property
    def cross(self) -> bool:
        return self.strategy is Strategy.CROSS

    def kind_option(self) -> str:
        """dpkg-buildpackage's -b, -B or -A."""
        if self.with_all and self.with_any:
            return "-b"
        return "-B" if self.with_any else "-A"


CODES = Codes(
    {"build/unmet-dependency": Code(ERROR, "A build dependency does not exist on the target.")}
)


class UnmetBuildDependency(BuildError):
    """The archive cannot give what debian/control says the build needs."""

    code = "build/unmet-dependency"


def _unmet(plan: BuildPlan, problem: UnsatisfiableError) -> UnmetBuildDependency:
    return UnmetBuildDependency(
        f"{plan.target}: build {problem.what.split(': ', 1)[-1]}",
        evidence=problem.evidence, cause=problem.cause,
        fix="correct Build-Depends in debian/control; for a cross build a tool that runs "
        "during the build may need `:native` or `:any`",
    )  # fmt: skip


def toolchain(roots: Roots, plan: BuildPlan, sink: LineSink | None) -> Layer:
    """The layer a build stands on before its own dependencies."""
    if plan.cross:
        return roots.cross(plan.machine, plan.target.arch, sink)
    return roots.build(plan.machine, sink)


def build_dependencies(
    roots: Roots, source: SourcePackage, plan: BuildPlan, sink: LineSink | None = None
) -> Layer:
    """The toolchain with the build dependencies of `source` installed.

    Keyed by the dependency fields themselves: a new version of the source with the same ones
    starts from the same layer. Raises UnmetBuildDependency when apt cannot find them.
    """
    parent = toolchain(roots, plan, sink)
    with source.dsc.open("rb") as handle:
        fields = Dsc(handle)
    kinds = [] if plan.with_all and plan.with_any else (
        ["--arch-only"] if plan.with_any else ["--indep-only"]
    )  # fmt: skip
    inputs = {
        "fields": {name: " ".join(fields[name].split()) for name in _FIELDS if name in fields},
        "host": (plan.target if plan.cross else plan.machine).arch,
        "profiles": sorted(plan.profiles),
        "kinds": kinds,
        "source": source.name,
    }

    def change(inside: Namespaces, scratch: Path) -> None:
        where = f"/tmp/{source.dsc.name}"  # noqa: S108 - inside the root
        inside.run(["sh", "-c", 'cat > "$1"', "sh", where], stdin=source.dsc.read_bytes())
        arguments = ["build-dep", "--no-install-recommends", *kinds]
        if plan.cross:
            arguments.append(f"--host-architecture={plan.target.arch}")
        if plan.profiles:
            arguments.append(f"--build-profiles={','.join(plan.profiles)}")
        what = f"{plan.target}: {source.name}"
        try:
            roots.install(inside, scratch, [*arguments, where], sink, what)
        except UnsatisfiableError as problem:
            raise _unmet(plan, problem) from problem
        inside.run(["rm", "-f", where])

    return roots.custom("builddeps", plan.machine, parent, inputs, change)
