"""A diagnosis in the words of the reports: findings, and the lines a console shows."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from debwright.model.codes import ERROR, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.observe.diagnose.model import Diagnosis, Problem

TOLD = 3
"""Problems that a report tells of a stage."""


CODES = Codes({"diagnosis/*": Code(ERROR, "The likely cause of a failure, by its number.")})


def finding_of(problem: Problem, file: str | None) -> Finding:
    """The problem as a report shows it: what, why, and the first thing to do."""
    return CODES.found(
        f"diagnosis/{problem.code}",
        f"{problem.title} (likely cause, {problem.confidence} %: {problem.cause}; "
        f"see {problem.page})",
        evidence=tuple(Evidence(text=e.text, file=file, line=e.number) for e in problem.evidence),
        fix=problem.fix[0] if problem.fix else None,
    )


def findings_in(details: dict[str, Any]) -> list[Finding]:
    """The problems that a failed stage's details hold; those that only follow are left out."""
    raw = details.get("diagnosis")
    if not isinstance(raw, dict):
        return []
    try:
        diagnosis = Diagnosis.model_validate(raw)
    except ValidationError:
        return []  # a report of another version of debwright
    own = [p for p in diagnosis.problems if not p.follows][:TOLD]
    name = Path(diagnosis.source).name
    return [finding_of(p, name) for p in own]
