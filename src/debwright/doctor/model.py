"""What the doctor says of one thing: present or missing, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Health:
    """One thing looked at. `needed` says whether debwright can do its main job without it."""

    name: str
    ok: bool
    found: str
    needed: bool = True
    fix: str | None = None
    """A Command of debwright.model.fix, or a text."""
