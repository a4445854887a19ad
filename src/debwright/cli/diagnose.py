"""debwright diagnose: from a log or a run to problems, on the terminal, as JSON, or as an issue."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit, results_of
from debwright.model.errors import DebwrightError, Evidence, UsageError, printable

if TYPE_CHECKING:
    from debwright.model.diagnosis import Diagnosis, Problem
    from debwright.model.results import StageResult
    from debwright.model.standing import Standing


UNKNOWN = "unknown: no rule explains this failure"


@click.command()
@click.option("--issue", is_flag=True, help="File a GitHub issue for each problem, or update it.")
@click.option(
    "--repository", metavar="OWNER/NAME", help="Where the issue goes, instead of the project's own."
)
@click.option("--all", "everything", is_flag=True, help="Also what only follows from a root cause.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--codes", is_flag=True, help="List every code that there is, and what it means.")
@click.argument("what", metavar="[LOG|RUN|-]", required=False)
@click.pass_obj
def diagnose(
    options: Options, *, what: str | None, repository: str | None, issue: bool, everything: bool,
    as_json: bool, codes: bool,
) -> int:  # fmt: skip
    """Say what broke: from a LOG, from a RUN's results, or from standard input (-).

    RUN is a directory of results (dist/VERSION, a downloaded artifact), its report.json, or a
    version below dist/; without it, the newest run. Logs may be packed (gzip, xz).
    """
    options = replace(options, json=options.json or as_json)
    if codes:
        return list_codes(options)
    subjects = list(_subjects(options, what))
    filed: list[str] = []
    if issue:
        from debwright.observe.diagnose.issue import file_issues

        filed = file_issues(options, subjects, repository)
    text = "\n\n".join(_text(s, options.standing, everything=everything) for s in subjects)
    data = {
        "schema_version": 1,
        "diagnoses": [
            {"name": s.name, **s.diagnosis.model_dump(mode="json"),
             "fingerprints": [p.fingerprint for p in s.diagnosis.problems]} for s in subjects
        ],
        "issues": filed,
    }  # fmt: skip
    emit(options, data, "\n".join([text, *filed]))
    return 0


@dataclass(frozen=True)
class Subject:
    """One log that was diagnosed, and what it belongs to."""

    name: str
    diagnosis: Diagnosis
    package: str | None = None
    version: str | None = None
    commit: str | None = None


def _subjects(options: Options, what: str | None) -> Iterator[Subject]:
    from debwright.observe.diagnose.diagnose import diagnose_file, diagnose_stream

    if what == "-":
        yield Subject("standard input", diagnose_stream(sys.stdin.buffer, "standard input"))
        return
    path = Path(what) if what is not None else None
    if path is not None and (path.is_fifo() or path.is_char_device()):
        # As a shell's <(command) is; it can be read once only.
        with path.open("rb") as stream:
            yield Subject(str(path), diagnose_stream(stream, str(path)))
        return
    if path is not None and path.is_file() and path.name != "report.json":
        yield Subject(path.name, diagnose_file(path))
        return
    yield from _run(_home(options, what, path), asked=what is not None)


def _home(options: Options, what: str | None, path: Path | None) -> Path:
    """The directory of the run's results."""
    if path is not None and path.name == "report.json" and path.is_file():
        return path.parent
    dist = results_of(options)
    places = [path, dist / path] if path is not None else [dist]
    for place in places:
        if (place / "report.json").is_file():
            return place
        found = sorted(place.glob("*/report.json"), key=lambda p: p.stat().st_mtime)
        if found:
            return found[-1].parent
    if what is not None:
        raise UsageError(
            f"there is no log and no run {what}",
            fix="debwright diagnose FILE, or a directory that has a report.json",
        )
    raise UsageError(
        "there is no run to diagnose", cause=f"nothing in {dist} has a report.json",
        fix="debwright run, or debwright diagnose LOG",
    )  # fmt: skip


