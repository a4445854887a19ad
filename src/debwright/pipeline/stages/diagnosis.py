"""After a failure: what the stage's log says of its cause. A green run never comes here."""

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from debwright.checks.engine.base import shell_on
from debwright.model.diagnosis import Diagnosis
from debwright.model.results import CheckResult, Finding, Severity
from debwright.observe.diagnose.failed import read_record

CHECKS_OWN = (2400, 2401)
"""What a check found; the evidence it gave may say why."""


def diagnosis_of(
    stage: str,
    directory: Path,
    error: Finding,
    checks: Sequence[CheckResult],
    *,
    target: str | None = None,
    given: Sequence[str] = (),
) -> Diagnosis | None:
    """The diagnosis for the stage's details; None when there is nothing to say.

    What goes wrong here is no second failure: the stage's own error stands, without a diagnosis.
    """
    try:
        # Only of what was checked is there a system that can be opened again.
        shell = None if target is None or stage != "check" else partial(_inside, target, given)
        return _diagnosis(stage, directory, error, checks, shell)
    except Exception:
        return None


def _inside(target: str, given: Sequence[str], command: str) -> str:
    return shell_on(target, command, given)


def _diagnosis(
    stage: str,
    directory: Path,
    error: Finding,
    checks: Sequence[CheckResult],
    shell: Callable[[str], str] | None,
) -> Diagnosis | None:
    from debwright.observe.diagnose.diagnose import diagnose_file, diagnose_stream

    log = directory / f"{stage}.log"
    found = diagnose_file(log, broken=True, shell=shell) if log.is_file() else None
    if found is None or all(p.code in CHECKS_OWN for p in found.problems):
        failed = [f for c in checks for f in c.findings if f.severity is Severity.ERROR]
        said = "\n".join(e.text for f in (*failed, error) for e in f.evidence)
        if said:
            stream = io.BytesIO(said.encode("utf-8", "replace"))
            shown = diagnose_stream(stream, f"{stage}: evidence", broken=True, shell=shell)
            found = _together(found, shown)
    if found is None:
        return None
    record = read_record(directory)
    if record is not None and record.stage == stage:
        found = found.model_copy(update={"reproduce": record.reproduction()})
    return found


def _together(log: Diagnosis | None, evidence: Diagnosis) -> Diagnosis:
    """The cause that the evidence shows, and then what the log says of its effect."""
    if log is None:
        return evidence
    if not evidence.problems:
        return log
    effects = tuple(p.model_copy(update={"follows": True}) for p in log.problems)
    return evidence.model_copy(update={"problems": (*evidence.problems, *effects)})
