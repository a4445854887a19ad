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

    `always` are secrets that it has in any case, `more` other variables and what reads them.
    Raises UsageError for an answer that is none.
    """
    variables = find_variables(modules)
    example, shown = examples(directory)
    secrets = tuple(v.name for v in variables if v.made_up)
    secrets = (*secrets, *(name for name in always if name not in secrets))
    values: dict[str, str] = {}
    questions, notes = list[Question](), list[str]()
    for variable in variables:
        server = _names_a_server(variable)
        if variable.switch or (variable.required and _is_hosts(variable)):
            # Each machine has its own, and the service has to start on a new one.
            values[variable.name] = _plain(variable)
            continue
        if not (variable.required or server) or variable.made_up:
            continue
        question = _question(variable, shown.get(variable.name), package)
        questions.append(question)
        values[variable.name] = question.answered(answers)
        same = shown.get(variable.name) == values[variable.name]
        why = (
            f"{variable.seen} takes a database server for granted" if server
            else f"{variable.seen} cannot start without {variable.name}"
        )  # fmt: skip
        notes.append(
            f"{why}: debian/{package}.default has {variable.name}={values[variable.name]}"
            f"{f', as in {example}' if same else ''}"
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
    on_server = variable.kind == "database" and not (example or "").startswith("sqlite")
    if on_server or (not default and re.search(r"(?:DATABASE|DB)_UR[LI]", variable.name)):
        default = f"sqlite:////var/lib/{package}/{package}.sqlite3"
    return Question(
        name="set-" + re.sub(r"[^a-z]+", "-", variable.name.lower()).strip("-"),
        text=f"What is {variable.name}, which {variable.seen} needs to start? It will be in "
        f"/etc/default/{package}, which everybody can read.",
        default=default or _plain(variable),
    )


def _plain(variable: Variable) -> str:
    """A value that the source can read, for a variable that nothing says a value of."""
    if "ORIGIN" in variable.name:
        return "http://localhost"
    if _is_hosts(variable):
        return "localhost"
    if variable.switch:
        return "0"
    return {"bool": "0", "int": "1", "list": "", "json": "{}"}.get(variable.kind, "change-me")


def _is_hosts(variable: Variable) -> bool:
    """Whether it is the names that a machine is reached by, as Django wants them."""
    return bool(re.search(r"ALLOWED_HOSTS?$|TRUSTED_ORIGINS?$", variable.name))


def _names_a_server(variable: Variable) -> bool:
    """Whether its default is a database on a server, which a new machine does not have."""
    default = variable.default
    return (
        variable.kind == "database"
        and isinstance(default, str)
        and not default.startswith(("sqlite", "spatialite"))
    )
