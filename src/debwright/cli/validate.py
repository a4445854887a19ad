"""debwright validate: the project's own commands, as the jobs of pr-validation run them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import click

from debwright.cli.common import Options, reporter_for
from debwright.host.interrupts import interruptible

FAILED = 4


@click.command("validate")
@click.option(
    "--scope", type=click.Choice(["light", "full"]), default="light", show_default=True,
    help="full: what the main branch gets.",
)  # fmt: skip
@click.argument("names", nargs=-1)
@click.pass_obj
def validate(options: Options, names: Sequence[str], *, scope: str) -> int:
    """Run the commands of [[workflows.jobs]] in debwright.toml: all, or those named."""
    from debwright.ci.validate import chosen_jobs, run_job
    from debwright.ci.workflows import Workflows
    from debwright.config import load

    loaded = load(options.directory)
    jobs = chosen_jobs(loaded.config.section(Workflows).jobs, names)
    reporter = reporter_for(options)
    failed = []
    with closing(reporter), interruptible():
        reporter.begin("validate", [j.name for j in jobs], [scope])
        for job in jobs:
            commands = job.full if scope == "full" and job.full else job.commands
            if not run_job(job.name, commands, loaded.directory, reporter):
                failed.append(job.name)
    return FAILED if failed else 0
