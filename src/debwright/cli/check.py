"""debwright check: the checks on a project's packages, or on packages built anywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright import __version__
from debwright.cli.common import (
    Options,
    force_option,
    reporter_for,
    run_plan,
    strategy_option,
    targets_option,
    write_reports,
)
from debwright.host.interrupts import interruptible
from debwright.host.process import SIGNAL_SECONDS
from debwright.model.errors import DebwrightError, Evidence, UsageError, from_os_error

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.model.events import Reporter
    from debwright.model.results import TargetResult
    from debwright.model.targets import Target
    from debwright.packages.debs import Deb
    from debwright.pipeline.stages.base import Outcome
    from debwright.roots.layers import Roots
    from debwright.systems.base import System


class SystemOption(click.Option):
    """The option that names a system.

    Its help imports every kind of system, so it is written when somebody asks for it.
    """

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option, and the kinds as they are written."""
        from debwright.systems.kinds import kinds

        forms = ", ".join(kind.form for kind in kinds())
        self.help = (
            f"Where to install and start them: {forms}; instead of what debwright.toml says."
        )
        return super().get_help_record(ctx)


@click.command()
@targets_option
@strategy_option
@force_option
@click.option(
    "--reproducible", is_flag=True,
    help="Build every target once more, under other conditions, and compare bit for bit.",
)  # fmt: skip
@click.option(
    "--equivalence", is_flag=True,
    help="Compare the architectures of a suite, and cross-built packages with emulated builds.",
)  # fmt: skip
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A .deb of the release before FILES, to upgrade from; may be repeated.",
)
@click.option(
    "--sandbox", metavar="KIND", cls=SystemOption,
)  # fmt: skip
@click.option(
    "--replace-installed", is_flag=True,
    help="With ssh: replace the packages when the machine has them, and purge them at the end.",
)  # fmt: skip
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def check(
    options: Options,
    /,
    files: tuple[Path, ...],
    patterns: tuple[str, ...],
    previous: tuple[Path, ...],
    *,
    sandbox: str | None,
    strategy: str | None,
    force: bool,
    replace_installed: bool,
    **more: bool,
) -> int:
    """Check FILES (.deb or .changes) in clean roots; without FILES, this project's packages."""
    if files and (asked := [name for name, wanted in more.items() if wanted]):
        raise UsageError(
            f"--{asked[0]} builds from the source, which packages alone do not give",
            fix=f"debwright check --{asked[0]}, in the project's directory",
        )

    if files:
        return check_files(
            options, files, patterns, previous, sandbox=sandbox, replace=replace_installed
        )
    if previous:
        raise UsageError(
            "--previous goes with the packages to check",
            fix="debwright check --previous OLD.deb NEW.deb, or [upgrade] previous in "
            "debwright.toml",
        )
    return check_project(
        options, patterns, strategy, force=force, sandbox=sandbox, replace=replace_installed, **more
    )


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What is checked, and where its results go."""

    loaded: LoadedConfig
    debs: Sequence[Deb]
    changes: Path | None
    dist: Path
    environment: System
    previous: Sequence[Path] = ()
    """Packages of the release before."""

    @property
    def home(self) -> Path:
        first = self.debs[0]
        return self.dist / "check" / f"{first.source}_{first.version.split(':', 1)[-1]}"


def check_project(
    options: Options,
    patterns: Sequence[str],
    strategy: str | None = None,
    *,
    force: bool,
    sandbox: str | None,
    replace: bool,
    **more: bool,
) -> int:
    """Check the packages of the project, building first what is not built.

    `more` are the checks that are only made when asked for, as fields of Wanted.
    """
    from debwright.config import load
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.stages.base import Wanted
    from debwright.systems.choose import patterns_for, system_for

    loaded = load(options.directory)
    environment = system_for(loaded, sandbox, replace=replace)
    chosen = make_plan(
        options.directory, patterns=patterns_for(loaded, environment, patterns), strategy=strategy
    )
    wanted = Wanted(publish=False, **more)
    return run_plan(options, chosen, wanted, force=force, environment=environment)


def check_files(
    options: Options,
    files: Sequence[Path],
    patterns: Sequence[str],
    previous: Sequence[Path] = (),
    *,
    sandbox: str | None = None,
    replace: bool = False,
) -> int:
    """Check packages given as files; the targets are those of their architecture."""
    from debwright.checks.engine.previous import expand
    from debwright.config import load
    from debwright.host.machine import describe_host
    from debwright.model.results import RunResult
    from debwright.pipeline.planning import require_known_checks
    from debwright.pipeline.run import exclusive, exit_code, heal
    from debwright.roots.layers import Roots
    from debwright.systems.choose import patterns_for, system_for

    loaded = load(options.directory)
    require_known_checks(loaded)
    debs, changes = _read(files)
    environment = system_for(loaded, sandbox, replace=replace)
    targets = _targets(loaded, debs, patterns_for(loaded, environment, patterns))
    subject = _Subject(
        loaded=loaded, debs=debs, changes=changes, dist=options.dist(loaded.directory),
        environment=environment,
        previous=previous or expand(loaded.directory, loaded.config.upgrade.previous),
    )  # fmt: skip
    reporter = reporter_for(options)
    started, clock = datetime.now(UTC), time.monotonic()
    with closing(reporter), interruptible(), exclusive(subject.dist):
        title = f"check {debs[0].source} {debs[0].version}"
        reporter.begin(title, [str(t) for t in targets], ["check"])
        cache = options.cache()
        heal(cache)
        roots = Roots(cache, loaded.config, note=reporter.note)
        results = _side_by_side(subject, targets, roots, reporter)
        result = RunResult(
            debwright=__version__,
            package=debs[0].source,
            version=debs[0].version,
            started=started,
            seconds=time.monotonic() - clock,
            host=describe_host(),
            targets=tuple(results),
        )
        write_reports(result, subject.home)
        reporter.end(result)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)


def _side_by_side(
    subject: _Subject, targets: Sequence[Target], roots: Roots, reporter: Reporter
) -> list[TargetResult]:
    """Every target, as many at once as memory and cores allow; in the targets' order."""
    from debwright.host.machine import host_arch
    from debwright.pipeline.capacity import budget_for, need_mb

    config = subject.loaded.config
    budget = budget_for(config)

    def one(target: Target) -> TargetResult:
        name = str(target)
        need = need_mb(config, emulated=target.arch != host_arch())
        with budget.share(need, waiting=lambda why: reporter.activity(name, "check", why)):
            budget.arrived(name)
            with budget.spare(need) as spare:
                return _check_on(subject, target, roots, reporter, spare=spare)

    budget.expect(str(t) for t in targets)

    with ThreadPoolExecutor(max_workers=min(budget.cores or 1, len(targets))) as pool:
        futures = [pool.submit(one, target) for target in targets]
        while wait(futures, timeout=SIGNAL_SECONDS).not_done:
            pass  # only between two waits is a signal sure to be noticed
        return [future.result() for future in futures]


