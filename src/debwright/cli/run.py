"""debwright run: the main job."""

from pathlib import Path

import click

from debwright.cli.common import Options, force_option, run_plan, strategy_option, targets_option


@click.command()
@targets_option
@strategy_option
@force_option
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def run(
    options: Options,
    source: Path | None,
    patterns: tuple[str, ...],
    strategy: str | None,
    *,
    force: bool,
) -> int:
    """Build, check and publish, and write the report: the main job."""
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.stages.base import Wanted

    chosen = make_plan(options.directory, source=source, patterns=patterns, strategy=strategy)
    return run_plan(options, chosen, Wanted(), force=force)
