"""debwright cache list|prune|key|pack|unpack."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.commands import Group
from debwright.cli.common import Options, emit
from debwright.model.errors import UsageError

if TYPE_CHECKING:
    from debwright.model.manifest import Manifest
    from debwright.model.targets import Target
    from debwright.pipeline.plan import Plan


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


@click.group(cls=Group)
def cache() -> None:
    """The cached roots and downloads."""


@cache.command("list")
@click.pass_obj
def list_cache(options: Options) -> int:
    """Layers with target, age and size."""
    from debwright.host.files import human_size
    from debwright.roots import downloads
    from debwright.roots.store import LayerStore

    cache = options.cache()
    cache.prepare()
    rows = [
        {
            "target": manifest.target,
            "layer": manifest.name,
            "id": manifest.id,
            "age_days": round(manifest.age_days, 2),
            "bytes": manifest.size,
        }
        for _, manifest in LayerStore(cache).all()
    ]
    files = downloads.total(cache)
    total = files + sum(int(str(r["bytes"])) for r in rows)
    lines = [f"{'target':24} {'layer':16} {'id':18} {'age':>8} {'size':>10}"]
    lines += [
        f"{r['target']:24} {r['layer']:16} {r['id']:18} {r['age_days']:>6} d "
        f"{human_size(int(str(r['bytes']))):>10}"
        for r in rows
    ]
    lines.append(f"downloads: {human_size(files)}; all: {human_size(total)} in {cache.root}")
    emit(options, {"layers": rows, "downloads_bytes": files, "bytes": total}, "\n".join(lines))
    return 0


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
def prune_cache(
    options: Options, *, everything: bool, max_gb: float | None, days: float | None
) -> int:
    """Remove layers that are old, orphaned, or above the size limit."""
    from debwright.config import load
    from debwright.host.files import human_size
    from debwright.roots import downloads
    from debwright.roots.store import LayerStore

    cache = options.cache()
    cache.prepare()
    limit = max_gb if max_gb is not None else load(options.directory).config.cache.max_gb
    allowed = 0 if everything else int(limit * 1e9)
    shrunk = downloads.shrink(LayerStore(cache), allowed, days)
    names = [f"{p.parent.name}/{p.name}" for p in shrunk.layers]
    said = [*(f"removed {name}" for name in names), f"{len(names)} layers removed"]
    said += [f"downloads: {human_size(shrunk.downloads)} removed"] if shrunk.downloads else []
    emit(options, {"removed": names, "downloads_bytes": shrunk.downloads}, "\n".join(said))
    return 0


@dataclass(frozen=True, kw_only=True)
class _Pack:
    """A pack as it is asked for."""

    path: Path
    prefix: str
    layers: Sequence[tuple[Path, Manifest]]

    @property
    def key(self) -> str:
        from debwright.roots.pack import key_of

        return key_of(self.prefix, self.layers)


def _wanted(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None
) -> _Pack:
    from debwright.model.targets import Target
    from debwright.pipeline.planning import make_plan
    from debwright.roots.layers import Roots
    from debwright.roots.pack import layers_for, prefix_of

    plan = make_plan(options.directory, patterns=patterns, strategy=strategy)
    cache = options.cache()
    cache.prepare()
    roots = Roots(cache, plan.config)
    names = sorted(str(t) for t in _machines(plan))
    asked = [roots.base_request(Target.parse(n)).inputs for n in names]
    return _Pack(
        path=(
            path or Path(os.environ.get("RUNNER_TEMP", "")) / "debwright-roots.tar.zst"
        ).absolute(),
        prefix=prefix_of("+".join(names), asked),
        layers=layers_for(roots.store, names),
    )


def _machines(plan: Plan) -> set[Target]:
    """The roots that building and checking take: the targets', and this machine's own."""
    from debwright.model.suites import suite_info
    from debwright.model.targets import Target

    found = {t.target for t in plan.targets}
    # Cross builds run there, and so does dpkg-source.
    found |= {Target(suite_info(s).codename, plan.host.arch) for s in plan.suites}
    return found | {c.root.target for c in plan.companions}


@cache.command("key")
@_targets
@_strategy
@_file
@click.pass_obj
def tell_key(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None
) -> int:
    """Under which key the roots are kept between machines: from their manifests.

    On GitHub: the step's outputs `key`, `prefix` (of all that may serve) and `path`.
    """
    from debwright.ci.provider import write_outputs

    wanted = _wanted(options, patterns, strategy, path)
    data = {"key": wanted.key, "prefix": wanted.prefix, "path": str(wanted.path)}
    write_outputs(data)
    text = "\n".join(f"{name}: {value}" for name, value in data.items())
    emit(options, {**data, "layers": len(wanted.layers)}, text)
    return 0


@cache.command("pack")
@_targets
@_strategy
@_file
@click.option(
    "--unless-key", "unless", metavar="KEY", default="", help="Not if this is the key already."
)
@click.pass_obj
def pack_roots(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None, *,
    unless: str,
) -> int:  # fmt: skip
    """Write the roots, and what was fetched and compiled, into one file for another machine."""
    from debwright.ci.provider import write_outputs
    from debwright.host.files import human_size
    from debwright.roots.pack import pack

    wanted = _wanted(options, patterns, strategy, path)
    data = {"key": wanted.key, "path": str(wanted.path), "packed": "false"}
    if wanted.key == unless:
        text = f"the roots are those of {unless}: nothing to pack"
    elif not wanted.layers:
        text = "there are no roots to pack"
    else:
        size = pack(options.cache(), wanted.layers, wanted.path)
        data["packed"] = "true"
        text = f"{len(wanted.layers)} layers, {human_size(size)}, in {wanted.path}"
    write_outputs(data)
    emit(options, data, text)
    return 0


@cache.command("unpack")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def unpack_roots(options: Options, path: Path) -> int:
    """Take the roots of a pack into the cache. They are trusted like those made here."""
    from debwright.roots.pack import unpack

    if not path.is_file():
        raise UsageError(f"there is no file {path}", fix="debwright cache pack --file FILE")
    cache = options.cache()
    cache.prepare()
    taken = unpack(cache, path)
    said = [*(f"took {name}" for name in taken.layers)]
    said.append(f"{len(taken.layers)} layers taken, {taken.known} were there")
    emit(options, {"layers": list(taken.layers), "known": taken.known}, "\n".join(said))
    return 0
