"""The end of a run: it is remembered. Never in its way."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from debwright.config import LoadedConfig
from debwright.model.errors import DebwrightError
from debwright.model.results import RunResult
from debwright.observe.metrics import Metrics
from debwright.observe.metrics.model import Problem, RunRecord

WAIT_SECONDS = 1.0
"""For another process that writes; a run does not wait longer for its own memory."""


def store_path(loaded: LoadedConfig, dist: Path) -> Path:
    """Where runs are remembered: as configured, or below dist/."""
    configured = loaded.config.section(Metrics).path
    return loaded.resolve(configured) if configured else dist / "metrics" / "runs.sqlite"


def remember(
    loaded: LoadedConfig,
    dist: Path,
    result: RunResult,
    note: Callable[[str], None],
    *,
    cache_bytes: int | None = None,
) -> None:
    """Record a run. What goes wrong is noted, and nothing else comes of it."""

    def make() -> RunRecord:
        from debwright.observe.metrics.record import run_record

        found = {} if result.ok else problems_of(result)
        return run_record(result, loaded.directory, cache_bytes=cache_bytes, problems=found)

    _store(loaded, dist, make, note)


def remember_broken(
    loaded: LoadedConfig,
    dist: Path,
    error: DebwrightError,
    note: Callable[[str], None],
    *,
    names: tuple[str, str],
    started: datetime,
) -> None:
    """Record a run that ended without a result; `names` are package and version."""

    def make() -> RunRecord:
        from debwright.observe.metrics.record import broken_record

        return broken_record(error, *names, started, loaded.directory)

    _store(loaded, dist, make, note)


def _store(
    loaded: LoadedConfig, dist: Path, make: Callable[[], RunRecord], note: Callable[[str], None]
) -> None:
    if not loaded.config.section(Metrics).enabled:
        return
    try:
        from debwright.observe.metrics.store import Store

        with Store.open(store_path(loaded, dist), wait=WAIT_SECONDS) as store:
            store.put([make()])
    except DebwrightError as error:
        said = "; ".join([error.what, *(e.text for e in error.evidence)])
        note(f"this run was not recorded: {said}")
    except (OSError, ValueError, sqlite3.Error, ArithmeticError, LookupError, TypeError) as error:
        note(f"this run was not recorded: {type(error).__name__}: {str(error)[:200]}")


def problems_of(result: RunResult) -> dict[str, Sequence[Problem]]:
    """What the diagnosis of each failed target says, where there is one in the result."""
    from debwright.observe.metrics.model import plain

    found: dict[str, Sequence[Problem]] = {}
    for target in result.parts:
        told = getattr(target, "problems", None) or ()
        made = [
            Problem(
                code=plain(str(p.code), 200), title=plain(str(p.title), 600),
                confidence=min(1.0, max(0.0, float(p.confidence))),
            )
            for p in list(told)[:20]
        ]  # fmt: skip
        if made:
            found[target.target] = tuple(made)
    return found
