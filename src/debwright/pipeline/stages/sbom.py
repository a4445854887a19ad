"""The sbom stage: CycloneDX and SPDX beside one target's packages."""

from pathlib import Path

from debwright.host.files import sha256_file
from debwright.model.results import StageResult
from debwright.model.targets import suite_info
from debwright.packages.debs import read_deb
from debwright.packages.sbom import make_sboms
from debwright.pipeline.plan import TargetPlan
from debwright.pipeline.stages.base import Job, Outcome, common_inputs, perform
from debwright.pipeline.stages.check import packages_of


def sbom_stage(job: Job, target: TargetPlan) -> StageResult:
    """Make the bills of materials of the target's packages, unless these are the same as before."""
    directory = job.directory(target)
    paths = packages_of(job, target)
    source = _wheelhouse(directory)
    inputs = {
        **common_inputs(job),
        "packages": {p.name: sha256_file(p) for p in paths},
        "wheelhouse": {p.name: sha256_file(p) for p in source},
    }

    def work() -> Outcome:
        if not paths:
            return Outcome(skipped="there is no package")
        # It has no build of its own when all its packages are of architecture `all`.
        directory.mkdir(parents=True, exist_ok=True)
        with job.roots.cache.scratch("sbom") as scratch:
            bill = make_sboms(
                [read_deb(p) for p in paths], directory, arch=target.target.arch,
                vendor=vendor_of(target.target.suite), scratch=scratch, beside=source,
                python=suite_info(target.target.suite).python,
            )  # fmt: skip
        details = {"components": bill.components, "bundled": len(bill.bundled)}
        return Outcome(outputs=bill.paths, details=details)

    result, _ = perform(
        job, job.ledger(target), work, target=str(target.target), stage="sbom", inputs=inputs
    )
    return result


def vendor_of(suite: str) -> str:
    """The vendor in package URLs of a suite's packages, as debsbom knows them."""
    return "ubuntu" if suite_info(suite).distribution == "ubuntu" else "debian"


def _wheelhouse(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.orig-wheelhouse.tar.*"))
