"""What a build is lent of compiled wheels; who carries none pays for no more than asking."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debwright.build.log import BuildLog
from debwright.isolation.namespaces import Bind
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import Job
from debwright.source.make import SourcePackage


@dataclass(frozen=True, kw_only=True)
class Wheels:
    """What is lent to a build, and what the report says of it."""

    binds: tuple[Bind, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    cpu_seconds: float = 0.0


def wheel_inputs(job: Job, target: TargetPlan, source: SourcePackage) -> dict[str, object]:
    """What lent wheels add to a build's inputs: the roots they are compiled in."""
    if not _carries_any(source):
        return {}
    from debwright.pipeline.stages import wheels

    return wheels.wheel_inputs(job, target, source)


def compiled_wheels(
    job: Job, target: TargetPlan, source: SourcePackage, scratch: Path, log: BuildLog
) -> Wheels:
    """The compiled wheels of `source` for `target`. Raises PackageBuildError."""
    if not _carries_any(source):
        return Wheels()
    from debwright.pipeline.stages import wheels

    return wheels.compiled_wheels(job, target, source, scratch, log)


def _carries_any(source: SourcePackage) -> bool:
    return any(".orig-wheelhouse.tar." in path.name for path in source.files)
