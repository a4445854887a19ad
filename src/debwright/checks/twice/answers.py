"""The same questions to both packages, each on a booted system of its target."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from debwright.checks.engine import health, probes
from debwright.checks.engine.base import CheckContext, shell_on
from debwright.checks.engine.session import SLOWER_EMULATED, Session, sessions
from debwright.checks.twice.equivalence import Equivalence, Question, steps
from debwright.checks.twice.sides import SHOWN, Sides
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.errors import CheckError, Evidence
from debwright.model.fix import Command
from debwright.model.results import Evidence as Shown
from debwright.model.results import Finding
from debwright.systems.base import System

MISSING = object()


CODES = Codes(
    {"equivalence/answer": Code(ERROR, "A question is not answered alike by both packages.")}
)


def ask_all(context: CheckContext, system: System) -> dict[str, Any]:
    """Question to answer, of the packages installed on a freshly booted system.

    Raises CheckError when the service does not come up or an answer is not JSON.
    """
    asked = context.config.section(Equivalence)
    with ExitStack() as stack:
        session = sessions(context, system.prepare(context, stack))(stack)
        session.install()
        _wait(session)
        for command in asked.prepare:
            context.activity(f"preparing: {command[:40]}")
            done = session.smoke(command, timeout=_patience(context, 600))
            if done.returncode != 0:
                raise CheckError(
                    f"{context.target}: `{command[:80]}` ended with status {done.returncode}",
                    evidence=[Evidence(text=line) for line in done.tail(6)],
                    cause="it is one of [equivalence] prepare",
                    fix=context.shell(),
                )
        return {question.name: _ask(session, question) for question in asked.questions}


def _patience(context: CheckContext, seconds: float) -> float:
    return seconds * SLOWER_EMULATED if context.emulated else seconds


def _wait(session: Session) -> None:
    service = session.context.config.main_service
    if service is None:
        return
    problem = health.wait_healthy(session, service).problem
    if problem is not None:
        texts = [e.text for e in problem.evidence]
        raise CheckError(
            f"{session.context.target}: {service.unit} is not healthy, so it cannot be asked",
            evidence=[Evidence(text=said) for said in (problem.message, *texts)],
            fix=Command("debwright", "check", "-t", session.context.target),
        )


def _ask(session: Session, question: Question) -> Any:
    context = session.context
    context.activity(f"asking: {question.name[:40]}")
    seconds = _patience(context, question.timeout_seconds)
    if question.command is not None:
        done = session.system.run(["sh", "-c", question.command], timeout=seconds, check=False)
        text, wrong = done.output, done.returncode != 0
        said = done.tail(6)
    else:
        assert question.url is not None
        answer = probes.request(
            session, question.url, question.method, question.body or None, seconds
        )
        text, said = answer.body, [answer.describe()]
        wrong = answer.status is None or not 200 <= answer.status < 300
    if wrong:
        raise _unanswered(context, question, "it failed", said)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise _unanswered(context, question, str(problem), [text[:300]]) from problem


def _unanswered(
    context: CheckContext, question: Question, why: str, said: Sequence[str]
) -> CheckError:
    return CheckError(
        f"{context.target}: the question `{question.name}` has no answer in JSON: {why}",
        evidence=[Evidence(text=line) for line in said],
        fix=context.shell(),
    )


def answer_findings(
    sides: Sides, asked: Equivalence, left: dict[str, Any], right: dict[str, Any]
) -> list[Finding]:
    """A finding for each question that is not answered alike."""
    findings = []
    for question in asked.questions:
        lines: list[str] = []
        for path in question.compare or [""]:
            values = [list(select(answers[question.name], path)) for answers in (left, right)]
            if not any(values):
                lines.append(f"{path}: neither answer has it")
            lines += unlike(values[0], values[1], asked.tolerance, path or "answer")
        if lines:
            findings.append(
                CODES.found(
                    "equivalence/answer",
                    f"`{question.name}` is answered otherwise on {sides.right.name} than on "
                    f"{sides.left.name}",
                    evidence=tuple(Shown(text=line[:400]) for line in lines[:SHOWN]),
                    fix=shell_on(sides.right.target),
                )
            )
    return findings


def select(value: Any, path: str) -> Iterator[Any]:
    """The values at `path`, as `results[*].text` or `[0]`; none where it leads nowhere."""
    values = [value]
    for step in steps(path):
        if step == "[*]":
            values = [item for v in values if isinstance(v, list) for item in v]
        elif step.startswith("["):
            number = int(step[1:-1])
            values = [v[number] for v in values if isinstance(v, list) and number < len(v)]
        else:
            values = [v[step] for v in values if isinstance(v, dict) and step in v]
    yield from values


def unlike(one: Any, other: Any, tolerance: float, where: str) -> list[str]:
    """The places where two values differ; numbers by more than `tolerance`."""
    if _is_number(one) and _is_number(other):
        near = one == other or (math.isfinite(one - other) and abs(one - other) <= tolerance)
        return [] if near else [f"{where}: {one} / {other}"]
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return [f"{where}: {len(one)} values / {len(other)} values"]
        pairs: Sequence[tuple[Any, Any]] = list(zip(one, other, strict=True))
        return [
            line
            for number, (a, b) in enumerate(pairs)
            for line in unlike(a, b, tolerance, f"{where}[{number}]")
        ]
    if isinstance(one, dict) and isinstance(other, dict):
        return [
            line
            for key in sorted({*one, *other})
            for line in unlike(
                one.get(key, MISSING), other.get(key, MISSING), tolerance, f"{where}.{key}"
            )
        ]
    if type(one) is type(other) and one == other:
        return []
    return [f"{where}: {_shown(one)} / {_shown(other)}"]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return "(absent)" if value is MISSING else json.dumps(value)[:150]
