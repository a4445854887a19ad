"""debwright cache list|prune."""

from debwright.commands.common import Options, emit
from debwright.config import load
from debwright.files import human_size
from debwright.roots import downloads
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
