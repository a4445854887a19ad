"""Companions as they are built: jobs of their own, below the product's results."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.model.events import Reporter
from debwright.model.manifest import digest
from debwright.model.results import StageResult
from debwright.pipeline.finished import FinishedStages
from debwright.pipeline.plan import Companion
from debwright.pipeline.stages.base import Job, common_inputs
from debwright.roots.cache import remove_tree
from debwright.source.make import SourcePackage, read_dsc
from debwright.systems.nspawn import NspawnSystem

NAME = "companions"
KEY = "companion.key"
"""What the directory's content was made from, written when all of it is there."""


@dataclass(frozen=True)
class As:
    """Reports to the product's reporter a companion's stages under the companion's name."""

    reporter: Reporter
    name: str

    def begin(self, *_: object) -> None: ...
    def end(self, *_: object) -> None: ...
    def close(self) -> None: ...

    def stage_started(self, _: str | None, stage: str) -> None:
        self.reporter.stage_started(self.name, stage)

    def activity(self, _: str | None, stage: str, text: str) -> None:
        self.reporter.activity(self.name, stage, text)

    def line(self, _: str | None, stage: str, text: str) -> None:
        self.reporter.line(self.name, stage, text)

    def stage_finished(self, _: str | None, result: StageResult) -> None:
        self.reporter.stage_finished(self.name, result)

    def note(self, text: str) -> None:
        self.reporter.note(text)


def companion_job(job: Job, companion: Companion) -> Job:
    """The job of `companion`, whose results go to dist/VERSION/companions/NAME.

    It is checked where it is built. A machine that the product is checked on may be of another
    architecture or suite; the companion comes there with the product, as what that needs.
    """
    return replace(
        job,
        plan=companion.plan,
        environment=job.environment if job.environment.any_target else NspawnSystem(),
        place=job.home / NAME / companion.name,
        reporter=As(job.reporter, companion.name),
        sources={},
        all_built={},
        all_packages={},
    )


def companion_packages(job: Job) -> list[Path]:
    """The .deb files of all companions, as they lie below dist/."""
    return [
        path
        for companion in job.plan.companions
        for path in sorted(_directory(job, companion).glob("*.deb"))
    ]


def companion_sources(job: Job) -> Iterator[SourcePackage]:
    for companion in job.plan.companions:
        for path in sorted(_directory(job, companion).glob("*.dsc")):
            yield read_dsc(path)


def _directory(job: Job, companion: Companion) -> Path:
    child = companion_job(job, companion)
    return child.directory(companion.root)


def adopt(child: Job) -> None:
    """Take over what an earlier version of the product had, when the companion has not changed.

    dist/ has a directory for each version of the product, and a companion of a hundred megabytes
    must not be packed again for every commit. What was finished comes along, and is judged as ever.
    """
    if child.force or child.home.exists():
        return
    wanted = _key(child)
    for key in sorted(child.dist.glob(f"*/{NAME}/{child.home.name}/{KEY}")):
        try:
            if key.read_text() != wanted:
                continue
            _copy(child, key.parent)
        except OSError:
            continue  # half of it was removed by hand: it is built instead
        return


def finished(child: Job) -> None:
    """Say that the directory holds all that the companion's sources give."""
    path = child.home / KEY
    wanted = _key(child)
    if not path.is_file() or path.read_text() != wanted:
        atomic_write(path, wanted)


def _key(child: Job) -> str:
    return digest(
        {
            **common_inputs(child),
            "version": child.plan.version_text,
            "target": str(child.plan.targets[0].target),
        }
    )


def _copy(child: Job, earlier: Path) -> None:
    child.home.parent.mkdir(parents=True, exist_ok=True)
    fresh = child.home.with_name(f".{child.home.name}.new")
    remove_tree(fresh)
    try:
        shutil.copytree(earlier, fresh, symlinks=True)
        old, new = (str(p.relative_to(child.dist)) for p in (earlier, child.home))
        for path in fresh.rglob("stages.json"):
            FinishedStages(path.parent).move_logs(old, new)
        fresh.replace(child.home)
    except BaseException:
        remove_tree(fresh)
        raise