def _check_on(
    subject: _Subject, target: Target, roots: Roots, reporter: Reporter, *, spare: bool
) -> TargetResult:
    """All checks of the packages on one target; what stops them here stops no other target."""
    from debwright.model.details import CheckDetails
    from debwright.model.results import Finding, StageResult, Status, TargetResult
    from debwright.pipeline.stages.base import Outcome

    name = str(target)
    output = subject.home / name
    output.mkdir(parents=True, exist_ok=True)
    reporter.stage_started(name, "check")
    begun, clock = datetime.now(UTC), time.monotonic()
    try:
        outcome = _outcome(subject, target, output, roots, reporter, spare=spare)
    except UsageError:
        raise  # of what was typed, which no other target would take either
    except (DebwrightError, OSError) as caught:
        problem = from_os_error(caught) if isinstance(caught, OSError) else caught
        outcome = Outcome(
            failed=Finding.from_error("check/failed", problem),
            details=CheckDetails(exit_code=problem.exit_code),
        )
    details = outcome.details or CheckDetails()
    files = tuple(d.path.name for d in subject.debs if d.arch in {target.arch, "all"})
    stage = StageResult(
        stage="check",
        status=Status.FAILED if outcome.failed else Status.PASSED,
        started=begun,
        seconds=time.monotonic() - clock,
        error=outcome.failed,
        details=details.model_copy(update={"files": files}),
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
    subject: _Subject,
    target: Target,
    output: Path,
    roots: Roots,
    reporter: Reporter,
    *,
    spare: bool,
) -> Outcome:
    """What the checks found; check.json and check.log are in `output`."""
    from debwright.build.log import BuildLog
    from debwright.checks.engine.base import CheckContext
    from debwright.checks.engine.released import previous_of
    from debwright.checks.run import run_checks
    from debwright.host.machine import host_arch
    from debwright.model.targets import also_on
    from debwright.pipeline.stages.check import check_outcome
    from debwright.systems.environments import Environments

    name, config = str(target), subject.loaded.config
    log_path = output / "check.log"
    debs = [d for d in subject.debs if d.arch in {target.arch, "all"}]
    installable = [d for d in debs if not d.debug]
    previous = previous_of(
        subject.loaded, target, installable, files=subject.previous, dist=subject.dist
    )
    with BuildLog(log_path, lambda line: reporter.line(name, "check", line)) as log:
        context = CheckContext(
            target=target,
            host_arch=host_arch(),
            config=config,
            debs=debs,
            changes=subject.changes,
            roots=roots,
            output=output,
            log=log,
            activity=lambda text: reporter.activity(name, "check", text),
            project=subject.loaded.directory,
            previous=previous,
            second_system=spare,
            ask_again=True,  # as every other check of files is made each time
        )
        further = also_on(config.targets.build, config.section(Environments).install_on, target)
        checks = run_checks(context, lambda _: None, subject.environment, further)
    return check_outcome(context, checks, log_path, subject.dist)