def _run(home: Path, *, asked: bool) -> Iterator[Subject]:
    """A subject for each stage that failed in the run whose results are in `home`."""
    from pydantic import ValidationError

    from debwright.model.diagnosis import Diagnosis
    from debwright.model.results import RunResult, Status

    path = home / "report.json"
    try:
        result = RunResult.model_validate_json(path.read_bytes())
    except ValidationError as problem:
        raise DebwrightError(
            f"{path.name} is not a report of this debwright",
            evidence=[Evidence(text=str(problem)[:300], file=str(path))],
            fix="debwright diagnose, with the log itself",
        ) from problem
    failed: list[tuple[str, StageResult]] = [
        ("run", s) for s in result.stages if s.status is Status.FAILED
    ]
    for target in result.parts:
        failed += [(target.target, s) for s in target.stages if s.status is Status.FAILED]
    artifact = str(home) if asked else None
    for target_name, stage in failed:
        yield Subject(
            f"{target_name}: {stage.stage}", _of_stage(home, target_name, stage, artifact),
            result.package, result.version, result.commit,
        )  # fmt: skip
    if not failed:
        good = Diagnosis(source=str(path), failed=False)
        yield Subject(f"{result.package} {result.version}", good, result.package, result.version)


def _of_stage(home: Path, target: str, stage: StageResult, artifact: str | None) -> Diagnosis:
    """What the run itself found of it, or else what its log says now."""
    from functools import partial

    from debwright.checks.engine.base import shell_on
    from debwright.observe.diagnose.diagnose import diagnose_file, diagnose_stream
    from debwright.observe.diagnose.failed import read_record

    directory = home if "/" in target or target == ".." else home / target
    found = stage.details.diagnosis
    shell = partial(shell_on, target) if stage.stage == "check" else None
    if found is None:
        # The report may come from elsewhere: its words name nothing outside of its directory.
        log = directory / f"{Path(stage.stage).name}.log"
        said = "\n".join(e.text for e in stage.error.evidence) if stage.error else ""
        if log.is_file():
            found = diagnose_file(log, broken=True, shell=shell)
        else:
            import io

            found = diagnose_stream(
                io.BytesIO(said.encode("utf-8", "replace")),
                f"{target}: {stage.stage}",
                broken=True,
                shell=shell,
            )
    record = read_record(directory)
    if record is not None and record.stage == stage.stage:
        found = found.model_copy(update={"reproduce": record.reproduction(artifact=artifact)})
    return found


def _text(subject: Subject, standing: Standing, *, everything: bool) -> str:
    found = subject.diagnosis
    lines = [printable(subject.name)]
    shown = [p for p in found.problems if everything or not p.follows]
    for number, problem in enumerate(shown, 1):
        lines += _problem(problem, number, standing)
    if rest := len(found.problems) - len(shown):
        lines.append(f"  {rest} more follow from it or did no harm (--all shows them)")
    if not found.problems:
        lines.append(f"  {UNKNOWN if found.failed else 'nothing in it tells of a failure'}")
        lines += [f"  {line.number:>7} | {line.text}" for line in found.unexplained]
    if found.reproduce is not None:
        lines.append(f"  to stand where it broke: {standing.typed(found.reproduce.command)}")
        if found.reproduce.run:
            lines.append(f"  the command there: {found.reproduce.run}")
    return "\n".join(lines)


def _problem(problem: Problem, number: int, standing: Standing) -> list[str]:
    more = f", {problem.count} lines" if problem.count > 1 else ""
    labels = chain(["fix"], repeat("   "))
    return [
        f"  {number}. {problem.title} [{problem.code} {problem.name}, "
        f"{problem.confidence} %{more}]",
        *(f"  {e.number:>7} | {e.text}" for e in problem.evidence),
        *([f"     likely cause: {problem.cause}"] if problem.cause else []),
        *(
            f"     {label}: {standing.typed(fix)}"
            for label, fix in zip(labels, problem.fix, strict=False)
        ),
        f"     more: {problem.page}",
    ]


def list_codes(options: Options) -> int:
    """Every code with its name and the topic its rule is in."""
    from debwright.observe.diagnose.rules import standard_book

    rules: Sequence[tuple[str, int, str, str]] = sorted(
        {(topic, r.code, r.name, r.title) for topic, r in standard_book().rules}, key=lambda r: r[1]
    )
    data = [{"topic": t, "code": c, "name": n, "title": title} for t, c, n, title in rules]
    emit(options, data, "\n".join(f"{c}  {n:32} {t}" for t, c, n, _ in rules))
    return 0
