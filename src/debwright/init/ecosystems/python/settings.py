"""The settings of an application: variables of the environment, and what becomes of each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.ecosystems.python.modules import Module
from debwright.init.ecosystems.python.variables import (
    Variable,
    default_file,
    examples,
    find_variables,
)
from debwright.init.model import Answers, Question


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The variables of an application, and what the package does about each."""

    secrets: tuple[str, ...]
    """Those that any random text will do for; made up when the package is installed."""
    values: Mapping[str, str]
    text: str
    """/etc/default/PACKAGE; empty where there is nothing to set."""
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    variables: tuple[Variable, ...]


def read_settings(
    directory: Path,
    modules: Sequence[Module],
    package: str,
    answers: Answers,
    *,
    always: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> Settings:
    """Read what the source and an example of settings say.

    `always` are its secrets when the source names none, `more` other variables and what reads them.
    Raises UsageError for an answer that is none.
    """
    variables = find_variables(modules)
    example, shown = examples(directory)
    secrets = tuple(v.name for v in variables if v.made_up)
    secrets = secrets or always
    values: dict[str, str] = {}
    questions, notes = list[Question](), list[str]()
    for variable in variables:
        if not variable.required or variable.made_up:
            continue
        question = _question(variable, shown.get(variable.name), package)
        questions.append(question)
        values[variable.name] = question.answered(answers)
        said = f", as in {example}" if variable.name in shown else ""
        notes.append(
            f"{variable.seen} cannot start without {variable.name}: "
            f"debian/{package}.default has {values[variable.name]!r}{said}"
        )
    known = {v.name for v in variables}
    others = {**dict.fromkeys(shown, example), **(more or {})}
    listed = [
        *variables,
        *(Variable(name=n, required=False, seen=seen) for n, seen in others.items()
          if n not in known),
    ]  # fmt: skip
    text = default_file(listed, values, shown, package) if listed else ""
    return Settings(
        secrets=secrets, values=values, text=text, questions=tuple(questions),
        notes=tuple(notes), variables=variables,
    )  # fmt: skip


def _question(variable: Variable, example: str | None, package: str) -> Question:
    default = example
    if not default and re.search(r"DATABASE_URL|DB_URL|DATABASE_URI", variable.name):
        default = f"sqlite:////var/lib/{package}/{package}.sqlite3"
    return Question(
        name="set-" + re.sub(r"[^a-z]+", "-", variable.name.lower()).strip("-"),
        text=f"What is {variable.name}, which {variable.seen} needs to start? It will be in "
        f"/etc/default/{package}, which everybody can read.",
        default=default or "change-me",
    )
