"""Plans, jobs and stages that nothing is really done for."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from debwright.config import Config, LoadedConfig
from debwright.model.events import Silent
from debwright.model.results import (
    RunResult,
    StageResult,
    Status,
    TargetResult,
)
from debwright.model.targets import Choice, HostFacts, Strategy, Target
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.planning import with_all
from debwright.pipeline.stages.base import Job, TargetRun
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage


def passed(stage: str = "build") -> StageResult:
    return StageResult(stage=stage, status=Status.PASSED, details={"log_lines": 3})


class Heard(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def stage_started(self, target: str | None, stage: str) -> None:
        self.events.append(f"started {stage} of {target}")

    def stage_finished(self, target: str | None, result: StageResult) -> None:
        self.events.append(f"{result.status} {result.stage} of {target}")


def plan(tmp_path: Path, *targets: str, build: tuple[str, ...] | None = None, **more: Any) -> Plan:
    chosen = [Target.parse(t) for t in targets or ("bookworm-amd64",)]
    choices = [Choice(strategy=Strategy.NATIVE, reason="x") for _ in chosen]
    config = Config.model_validate({"targets": {"build": list(build or targets)}}
                                   if targets else {})  # fmt: skip
    values: dict[str, Any] = {
        "loaded": LoadedConfig(config=config, start=tmp_path),
        "host": HostFacts(arch="amd64"), "package": "demo", "version": None, "tree": None,
        "dsc": None, "targets": with_all(chosen, choices), "source_digest": "d",
    }  # fmt: skip
    return Plan(**{**values, **more})


def job(tmp_path: Path, **more: Any) -> Job:
    made = plan(tmp_path)
    return Job(made, tmp_path / "dist", Roots(Cache(tmp_path), made.config), Heard(), **more)


def passing_through(subject: Job, target: TargetPlan | None = None) -> TargetRun:
    chosen = target or subject.plan.targets[0]
    return TargetRun(subject, chosen, source("any"), chosen.strategy, chosen.choice.reason)


class Version:
    debian = "1.2-1"
    notes = ()
    commit = None


def source(*architectures: str) -> SourcePackage:
    return SourcePackage(dsc=Path("x.dsc"), name="demo", version="1", files=(),
                         architectures=frozenset(architectures), binaries=())  # fmt: skip


def target(name: str, strategy: Strategy, *, build_all: bool = True) -> TargetPlan:
    return TargetPlan(target=Target.parse(name), build_all=build_all,
                      choice=Choice(strategy=strategy, reason="x"))  # fmt: skip


def run_result(*failed: tuple[str, int | None], whole: tuple[StageResult, ...] = ()) -> RunResult:
    targets = tuple(
        TargetResult(
            target=f"bookworm-{n}", strategy="native", strategy_reason="x",
            stages=(StageResult(stage=stage, status=Status.FAILED,
                                details={} if code is None else {"exit_code": code}),),
        )
        for n, (stage, code) in enumerate(failed)
    )  # fmt: skip
    return RunResult(debwright="0", package="demo", version="1", started=datetime.now(UTC),
                     seconds=1, host="amd64", stages=whole, targets=targets)  # fmt: skip
