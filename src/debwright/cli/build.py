"""debwright build: packages, and nothing more."""

from pathlib import Path

import click

from debwright.cli.common import Options, force_option, run_plan, strategy_option, targets_option


@click.command()
@targets_option
@strategy_option
@force_option
@click.argument("source", type=click.Path(path_type=Path), required=False)
@click.pass_obj
def build(
    options: Options,
    source: Path | None,
    patterns: tuple[str, ...],
    strategy: str | None,
    *,
    force: bool,
) -> int:
    """Build the packages of SOURCE: a directory with debian/, or a .dsc file.

    Without SOURCE, the project of this directory.
    """
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.stages.base import Wanted

    chosen = make_plan(options.directory, source=source, patterns=patterns, strategy=strategy)
    return run_plan(options, chosen, Wanted(check=False, publish=False), force=force)
