"""Downloads in the cache: single files that can be had again, beside the layers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debwright.roots.cache import Cache
from debwright.roots.store import LayerStore

KEPT = ("debs", "wheelhouse", "carried")
"""Directories of the cache that hold downloads."""

COMPILED = "wheelhouse/compiled"
"""What was not downloaded but made, for minutes, and is small: it goes last."""

SHARE = 4
"""Downloads are left a fourth of the cache: else layers, of which there is never an end, would push
them all out, and every run would fetch and compile anew."""


@dataclass(frozen=True, kw_only=True)
class Shrunk:
    """What was removed from the cache."""

    layers: tuple[Path, ...]
    downloads: int
    """Bytes."""
    left: int = 0
    """Bytes of the cache afterwards, roughly: layers as they were made, downloads as they lie."""


def total(cache: Cache) -> int:
    """Bytes of disk that all downloads take."""
    return sum(info.st_blocks * 512 for _, info in _files(cache))


def prune(cache: Cache, max_bytes: int) -> int:
    """Remove files until `max_bytes` are left: the longest unused first, compiled ones last.

    Returns the bytes that were freed. A sandbox that has a file of a removed name open keeps it.
    """
    made = cache.root / COMPILED

    def rank(item: tuple[Path, os.stat_result]) -> tuple[bool, float]:
        path, info = item
        return path.is_relative_to(made), max(info.st_mtime, info.st_atime)

    found = sorted(_files(cache), key=rank)
    left, freed = sum(info.st_blocks * 512 for _, info in found), 0
    for path, info in found:
        if left <= max_bytes:
            break
        path.unlink(missing_ok=True)
        left -= info.st_blocks * 512
        freed += info.st_blocks * 512
    return freed


def shrink(store: LayerStore, max_bytes: int, max_age_days: float | None = None) -> Shrunk:
    """Bring the whole cache to `max_bytes`; see SHARE for what of it downloads may keep."""
    layers = sum(manifest.size for _, manifest in store.all())
    freed = prune(store.cache, max(max_bytes // SHARE, max_bytes - layers))
    kept = total(store.cache)
    left = max(0, max_bytes - kept)
    removed = store.prune(max_bytes=left, max_age_days=max_age_days)
    return Shrunk(layers=tuple(removed), downloads=freed, left=min(layers, left) + kept)


def _files(cache: Cache) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files that are whole: what begins with a dot is still being written."""
    for name in KEPT:
        for folder, _, files in os.walk(cache.root / name):
            for file in files:
                path = Path(folder, file)
                if file.startswith(".") or path.is_symlink():
                    continue
                try:
                    yield path, path.stat()
                except OSError:
                    continue  # gone meanwhile
