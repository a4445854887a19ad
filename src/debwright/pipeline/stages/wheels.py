"""Before a build: the wheels its source package would have to compile, compiled once for all.

A source package without a wheelhouse costs no more than the look at its files: what compiles is
imported where it is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.build.binary import PackageBuildError
from debwright.build.depends import UnmetBuildDependency, build_dependencies
from debwright.build.log import BuildLog
from debwright.isolation.namespaces import Bind
from debwright.model.details import CompiledWheel
from debwright.model.errors import DebwrightError
from debwright.model.suites import oldest_first
from debwright.model.targets import Choice, Strategy, Target, choose_strategy
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import Job, base_id
from debwright.source.make import SourcePackage

if TYPE_CHECKING:
    from debwright.build.wheels import Made, Root
    from debwright.source.wheelhouse.carry import Carried, Sdist


@dataclass(frozen=True, kw_only=True)
class Wheels:
    """The compiled wheels that a build may use, and what the report says of them."""

    binds: tuple[Bind, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    made: tuple[CompiledWheel, ...] = ()
    cpu_seconds: float = 0.0


def wheel_inputs(job: Job, target: TargetPlan, source: SourcePackage) -> dict[str, object]:
    """What compiled wheels add to a build's inputs: the roots they are compiled in."""
    house = _carried(source)
    if house is None or not house.sdists:
        return {}
    bases: dict[str, str | None] = {}
    for suite in _suites(job, target.target.arch):
        try:
            machine = _machine(job, suite, target)
        except DebwrightError as impossible:
            bases[suite] = impossible.what  # the build itself will say so
            continue
        bases[suite] = base_id(job, machine)
    return {"wheels": bases}


def compiled_wheels(
    job: Job, target: TargetPlan, source: SourcePackage, scratch: Path, log: BuildLog
) -> Wheels:
    """Compile, or take from the cache, what `target` needs compiled; put it below `scratch`.

    Raises PackageBuildError (`wheelhouse/compile`) with the compiler's lines that say why.
    """
    house = _carried(source)
    if house is None:
        return Wheels()
    python = _python(job, target.target.suite)
    sdists = house.to_compile(f"{target.target.arch}/{python}")
    if not sdists:
        return Wheels()
    from debwright.build.wheels import LENT, lend
    from debwright.source.wheelhouse.carried.helper.lent import VARIABLE

    def activity(text: str) -> None:
        job.reporter.activity(str(target.target), "build", text)

    making = _Making(job=job, source=source, house=house, target=target, log=log, activity=activity)
    made = [making.wheel(sdist, python) for sdist in sdists]
    return Wheels(
        binds=(lend(made, scratch / "wheels"),),
        environment={VARIABLE: LENT},
        made=tuple(_detail(m) for m in made),
        cpu_seconds=sum(m.wheel.cpu_seconds for m in made if m.fresh),
    )


def _carried(source: SourcePackage) -> "Carried | None":
    if not any(".orig-wheelhouse.tar." in path.name for path in source.files):
        return None
    from debwright.source.wheelhouse.carry import carried

    return carried(source)


def _detail(made: "Made") -> CompiledWheel:
    return CompiledWheel.model_validate({**made.wheel.model_dump(), "cached": not made.fresh})


