"""Answers to what an ecosystem asks: of before, of the command line, of a person, or defaults."""

from collections.abc import Callable
from dataclasses import dataclass

from debwright.init.model import MAX_QUESTIONS, Answers, Project, Question
from debwright.model.errors import Evidence, UsageError

Read = Callable[[Answers], Project]
Ask = Callable[[Question], str]
"""Puts a question to a person; its answer is one that `Question.checked` takes."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The project as the answers make it."""

    project: Project
    answers: dict[str, str]
    """All that was answered, now or before; not the defaults, which may be better next time."""
    assumed: tuple[Question, ...]
    """What nobody has answered, so that the default holds."""


def settle(read: Read, before: Answers, given: Answers, ask: Ask | None = None) -> Settled:
    """Read the project with the answers from `before` and those now `given`; `ask` for the others.

    At most MAX_QUESTIONS are asked. A question may come up because of an answer to another.
    Raises UsageError for an answer that is none, or that nobody asked for.
    """
    answers = {**before, **given}
    project = read(answers)
    for _ in range(MAX_QUESTIONS):
        open_ = [q for q in project.questions if q.name not in answers]
        if ask is None or not open_:
            break
        answers[open_[0].name] = ask(open_[0])
        project = read(answers)
    _refuse_unasked(project, given)
    return Settled(
        project=project,
        answers=answers,
        assumed=tuple(q for q in project.questions if q.name not in answers),
    )


def _refuse_unasked(project: Project, given: Answers) -> None:
    names = {q.name for q in project.questions}
    for name in given:
        if name not in names:
            known = [Evidence(text=f"{q.name}={q.default}: {q.text}") for q in project.questions]
            raise UsageError(
                f"{project.name} has no question {name!r}",
                evidence=known,
                cause="these can be answered" if known else "it has none at all",
            )
