"""debwright publish: what has passed its checks."""

import click

from debwright.cli.common import Options, run_plan, targets_option


@click.command()
@targets_option
@click.pass_obj
def publish(options: Options, patterns: tuple[str, ...]) -> int:
    """Add what has passed its checks to the signed APT repository.

    What is not built or not checked yet is built and checked first.
    """
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.stages.base import Wanted

    chosen = make_plan(options.directory, patterns=patterns)
    return run_plan(options, chosen, Wanted(), force=False)
