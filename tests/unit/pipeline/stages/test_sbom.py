"""The stage of the bills of materials."""

from dataclasses import replace
from pathlib import Path

from tests.kit.debs import make_deb
from tests.kit.stages import job, passing_through, plan, source

from debwright.model.results import (
    Status,
)
from debwright.model.targets import Target
from debwright.pipeline.stages.base import perform
from debwright.pipeline.stages.sbom import SbomStage


def test_bills_of_packages_that_another_target_built_have_a_place(tmp_path: Path) -> None:
    """All of a source's packages are for every architecture: a second target builds nothing."""
    subject = job(tmp_path)
    subject.plan = plan(tmp_path, dsc=source())
    subject.roots.cache.prepare()
    (one,) = subject.plan.targets
    other = replace(one, target=Target.parse("bookworm-arm64"), build_all=False)
    subject.directory(one).mkdir(parents=True)
    deb = make_deb(subject.directory(one) / "demo_1_all.deb", arch="all")
    subject.all_packages["bookworm"] = (deb,)
    result, _ = perform(SbomStage(), passing_through(subject, other))
    assert result.status is Status.PASSED, result.error
    assert len(list(subject.directory(other).glob("*.json"))) >= 2
