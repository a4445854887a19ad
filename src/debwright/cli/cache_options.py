"""Arguments of the cache's commands."""

import math
from pathlib import Path
from typing import Any

import click

_targets = click.option(
    "-t", "--target", "patterns", multiple=True, metavar="PATTERN", help="Only roots for these."
)
_strategy = click.option(
    "--strategy", type=click.Choice(["auto", "native", "cross", "emulated"]),
    help="How they are built, instead of what debwright.toml says.",
)  # fmt: skip
_file = click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False),
    help="The pack. Default: debwright-roots.tar.zst in RUNNER_TEMP, or in the current directory.",
)  # fmt: skip


def _not_negative(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise click.BadParameter("a number from 0 upwards is wanted")
    return value


@click.group()
def cache() -> None:
    """The cached roots and downloads."""


@cache.command("list")
@click.pass_obj
def cache_list(options: Any) -> int:
    """Layers with target, age and size."""
    from debwright.cli.cache import list_cache

    return list_cache(options)


@cache.command("prune")
@click.option("--all", "everything", is_flag=True, help="Remove everything that is not in use.")
@click.option(
    "--max-gb", type=float, callback=_not_negative,
    help="Keep at most this much, the longest unused go first.",
)  # fmt: skip
@click.option(
    "--older-than", "days", type=float, callback=_not_negative, metavar="DAYS",
    help="Remove older layers.",
)  # fmt: skip
@click.pass_obj
def cache_prune(options: Any, max_gb: float | None, days: float | None, *, everything: bool) -> int:
    """Remove layers that are old, orphaned, or above the size limit."""
    from debwright.cli.cache import prune_cache

    return prune_cache(options, everything=everything, max_gb=max_gb, days=days)


@cache.command("key")
@_targets
@_strategy
@_file
@click.pass_obj
def cache_key(
    options: Any, *, patterns: tuple[str, ...], strategy: str | None, path: Path | None
) -> int:
    """Under which key the roots are kept between machines: from their manifests.

    On GitHub: the step's outputs `key`, `prefix` (of all that may serve) and `path`.
    """
    from debwright.cli.cache import tell_key

    return tell_key(options, patterns, strategy, path)


@cache.command("pack")
@_targets
@_strategy
@_file
@click.option("--unless-key", metavar="KEY", default="", help="Not if this is the key already.")
@click.pass_obj
def cache_pack(
    options: Any, *, patterns: tuple[str, ...], strategy: str | None, path: Path | None,
    unless_key: str,
) -> int:  # fmt: skip
    """Write the roots, and what was fetched and compiled, into one file for another machine."""
    from debwright.cli.cache import pack_roots

    return pack_roots(options, patterns, strategy, path, unless=unless_key)


@cache.command("unpack")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def cache_unpack(options: Any, path: Path) -> int:
    """Take the roots of a pack into the cache. They are trusted like those made here."""
    from debwright.cli.cache import unpack_roots

    return unpack_roots(options, path)
