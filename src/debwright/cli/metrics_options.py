"""Arguments of `debwright metrics` and `debwright dashboard`."""

import math
from pathlib import Path
from typing import Any

import click

target_option = click.option(
    "-t", "--target", "patterns", multiple=True, metavar="PATTERN",
    help="Only targets that match, as '*-arm64'. May be given several times.",
)  # fmt: skip
branch_option = click.option("--branch", help="Only runs of this branch.")


class Days(click.FloatRange):
    """Days of a past there is; click takes NaN for a number of any range."""

    name = "days"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=36500)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        days = float(super().convert(value, param, ctx))
        if math.isnan(days):
            self.fail("it is no number of days", param, ctx)
        return days


days_option = click.option("--days", type=Days(), help="Only of so many days.")
file_path = click.Path(path_type=Path, dir_okay=False)


@click.group()
def metrics() -> None:
    """What is remembered of runs: trends, comparison, alerts, and exchange between machines."""


@metrics.command("list")
@target_option
@branch_option
@days_option
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, show_default=True)
@click.pass_obj
def list_(options: Any, /, patterns: tuple[str, ...], **more: Any) -> int:
    """The last runs, newest first."""
    from debwright.cli.metrics import list_runs

    return list_runs(options, patterns, **more)


@metrics.command()
@click.argument("run", default="last")
@click.pass_obj
def show(options: Any, run: str) -> int:
    """One run: an id, the beginning of one, `last`, or `last~2`."""
    from debwright.cli.metrics import show_run

    return show_run(options, run)


@metrics.command()
@target_option
@branch_option
@days_option
@click.pass_obj
def trends(options: Any, /, patterns: tuple[str, ...], **more: Any) -> int:
    """Time of stages with spread and changes of level, success rate, overhead of cross builds."""
    from debwright.cli.metrics import show_trends

    return show_trends(options, patterns, **more)


@metrics.command()
@click.argument("one", metavar="RUN")
@click.argument("other", metavar="RUN", default="last")
@click.pass_obj
def compare(options: Any, one: str, other: str) -> int:
    """Two runs, stage by stage; what is unusual against earlier builds is marked."""
    from debwright.cli.metrics import compare_runs

    return compare_runs(options, one, other)


@metrics.command()
@click.argument("file", type=file_path, required=False)
@click.pass_obj
def export(options: Any, file: Path | None) -> int:
    """Write all records as JSON lines, to FILE (packed, if it ends in .gz) or to the output."""
    from debwright.cli.metrics import export_records

    return export_records(options, file)


@metrics.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
def merge(options: Any, paths: tuple[Path, ...]) -> int:
    """Take in records that others have exported: files, or directories of such.

    In any order, and as often as one likes: what is known already changes nothing.
    """
    from debwright.cli.metrics import merge_records

    return merge_records(options, paths)


@metrics.command()
@click.argument("file", type=file_path, required=False)
@click.pass_obj
def prometheus(options: Any, file: Path | None) -> int:
    """Write what Prometheus reads, to FILE or to the output."""
    from debwright.cli.metrics import write_prometheus

    return write_prometheus(options, file)


@metrics.command("rules")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def rules(options: Any, directory: Path) -> int:
    """Write alert rules for Prometheus and a dashboard for Grafana into DIRECTORY."""
    from debwright.cli.metrics import write_rules

    return write_rules(options, directory)


@metrics.command()
@click.option(
    "--github", is_flag=True, required=True, expose_value=False,
    help="From GitHub's API; there is no other source yet.",
)  # fmt: skip
@click.option("--repository", metavar="OWNER/NAME", help="Default: release.repository, or origin.")
@click.option("--workflow", metavar="FILE", help="Only runs of this workflow, as ci.yml.")
@click.option(
    "--days", type=Days(), default=90, show_default=True,
    help="Only of so many days.",
)  # fmt: skip
@click.pass_obj
def ingest(options: Any, *, repository: str | None, workflow: str | None, days: float) -> int:
    """Take in the history of workflow runs and jobs: what broke before debwright began, too.

    GITHUB_TOKEN needs `actions: read`. What is known is not asked for again.
    """
    from debwright.cli.alerts import ingest_github

    return ingest_github(options, repository, workflow, days)


@metrics.command()
@click.option("--branch", default="metrics", show_default=True, help="The branch with the records.")
@click.option("--remote", default="origin", show_default=True)
@click.pass_obj
def sync(options: Any, *, branch: str, remote: str) -> int:
    """Exchange records with a branch of the repository: take in what it has, bring what it lacks.

    Nothing in the work tree is touched, and nothing is forced.
    """
    from debwright.cli.alerts import sync_branch

    return sync_branch(options, branch, remote)


@metrics.command()
@click.pass_obj
def check(options: Any) -> int:
    """Say what is wrong by the rules of [metrics]; 4 when something is. Nobody is told."""
    from debwright.cli.alerts import check_rules

    return check_rules(options)


@metrics.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be told to whom.")
@click.pass_obj
def notify(options: Any, *, dry_run: bool) -> int:
    """Tell of problems that are new, and of those that are over: by mail, chat and issues.

    Each is told once. What cannot be told is said, tried again the next time, and the exit code 1.
    """
    from debwright.cli.alerts import notify_all

    return notify_all(options, dry=dry_run)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--serve", "address", metavar="[HOST:]PORT",
    help="Serve it instead, kept up to date, with /metrics for Prometheus.",
)  # fmt: skip
@click.option(
    "--doctor", type=file_path,
    help="What `debwright --json doctor` said. Default: dist/doctor.json, where there is one.",
)  # fmt: skip
@click.option("--badge-branch", "branch", help="The branch that badge.svg tells of. Default: any.")
@click.pass_obj
def dashboard(
    options: Any, *, directory: Path | None, address: str | None, doctor: Path | None,
    branch: str | None,
) -> int:  # fmt: skip
    """Write the state of all targets as one page into DIRECTORY (default: dist/dashboard).

    index.html needs no other file and loads nothing; badge.svg and metrics.prom are beside it.
    """
    from debwright.cli.dashboard import dashboard as make

    return make(options, directory, address=address, doctor=doctor, branch=branch)
