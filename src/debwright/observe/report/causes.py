"""A diagnosis in the words of the reports: findings, and the lines a console shows."""

from pathlib import Path

from debwright.model.codes import ERROR, Code, Codes
from debwright.model.diagnosis import Diagnosis, Problem
from debwright.model.results import Evidence, Finding

SHOWN = 3
"""Problems that a report has of a stage."""


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


def findings_of(diagnosis: Diagnosis | None) -> list[Finding]:
    """The problems that the log of a failed stage shows; those that only follow are left out.

    So are those without a cause: they repeat a finding, which stands next to them as it is.
    """
    if diagnosis is None:
        return []
    own = [p for p in diagnosis.problems if p.cause and not p.follows][:SHOWN]
    name = Path(diagnosis.source).name
    return [finding_of(p, name) for p in own]
