"""The sbom stage: CycloneDX and SPDX next to one target's packages."""

from pathlib import Path
from typing import Any

from debwright.model.details import SbomDetails
from debwright.model.targets import suite_info
from debwright.observe.report.timeline import Color
from debwright.packages.debs import read_deb
from debwright.packages.sbom.make import make_sboms
from debwright.pipeline.stages.base import Outcome, TargetRun, TargetStage, common_inputs, digests


class SbomStage(TargetStage):
    """The bills of materials of a target's packages."""

    name = "sbom"
    color = Color.OLIVE
    does = "writes bills of materials, CycloneDX and SPDX, next to the packages"

    def inputs(self, on: TargetRun) -> dict[str, Any]:
        return {
            **common_inputs(on.job),
            "packages": digests(on.packages()),
            "wheelhouse": digests(_wheelhouse(on.directory)),
        }

    def work(self, on: TargetRun) -> Outcome:
        paths, info = on.packages(), suite_info(on.target.target.suite)
        if not paths:
            return Outcome(skipped="there is no package")
        # It has no build of its own when all its packages are of architecture `all`.
        on.directory.mkdir(parents=True, exist_ok=True)
        with on.job.roots.cache.scratch("sbom") as scratch:
            bill = make_sboms(
                [read_deb(p) for p in paths], on.directory, arch=on.target.target.arch,
                vendor=vendor_of(on.target.target.suite), scratch=scratch,
                beside=_wheelhouse(on.directory), python=info.python,
            )  # fmt: skip
        details = SbomDetails(components=bill.components, bundled=len(bill.bundled))
        return Outcome(outputs=bill.paths, details=details)


def vendor_of(suite: str) -> str:
    """The vendor in package URLs of a suite's packages, as debsbom knows them."""
    return "ubuntu" if suite_info(suite).distribution == "ubuntu" else "debian"


def _wheelhouse(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.orig-wheelhouse.tar.*"))
