"""The project's own commands, which the validation of every change runs."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from debwright.ci.workflows import Validation
from debwright.host import process
from debwright.host.process import Completed
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import UsageError
from debwright.model.events import Reporter
from debwright.model.fix import Command, Correction
from debwright.model.results import Evidence, Finding, StageResult, Status
from debwright.model.targets import nearest

SHOWN_LINES = 20
CODES = Codes({"validate/*": Code(ERROR, "The linter by that name found something.")})


def chosen_jobs(jobs: Sequence[Validation], names: Sequence[str]) -> list[Validation]:
    if not jobs:
        # Success would be taken for a proof.
        raise UsageError(
            "there is nothing to validate with",
            cause="debwright.toml has no [[workflows.jobs]]",
            fix='add [[workflows.jobs]] with name = "tests" and commands = ["..."]',
        )
    known = {job.name: job for job in jobs}
    for name in names:
        if name not in known:
            close = nearest(name, known, cutoff=0.4)
            raise UsageError(
                f"there is no job `{name}` to validate with",
                cause=f"[[workflows.jobs]] has {', '.join(known) or 'none'}",
                fix=Correction(close, wrong=name) if close else Command("debwright", "validate"),
            )
    return [known[name] for name in dict.fromkeys(names)] if names else list(jobs)


def run_job(name: str, commands: Sequence[str], directory: Path, reporter: Reporter) -> bool:
    """The commands of one job, up to the first that fails."""
    reporter.stage_started(name, "validate")
    started, clock = datetime.now(UTC), time.monotonic()
    error = None
    for command in commands:
        reporter.line(name, "validate", f"$ {command}")
        done = process.run(
            ["bash", "-c", command], cwd=directory, merge=True, check=False,
            sink=lambda line: reporter.line(name, "validate", line),
        )  # fmt: skip
        if done.returncode != 0:
            error = _finding(name, command, done)
            break
    result = StageResult(
        stage="validate",
        status=Status.FAILED if error else Status.PASSED,
        started=started,
        seconds=time.monotonic() - clock,
        error=error,
    )
    reporter.stage_finished(name, result)
    return error is None


def _finding(name: str, command: str, done: Completed) -> Finding:
    first = command.strip().splitlines()[0]
    return CODES.found(
        f"validate/{name}",
        f"`{first}` exited with status {done.returncode}",
        evidence=tuple(Evidence(text=line) for line in done.tail(SHOWN_LINES)),
        fix=Command("debwright", "validate", name),
    )
