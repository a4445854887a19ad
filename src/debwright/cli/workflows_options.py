"""Arguments of the commands for continuous integration: workflows, ci, collect, validate."""

from pathlib import Path
from typing import Any

import click


@click.group()
def workflows() -> None:
    """GitHub's workflows, as debwright.toml says."""


@workflows.command()
@click.pass_obj
def sync(options: Any) -> int:
    """Write .github/workflows and the action that installs debwright."""
    from debwright.cli.workflows import sync_workflows

    return sync_workflows(options)


@workflows.command()
@click.pass_obj
def check(options: Any) -> int:
    """Fail when they differ from what `sync` would write."""
    from debwright.cli.workflows import check_workflows

    return check_workflows(options)


@workflows.command()
@click.option("--arch", default="all", show_default=True, help="Only targets of it.")
@click.option("--light", is_flag=True, help="Only what a change to a branch is built for.")
@click.option(
    "--since", metavar="COMMIT", default="",
    help="Nothing, if no package is made of what changed since. Empty: all.",
)  # fmt: skip
@click.pass_obj
def matrix(options: Any, *, arch: str, light: bool, since: str) -> int:
    """Which targets are built, where and how: the matrix of the workflows.

    On GitHub it becomes the step's output `matrix`, and a table of the run's summary.
    """
    from debwright.cli.workflows import show_matrix

    return show_matrix(options, arch=arch, light=light, since=since)


@workflows.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.pass_obj
def prune(options: Any, *, dry_run: bool) -> int:
    """Remove artifacts on GitHub that newer ones have taken the place of."""
    from debwright.cli.prune import prune_github

    return prune_github(options, dry_run=dry_run)


@click.command()
@click.option("--arch", default="all", show_default=True, help="What was built for.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.pass_obj
def collect(options: Any, *, directory: Path, arch: str) -> int:
    """Make one result of those below DIRECTORY, each the dist/ of a job.

    What two jobs built under one name must be the same; a target without a result has failed.
    """
    from debwright.cli.collect import collect_results

    return collect_results(options, directory, arch=arch)


@click.command()
@click.option(
    "--scope", type=click.Choice(["light", "full"]), default="light", show_default=True,
    help="full: what the main branch gets.",
)  # fmt: skip
@click.argument("names", nargs=-1)
@click.pass_obj
def validate(options: Any, *, names: tuple[str, ...], scope: str) -> int:
    """Run the commands of [[workflows.jobs]] in debwright.toml: all, or those named."""
    from debwright.cli.validate import validate as run_validation

    return run_validation(options, names, scope=scope)


@click.command()
@click.option("--event", help="What started it. Default: workflow_dispatch, or what it knows.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; may be repeated."
)
@click.option(
    "--payload", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The event as GitHub would tell it, in JSON.",
)  # fmt: skip
@click.argument("workflow", default="build-packages")
@click.pass_obj
def ci(
    options: Any, *, workflow: str, event: str | None, inputs: tuple[str, ...],
    payload: Path | None,
) -> int:  # fmt: skip
    """Run a whole workflow on this machine, job by job, and fetch what it made into dist/.

    WORKFLOW is build-packages, pr-validation, release, or another file of .github/workflows
    without its ending.

    The jobs run in copies of the repository, with the roots cached here. Exits with the code of
    the step that failed.
    """
    from debwright.cli.ci import run_workflow

    return run_workflow(options, workflow, event=event, inputs=inputs, payload=payload)
