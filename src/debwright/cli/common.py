"""What every command needs: where things are, who watches, and how it ends."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.host.interrupts import interruptible
from debwright.model.errors import DebwrightError, printable
from debwright.model.standing import Standing

# What a run needs is imported by a run: commands that are about keys or the repository alone
# start in half the time.
if TYPE_CHECKING:
    from debwright.model.events import Reporter
    from debwright.model.results import RunResult
    from debwright.pipeline.plan import Plan
    from debwright.pipeline.stages.base import Job, Wanted
    from debwright.roots.cache import Cache
    from debwright.systems.base import System


targets_option = click.option(
    "-t", "--target", "patterns", multiple=True, metavar="PATTERN",
    help="Only targets that match, as 'bookworm-arm64' or '*-arm64'. May be given several times.",
)  # fmt: skip
strategy_option = click.option(
    "--strategy", type=click.Choice(["auto", "native", "cross", "emulated"]),
    help="How to build, instead of what debwright.toml says.",
)  # fmt: skip
force_option = click.option("--force", is_flag=True, help="Do it again even if nothing changed.")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options that belong to debwright as a whole."""

    directory: Path
    output: Path | None = None
    json: bool = False
    verbose: bool = False
    given: tuple[str, ...] = ()
    """The arguments as they were typed."""

    @property
    def standing(self) -> Standing:
        """Where the person stands: how commands are typed there."""
        from debwright.model import registry

        return Standing(
            directory=None if self.directory == Path() else str(self.directory),
            output=None if self.output is None else str(self.output),
            commands=frozenset(registry.names("debwright.cli")) - {"app", "commands", "common"},
            given=self.given,
        )

    def dist(self, plan_directory: Path) -> Path:
        return (self.output or plan_directory / "dist").absolute()

    def cache(self, say: Callable[[str], None] = lambda _: None) -> "Cache":
        """The cache; `say` is given a sentence when another debwright has to be waited for."""
        from debwright.roots.cache import Cache, default_cache

        return Cache(default_cache(), say)


def results_of(options: Options) -> Path:
    """The directory of the results: next to debwright.toml, which may be found above."""
    from debwright.config import load

    return options.output or options.dist(load(options.directory).directory)


def reporter_for(options: Options, dist: Path | None = None) -> "Reporter":
    """Who shows a run to the person; `dist` is the directory of its results."""
    from debwright.host.files import shown
    from debwright.observe.console import make_reporter

    standing = options.standing
    if dist is not None:
        standing = replace(standing, dist=Path(shown(dist)))
    return make_reporter(json_mode=options.json, verbose=options.verbose, standing=standing)


def run_plan(
    options: Options,
    plan: "Plan",
    wanted: "Wanted",
    *,
    force: bool,
    environment: "System | None" = None,
) -> int:
    """Run the stages, write the reports, show the summary; the exit code."""
    from debwright.host.disk import require_room
    from debwright.observe.metrics.hook import remember
    from debwright.pipeline.capacity import budget_for
    from debwright.pipeline.run import exclusive, exit_code, heal
    from debwright.pipeline.stages.base import Job
    from debwright.roots import downloads
    from debwright.roots.layers import Roots

    dist = options.dist(plan.loaded.directory)
    reporter = reporter_for(options, dist)
    with closing(reporter), interruptible(), exclusive(dist):
        cache = options.cache(reporter.note)
        heal(cache)
        require_room([cache.root, dist])
        roots = Roots(cache, plan.config, note=reporter.note)
        chosen = environment or _environment(plan)
        job = Job(
            plan, dist, roots, reporter, force=force, environment=chosen,
            budget=budget_for(plan.config),
        )  # fmt: skip
        result = run_recorded(job, wanted)
        write_reports(result, job.home)
        reporter.end(result)
        # The size limit of the cache: the layers longest unused go, those in use stay.
        shrunk = downloads.shrink(roots.store, int(plan.config.cache.max_gb * 1e9))
        # A build alone proves nothing; what comes after it records it.
        if wanted.check or not result.ok:
            remember(plan.loaded, dist, result, reporter.note, cache_bytes=shrunk.left)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)


def run_recorded(job: "Job", wanted: "Wanted") -> "RunResult":
    """The run; one that ends without a result is remembered as broken."""
    from debwright.observe.metrics.hook import remember_broken
    from debwright.pipeline.run import run

    started = datetime.now(UTC)
    try:
        return run(job, wanted)
    except DebwrightError as error:
        names = (job.plan.package, job.plan.version_text)
        remember_broken(
            job.plan.loaded, job.dist, error, job.reporter.note, names=names, started=started
        )
        raise


def _environment(plan: "Plan") -> "System":
    """What the configuration names; the kinds that are rare are not even imported."""
    from debwright.systems.choose import system_for

    return system_for(plan.loaded)


def write_reports(result: "RunResult", home: Path) -> Sequence[Path]:
    from debwright.observe.report.write import write_reports as write
    from debwright.pipeline.stages import STAGES

    return write(result, home, {stage.name: stage.color for stage in STAGES})


def emit(options: Options, data: object, text: str) -> None:
    """One result in the form that was asked for."""
    if options.json:
        print(json.dumps(data, indent=2, default=str))
    else:
        # What it says comes from packages, servers and files as well.
        print(printable(text))


def is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def flush_and_exit(code: int) -> None:
    """Leave at once: daemon threads may still hold pipes of processes that are gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
