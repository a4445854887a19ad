"""debwright collect."""

from contextlib import closing
from pathlib import Path

import click

from debwright.cli.common import Options, reporter_for, write_reports
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError
from debwright.model.fix import Command


@click.command("collect")
@click.option("--arch", default="all", show_default=True, help="What was built for.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.pass_obj
def collect_results(options: Options, directory: Path, *, arch: str) -> int:
    """Make one result of those below DIRECTORY, each the dist/ of a job.

    What two jobs built under one name must be the same; a target without a result has failed.
    """
    from debwright.ci.collect import collect, read_parts
    from debwright.host.files import atomic_write
    from debwright.observe.metrics.hook import remember
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.run import exclusive, exit_code

    patterns = [] if arch == "all" else [f"*-{arch}"]
    plan = make_plan(options.directory, patterns=patterns, elsewhere=True)
    parts = read_parts(directory, plan)
    if not parts:
        raise UsageError(
            f"there is no result below {directory}",
            cause="no job handed over a dist/ with a report.json, each in a directory of its own",
            fix=Command("find", directory, "-name", "report.json"),
        )
    dist = options.dist(plan.loaded.directory)
    reporter = reporter_for(options, dist)
    with closing(reporter), interruptible(), exclusive(dist):
        result = collect(plan, parts, dist)
        home = dist / plan.version_text.split(":", 1)[-1]
        for path in write_reports(result, home):
            if path.name == "report.sarif":
                # Where the next step finds it without knowing the version.
                atomic_write(dist / path.name, path.read_bytes())
        names = [str(t.target) for t in plan.targets]
        # What the jobs remember of themselves is gone with their machines.
        remember(plan.loaded, dist, result, reporter.note)
        reporter.begin(f"{plan.package} {plan.version_text}", names, ["collect"])
        reporter.end(result)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)
