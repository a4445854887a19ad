"""The source stage: one source package for each suite."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debwright.model.details import CarriedComponent, SourceDetails, Wheelhouse
from debwright.model.results import StageResult, Status
from debwright.model.targets import Target, suite_info
from debwright.observe.report.timeline import Color
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.stages.base import Job, Outcome, Stage, common_inputs, perform
from debwright.source.contents import generated
from debwright.source.make import SourcePackage, SourceTree, make_source, read_dsc
from debwright.source.version import VersionInfo

if TYPE_CHECKING:
    from debwright.source.carrier import Carried
    from debwright.source.wheelhouse.prepare import Prepared


@dataclass(frozen=True)
class SuiteSource:
    """The source package of one suite, as it is made."""

    job: Job
    suite: str
    name: None = None

    @property
    def directory(self) -> Path:
        return self.job.home / "source" / self.suite

    @property
    def version(self) -> str:
        return self.job.plan.version_for(self.suite)

    @property
    def finished(self) -> FinishedStages:
        return FinishedStages(self.directory)


class SourceStage(Stage[SuiteSource]):
    """Makes (or takes, when a .dsc was given) the source package of a suite.

    It is made in a root of this machine's own architecture, since dpkg-source and xz write the
    same bytes on all of them, and that root is wanted for building anyway.
    """

    name = "source"
    color = Color.TEAL
    does = "makes a `3.0 (quilt)` source package whose bytes do not depend on the machine"

    def inputs(self, on: SuiteSource) -> dict[str, Any]:
        return {**common_inputs(on.job), "version": on.version, "suite": on.suite}

    def work(self, on: SuiteSource) -> Outcome:
        job, plan = on.job, on.job.plan
        if plan.dsc is not None:
            job.sources[on.suite] = plan.dsc
            return Outcome()
        assert plan.tree is not None
        assert plan.version is not None

        def sink(line: str) -> None:
            job.reporter.line(None, self.name, line)

        job.reporter.activity(None, self.name, "preparing a root")
        codename = suite_info(on.suite).codename
        layer = job.roots.build(Target(codename, plan.host.arch), sink)
        house, more = _wheelhouse(job), _carried(job)
        job.reporter.activity(None, self.name, "dpkg-source")
        made = make_source(
            plan.tree, on.version, on.directory, layer=layer, cache=job.roots.cache,
            epoch=source_epoch(plan.tree, plan.version, on.version),
            exclude=plan.config.package.exclude, suite=codename, sink=sink,
            generated=generated(plan.tree.name, plan.config.package.files),
            components=[*([house.component] if house else []), *(one.component for one in more)],
        )  # fmt: skip
        job.sources[on.suite] = made
        details = SourceDetails(
            version=made.version, wheelhouse=_details(house), carried=_more_details(more)
        )
        return Outcome(outputs=[made.dsc, *made.files], details=details)

    def run(self, job: Job, suite: str) -> StageResult:
        """The result; the source package itself is in job.sources then."""
        on = SuiteSource(job, suite)
        result, _ = perform(self, on)
        if result.status is Status.CACHED:
            job.sources[suite] = job.plan.dsc or _only_dsc(on.directory, on.version)
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


def _carried(job: Job) -> "list[Carried]":
    """What else the source package carries, in the cache."""
    return [
        asked.prepare(
            job.roots.cache, note=job.reporter.note,
            activity=lambda text: job.reporter.activity(None, "source", text),
        )
        for asked in job.plan.carried
    ]  # fmt: skip


def _more_details(carried: "list[Carried]") -> tuple[CarriedComponent, ...]:
    return tuple(
        CarriedComponent(
            name=one.component.name, digest=one.component.sha256, files=one.files,
            bytes=one.component.size, seconds=round(one.seconds, 3),
        )
        for one in carried
    )  # fmt: skip


def _details(house: "Prepared | None") -> Wheelhouse | None:
    if house is None:
        return None
    return Wheelhouse(
        digest=house.component.sha256, files=house.files, bytes=house.component.size,
        seconds=round(house.seconds, 3),
    )  # fmt: skip


def source_epoch(tree: SourceTree, info: VersionInfo, version: str) -> int:
    """The date of the newest changelog entry, in seconds since 1970: that of the files, too.

    An entry that debwright adds is newer than the one below it, even where the commit is not.
    """
    if version == tree.version:
        return tree.epoch_seconds
    return max(int(info.commit_time.timestamp()), tree.epoch_seconds + 1)


def _only_dsc(directory: Path, version: str) -> SourcePackage:
    found = [read_dsc(p) for p in sorted(directory.glob("*.dsc"))]
    return next(s for s in found if s.version == version)
