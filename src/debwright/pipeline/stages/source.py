"""The source stage: one source package for each suite."""

from typing import TYPE_CHECKING

from debwright.model.results import StageResult, Status
from debwright.model.targets import Target, suite_info
from debwright.pipeline.record import Ledger
from debwright.pipeline.stages.base import Job, Outcome, common_inputs, perform
from debwright.source.make import SourcePackage, SourceTree, make_source, read_dsc
from debwright.source.version import VersionInfo

if TYPE_CHECKING:
    from debwright.source.wheelhouse.prepare import Prepared


def source_stage(job: Job, suite: str) -> StageResult:
    """Make (or take, when a .dsc was given) the source package of `suite`.

    It is made in a root of this machine's own architecture, since dpkg-source and xz write the
    same bytes on all of them, and that root is wanted for building anyway.
    """
    directory = job.home / "source" / suite
    version = job.plan.version_for(suite)
    ledger = Ledger(directory)

    def sink(line: str) -> None:
        job.reporter.line(None, "source", line)

    def work() -> Outcome:
        plan = job.plan
        if plan.dsc is not None:
            job.sources[suite] = plan.dsc
            return Outcome()
        assert plan.tree is not None
        assert plan.version is not None
        job.reporter.activity(None, "source", "preparing a root")
        machine = Target(suite_info(suite).codename, plan.host.arch)
        layer = job.roots.build(machine, sink)
        house = _wheelhouse(job)
        job.reporter.activity(None, "source", "dpkg-source")
        epoch = source_epoch(plan.tree, plan.version, version)
        made = make_source(
            plan.tree, version, directory, layer=layer, cache=job.roots.cache, epoch=epoch,
            exclude=plan.config.package.exclude, suite=suite_info(suite).codename, sink=sink,
            components=[house.component] if house else [],
        )  # fmt: skip
        job.sources[suite] = made
        return Outcome(
            outputs=[made.dsc, *made.files], details={"version": made.version, **_details(house)}
        )

    inputs = {**common_inputs(job), "version": version, "suite": suite}
    result, _ = perform(job, ledger, work, target=None, stage="source", inputs=inputs)
    if result.status is Status.CACHED:
        job.sources[suite] = job.plan.dsc or _only_dsc(directory, version)
    return result


def _wheelhouse(job: Job) -> "Prepared | None":
    """The wheelhouse in the cache; the suites of a run share it."""
    asked = job.plan.wheelhouse
    if asked is None:
        return None
    from debwright.source.wheelhouse.prepare import prepare

    return prepare(
        asked, job.roots.cache, note=job.reporter.note,
        activity=lambda text: job.reporter.activity(None, "source", text),
    )  # fmt: skip


def _details(house: "Prepared | None") -> dict[str, object]:
    if house is None:
        return {}
    return {
        "wheelhouse": {
            "digest": house.component.sha256,
            "files": house.files,
            "bytes": house.component.size,
            "seconds": round(house.seconds, 3),
        }
    }


def source_epoch(tree: SourceTree, info: VersionInfo, version: str) -> int:
    """The date of the newest changelog entry, in seconds since 1970: that of the files, too.

    An entry that debwright adds is newer than the one below it, even where the commit is not.
    """
    if version == tree.version:
        return tree.epoch_seconds
    return max(int(info.commit_time.timestamp()), tree.epoch_seconds + 1)


def _only_dsc(directory: object, version: str) -> SourcePackage:
    from pathlib import Path

    assert isinstance(directory, Path)
    found = [read_dsc(p) for p in sorted(directory.glob("*.dsc"))]
    return next(s for s in found if s.version == version)
