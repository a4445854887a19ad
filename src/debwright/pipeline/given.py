"""The check stage on packages that are given as files, and were built anywhere."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debwright.build.log import BuildLog
from debwright.checks.engine.released import previous_of
from debwright.checks.run import run_checks
from debwright.config import LoadedConfig
from debwright.host.files import shown
from debwright.host.machine import host_arch
from debwright.host.process import SIGNAL_SECONDS
from debwright.model.errors import UsageError
from debwright.model.events import Reporter
from debwright.model.results import TargetResult
from debwright.model.targets import Target, also_on
from debwright.packages.debs import Deb
from debwright.pipeline.capacity import budget_for, need_mb
from debwright.pipeline.stages.base import Outcome, carried_out
from debwright.pipeline.stages.check import check_outcome, write_down
from debwright.pipeline.stages.checking import context_of
from debwright.roots.layers import Roots
from debwright.source.package import SourcePackage
from debwright.systems.base import System
from debwright.systems.environments import Environments


@dataclass(frozen=True, kw_only=True)
class GivenFiles:
    """What is checked, and where its results go."""

    loaded: LoadedConfig
    debs: Sequence[Deb]
    changes: Path | None
    dist: Path
    environment: System
    source: SourcePackage | None = None
    """What they were built from, where that is at hand."""
    previous: Sequence[Path] = ()
    """Packages of the release before."""

    @property
    def home(self) -> Path:
        first = self.debs[0]
        return self.dist / "check" / f"{first.source}_{first.version.split(':', 1)[-1]}"

    def packages_for(self, target: Target) -> list[Deb]:
        return [d for d in self.debs if d.arch in {target.arch, "all"}]


def check_given(
    given: GivenFiles, targets: Sequence[Target], roots: Roots, reporter: Reporter
) -> list[TargetResult]:
    """Every target, as many at once as memory and cores allow; in the targets' order."""
    config = given.loaded.config
    budget = budget_for(config)

    def one(target: Target) -> TargetResult:
        name = str(target)
        need = need_mb(config, emulated=target.arch != host_arch())
        with budget.share(need, waiting=lambda why: reporter.activity(name, "check", why)):
            budget.arrived(name)
            with budget.spare(need) as second:
                return _check_on(given, target, roots, reporter, second_system=second)

    budget.expect(str(t) for t in targets)

    with ThreadPoolExecutor(max_workers=min(budget.cores or 1, len(targets))) as pool:
        futures = [pool.submit(one, target) for target in targets]
        while wait(futures, timeout=SIGNAL_SECONDS).not_done:
            pass  # only between two waits is a signal sure to be noticed
        return [future.result() for future in futures]


def _check_on(
    given: GivenFiles, target: Target, roots: Roots, reporter: Reporter, *, second_system: bool
) -> TargetResult:
    """All checks of the packages on one target; what stops them here stops no other target."""
    name, output = str(target), given.home / str(target)
    output.mkdir(parents=True, exist_ok=True)

    def work() -> Outcome:
        return _outcome(given, target, output, roots, reporter, second_system=second_system)

    files = tuple(shown(d.path) for d in given.packages_for(target))
    # What was typed wrongly no other target would take either.
    result, outcome = carried_out(
        "check", name, reporter, output, work, raising=(UsageError,), given=files
    )
    stage = result.model_copy(
        update={"details": result.details.model_copy(update={"files": files})}
    )
    reporter.stage_finished(name, stage)
    return TargetResult(
        target=name,
        strategy="none",
        strategy_reason="built elsewhere",
        stages=(stage,),
        checks=outcome.checks,
    )


def _outcome(
    given: GivenFiles,
    target: Target,
    output: Path,
    roots: Roots,
    reporter: Reporter,
    *,
    second_system: bool,
) -> Outcome:
    """What the checks found; check.json and check.log are in `output`."""
    name, log_path, debs = str(target), output / "check.log", given.packages_for(target)
    installable = [d for d in debs if not d.debug]
    previous = previous_of(given.loaded, target, installable, files=given.previous, dist=given.dist)
    config = given.loaded.config
    with BuildLog(log_path, lambda line: reporter.line(name, "check", line)) as log:
        context = context_of(
            given.loaded,
            target,
            debs,
            changes=given.changes,
            source=given.source,
            roots=roots,
            output=output,
            log=log,
            activity=lambda text: reporter.activity(name, "check", text),
            previous=previous,
            second_system=second_system,
            given=tuple(shown(d.path) for d in debs),
            ask_again=True,  # as every other check of files is made each time
        )
        further = also_on(config.targets.build, config.section(Environments).install_on, target)
        results = run_checks(context, partial(write_down, log), given.environment, further)
    return check_outcome(context, results, log_path, given.dist)
