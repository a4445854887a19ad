"""debwright collect."""

from contextlib import closing
from pathlib import Path

from debwright.ci.collect import collect, read_parts
from debwright.cli.common import Options, reporter_for, write_reports
from debwright.host.files import atomic_write
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.pipeline.plan import make_plan
from debwright.pipeline.run import exclusive, exit_code


def collect_results(options: Options, directory: Path, *, arch: str) -> int:
    """One result of several; the exit code is that of the worst."""
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
    reporter = reporter_for(options)
    with closing(reporter), interruptible(), exclusive(dist):
        result = collect(plan, parts, dist)
        home = dist / plan.version_text.split(":", 1)[-1]
        for path in write_reports(result, home):
            if path.name == "report.sarif":
                # Where the next step finds it without knowing the version.
                atomic_write(dist / path.name, path.read_bytes())
        names = [str(t.target) for t in plan.targets]
        reporter.begin(f"{plan.package} {plan.version_text}", names, ["collect"])
        reporter.end(result)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)
