"""Records as runs leave them, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from debwright.observe.metrics.model import RunRecord, StageRecord, TargetRecord

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NATIVE, CROSS = "bookworm-amd64", "bookworm-arm64"


def target(name: str = NATIVE, *, build: float = 60.0, **changes: Any) -> TargetRecord:
    values: dict[str, Any] = {
        "target": name,
        "strategy": "native" if name == NATIVE else "cross",
        "result": "passed",
        "stages": (
            StageRecord(name="build", status="passed", seconds=build, cpu_seconds=build * 0.9),
            StageRecord(name="check", status="passed", seconds=20.0, cpu_seconds=5.0),
        ),
        "checks": {"install": "passed", "service": "passed"},
        "packages": {"greeter": 2_400_000},
        "measurements": {"service.memory_bytes": 38e6},
    }
    return TargetRecord(**(values | changes))


def failed(name: str = NATIVE, **changes: Any) -> TargetRecord:
    values: dict[str, Any] = {
        "result": "failed", "failed_stage": "build", "code": "build/failed",
        "message": "greeter.c:7: expected ;", "packages": {}, "checks": {}, "measurements": {},
        "stages": (StageRecord(name="build", status="failed", seconds=9.0, code="build/failed"),),
    }  # fmt: skip
    return target(name, **(values | changes))


def run(number: int = 0, *targets: TargetRecord, **changes: Any) -> RunRecord:
    """The run `number`, an hour after the one before."""
    parts = targets or (target(),)
    worst = "failed" if any(t.result == "failed" for t in parts) else "passed"
    values: dict[str, Any] = {
        "record": "run", "id": f"run:{number:06d}", "package": "greeter",
        "version": f"1.0.{number}-1", "debwright": "0.1.0", "commit": f"{number:040x}",
        "branch": "main", "started": BEGIN + timedelta(hours=number), "seconds": 90.0,
        "machine": "amd64 2 cores 8 GiB debian 12", "result": worst, "targets": parts,
        "stages": (StageRecord(name="source", status="passed", seconds=1.0, cpu_seconds=0.8),),
    }  # fmt: skip
    return RunRecord(**(values | changes))