def _read(files: Sequence[Path]) -> tuple[list[Deb], Path | None]:
    """The packages, a .changes file standing for those it names."""
    from debwright.packages.debs import read_deb

    debs: list[Deb] = []
    changes: Path | None = None
    for path in (f.absolute() for f in files):
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.suffix == ".changes":
            changes = path
            names = _named(path)
            debs += [read_deb(path.parent / n) for n in names if n.endswith(".deb")]
        elif path.suffix == ".deb":
            debs.append(read_deb(path))
        else:
            raise UsageError(
                f"{path} is neither a .deb nor a .changes file",
                fix="debwright check PACKAGE.deb, or without a file: the packages of this project",
            )
    if not debs:
        raise UsageError("there is no package among the files")
    return debs, changes


def _named(changes: Path) -> list[str]:
    from debian.deb822 import Changes

    try:
        with changes.open("rb") as handle:
            return [Path(str(f["name"])).name for f in Changes(handle).get("Files", [])]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as problem:
        raise UsageError(
            f"{changes} is not a readable .changes file",
            evidence=[Evidence(text=f"{type(problem).__name__}: {problem}", file=str(changes))],
        ) from problem


def _is_known(loaded: LoadedConfig, target: Target) -> bool:
    """Whether there is such a suite; of a misspelt one a mirror would only say 404."""
    from debwright.model.suites import suite_info

    return suite_info(target.suite).known or target.suite in loaded.config.suites


def _targets(loaded: LoadedConfig, debs: Sequence[Deb], patterns: Sequence[str]) -> list[Target]:
    from debwright.model.targets import Target, select

    wanted = [Target.parse(t) for t in loaded.config.targets.build]
    if patterns:
        try:
            wanted = list(select(wanted, patterns))
        except UsageError as unmatched:
            # A target that the project does not build for, but that was named in full.
            wanted = [Target.parse(p) for p in patterns]
            if any(not _is_known(loaded, t) for t in wanted):
                raise unmatched from None
    arches = {d.arch for d in debs} - {"all"}
    chosen = [t for t in wanted if not arches or t.arch in arches]
    if not chosen:
        raise UsageError(
            f"no target is for {', '.join(sorted(arches))}",
            fix=f"debwright check -t bookworm-{sorted(arches)[0]} ...",
        )
    unchecked = arches - {t.arch for t in chosen}
    if unchecked and not patterns:
        # Success would look as if they had passed.
        arch = sorted(unchecked)[0]
        raise UsageError(
            f"no target is for the {', '.join(sorted(unchecked))} packages among the files",
            fix=f"debwright check -t bookworm-{arch} ..., or leave them out",
        )
    return chosen