@dataclass(frozen=True, kw_only=True)
class _Making:
    """The compilations for one target."""

    job: Job
    source: SourcePackage
    house: "Carried"
    target: TargetPlan
    log: BuildLog
    activity: Callable[[str], None]

    def wheel(self, sdist: "Sdist", python: str) -> "Made":
        """Of the oldest suite; where that one is bound to another Python, of the oldest with ours.

        Always in this order, so that the order in which targets are built changes nothing.
        """
        suites = _suites(self.job, self.target.target.arch)
        made = self._in_suite(sdist, suites[0])
        if made.wheel.python in (None, python):
            return made
        fitting = [s for s in suites if _python(self.job, s) == python]
        return self._in_suite(sdist, fitting[0])

    def _in_suite(self, sdist: "Sdist", suite: str) -> "Made":
        from debwright.build.wheels import ToolMissing, find, key_of

        target = Target(suite, self.target.target.arch)
        choice = _choice(self.job, target)
        try:
            root = self._root(target, choice)
        except UnmetBuildDependency as unmet:
            if not self._may_emulate(choice.strategy, target.arch):
                raise
            # As for the package itself, whose cross build fails for the same reason.
            self._note(f"{sdist.name} is compiled under emulation: {unmet.what}")
            choice = Choice(
                strategy=Strategy.EMULATED, reason="its cross build dependencies are missing"
            )
            root = self._root(target, choice)
        key = key_of(self.house, sdist, root)
        self.activity(f"waiting for {sdist.name} to be compiled")
        with self.job.roots.cache.lock(f"wheel-{key}"):
            if (made := find(self.job.roots.cache, key)) is not None:
                if made.wheel.note:
                    self._note(made.wheel.note)
                return made
            self.activity(f"compiling {sdist.name} {sdist.version} ({root.strategy}, {suite})")
            try:
                return self._compile(sdist, root)
            except PackageBuildError as failed:
                # Where time ran out, emulation would take more of it.
                if (
                    isinstance(failed, ToolMissing)
                    or failed.code == "wheelhouse/timeout"
                    or not self._may_emulate(root.strategy, target.arch)
                ):
                    raise
                return self._emulated(sdist, target, key, failed)

    def _emulated(
        self, sdist: "Sdist", target: Target, key: str, failed: PackageBuildError
    ) -> "Made":
        from debwright.build.wheels import keep_under

        note = (
            f"{sdist.name} {sdist.version} was compiled under emulation for {target.arch}: "
            f"the cross compilation failed ({failed.evidence[0].text[:120]})"
            if failed.evidence
            else f"{sdist.name} {sdist.version} was compiled under emulation for {target.arch}"
        )
        self._note(note)
        reason = "its cross compilation failed"
        root = self._root(target, Choice(strategy=Strategy.EMULATED, reason=reason))
        self.activity(f"compiling {sdist.name} {sdist.version} (emulated, {target.suite})")
        made = self._compile(sdist, root)
        return keep_under(self.job.roots.cache, key, made, note)

    def _compile(self, sdist: "Sdist", root: "Root") -> "Made":
        from debwright.build.wheels import compile_wheel

        timeout = self.job.plan.config.build.timeout_minutes * 60
        return compile_wheel(
            self.job.roots.cache, self.house, sdist, root, log=self.log, timeout=timeout
        )

    def _root(self, target: Target, choice: Choice) -> "Root":
        """The layer that a build of the package itself would have there."""
        from debwright.build.wheels import Root

        # The same whichever targets are asked for: `all` packages are built natively.
        plan = TargetPlan(
            target=target, choice=choice, build_all=target.arch == self.job.plan.host.arch
        )
        self.activity(f"a root of {target} to compile in")
        layer = build_dependencies(
            self.job.roots, self.source,
            self.job.plan.build_plan(plan, self.source, choice.strategy), self.log,
        )  # fmt: skip
        return Root(
            target=target, python=_python(self.job, target.suite), strategy=choice.strategy,
            layer=layer,
        )  # fmt: skip

    def _may_emulate(self, strategy: Strategy, arch: str) -> bool:
        config, host = self.job.plan.config, self.job.plan.host
        asked = config.wheelhouse.strategy if config.wheelhouse else "auto"
        return (
            strategy is Strategy.CROSS
            and asked == "auto"
            and config.targets.fallback
            and host.obstacle(arch) is None
        )

    def _note(self, text: str) -> None:
        self.job.note(f"{self.target.target}: {text}")


def _suites(job: Job, arch: str) -> list[str]:
    """The configured suites that have `arch`, oldest first: of all, not of those asked for."""
    targets = [Target.parse(text) for text in job.plan.config.targets.build]
    found = oldest_first(t.suite for t in targets if t.arch == arch)
    return found or list(job.plan.suites)


def _choice(job: Job, target: Target) -> Choice:
    """How to compile there, whatever way the packages themselves are built."""
    host = job.plan.host
    if target.arch == host.arch or target.arch in host.runnable:
        return choose_strategy(target, Strategy.NATIVE, host)
    config = job.plan.config.wheelhouse
    return choose_strategy(target, config.strategy if config else Strategy.AUTO, host)


def _machine(job: Job, suite: str, target: TargetPlan) -> Target:
    one = Target(suite, target.target.arch)
    cross = _choice(job, one).strategy is Strategy.CROSS
    return Target(suite, job.plan.host.arch) if cross else one


def _python(job: Job, suite: str) -> str:
    from debwright.source.wheelhouse.interpreters import suite_python

    full, _ = suite_python(job.plan.config, suite)
    return ".".join(full.split(".")[:2])
