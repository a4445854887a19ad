"""debwright cache list|prune|key|pack|unpack."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.ci.provider import write_outputs
from debwright.cli.common import Options, emit
from debwright.config import load
from debwright.host.files import human_size
from debwright.model.errors import UsageError
from debwright.model.manifest import Manifest
from debwright.model.suites import suite_info
from debwright.model.targets import Target
from debwright.pipeline.plan import Plan, make_plan
from debwright.roots import downloads
from debwright.roots.layers import Roots
from debwright.roots.pack import key_of, layers_for, pack, prefix_of, unpack
from debwright.roots.store import LayerStore


def list_cache(options: Options) -> int:
    """Every layer with target, age and size, and what the downloads take."""
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


def prune_cache(
    options: Options, *, everything: bool, max_gb: float | None, days: float | None
) -> int:
    """Remove old and unused layers and downloads; layers in use stay."""
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
        return key_of(self.prefix, self.layers)


def _wanted(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None
) -> _Pack:
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
    found = {t.target for t in plan.targets}
    # Cross builds run there, and so does dpkg-source.
    found |= {Target(suite_info(s).codename, plan.host.arch) for s in plan.suites}
    return found | {c.root.target for c in plan.companions}


def tell_key(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None
) -> int:
    """Print the key and the prefix; hand them over, where a workflow asked."""
    wanted = _wanted(options, patterns, strategy, path)
    data = {"key": wanted.key, "prefix": wanted.prefix, "path": str(wanted.path)}
    write_outputs(data)
    text = "\n".join(f"{name}: {value}" for name, value in data.items())
    emit(options, {**data, "layers": len(wanted.layers)}, text)
    return 0


def pack_roots(
    options: Options, patterns: Sequence[str], strategy: str | None, path: Path | None, *,
    unless: str,
) -> int:  # fmt: skip
    """Write the pack, unless `unless` is its key."""
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


def unpack_roots(options: Options, path: Path) -> int:
    """Take the layers of a pack into the cache."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", fix="debwright cache pack --file FILE")
    cache = options.cache()
    cache.prepare()
    taken = unpack(cache, path)
    said = [*(f"took {name}" for name in taken.layers)]
    said.append(f"{len(taken.layers)} layers taken, {taken.known} were there")
    emit(options, {"layers": list(taken.layers), "known": taken.known}, "\n".join(said))
    return 0
