"""One thing that was looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Health:
    """`needed` says whether debwright can do its main job without it."""

    name: str
    ok: bool
    found: str
    needed: bool = True
    fix: str | None = None
