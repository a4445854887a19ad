"""A bill of materials is there, in both formats, and is of these very packages."""

import json
import time
from pathlib import Path
from typing import Any

from debwright.checks.engine.base import CheckContext, FileCheck, conclude, skipped
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding

SIZE_LIMIT = 256 * 1024**2
_FIX = "debwright build makes it; for packages built elsewhere: debwright sbom FILE.deb ..."


CODES = Codes(
    {
        "sbom/missing": Code(ERROR, "A bill of materials is there in one format only."),
        "sbom/unreadable": Code(ERROR, "A bill of materials cannot be read."),
        "sbom/other-package": Code(ERROR, "A bill of materials is not of this package."),
    }
)


class SbomCheck(FileCheck):
    """Looks next to the packages and in the check's own directory; makes nothing."""

    name = "sbom"
    codes = CODES

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        directories = [context.output, *dict.fromkeys(d.path.parent for d in context.installable)]
        found = {
            suffix: next((p for d in directories for p in sorted(d.glob(f"*{suffix}"))), None)
            for suffix in (".cdx.json", ".spdx.json")
        }
        if not any(found.values()):
            return skipped(self.name, f"there is no bill of materials next to the packages: {_FIX}")
        findings: list[Finding] = []
        components = 0
        for suffix, path in found.items():
            if path is None:
                findings.append(CODES.found("sbom/missing", f"there is no *{suffix}", fix=_FIX))
                continue
            document = _read(path)
            if isinstance(document, Finding):
                findings.append(document)
                continue
            listed = document.get("components") or document.get("packages") or []
            components = max(components, len(listed))
            findings += _of_others(context, path, json.dumps(listed))
        measurements = {"components": float(components)}
        return conclude(self.name, started, findings, measurements=measurements)


def _read(path: Path) -> dict[str, Any] | Finding:
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(SIZE_LIMIT))
        if document.get("bomFormat") == "CycloneDX" or "spdxVersion" in document:
            return dict(document)
        problem = "neither bomFormat nor spdxVersion is there"
    except (OSError, ValueError, AttributeError) as caught:
        problem = f"{type(caught).__name__}: {caught}"
    return CODES.found(
        "sbom/unreadable", f"{path.name} is no bill of materials",
        evidence=(Evidence(file=path.name, text=problem),), fix=_FIX,
    )  # fmt: skip


def _of_others(context: CheckContext, path: Path, listed: str) -> list[Finding]:
    """A package whose digest the document does not name was built after it, or elsewhere."""
    return [
        CODES.found(
            "sbom/other-package", f"{path.name} is not of this {deb.path.name}",
            evidence=(Evidence(file=path.name, text=f"it does not list SHA-256 {deb.sha256}"),),
            fix=_FIX,
        )
        for deb in context.installable
        if deb.sha256 not in listed
    ]  # fmt: skip
