"""What `init` knows of a language or a kind of project, and finding it.

A module or package below `ecosystems` makes one: an instance of `Ecosystem`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from debwright.init.model import Answers, Project
from debwright.init.unknown import unknown
from debwright.model.errors import UsageError
from debwright.model.fix import Correction
from debwright.model.registry import instances
from debwright.model.suites import nearest

NO_ANSWERS: Answers = MappingProxyType({})


class Confidence(IntEnum):
    """How sure an ecosystem is that a project is one of its own; the surest packages it."""

    NONE = 0
    POSSIBLE = 1
    """There are files that many kinds of projects have, as a Makefile."""
    LIKELY = 2
    """There are files of this kind, as main.py or a unit of systemd."""
    CERTAIN = 3
    """There is the description that its tools are made for, as pyproject.toml."""


OTHERS = Confidence.LIKELY
"""How sure another ecosystem has to be to be named next to the one that is chosen."""


class Ecosystem:
    """A kind of project: how it is recognised, and what a package of it is made of."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name as people write it."""
    recognised_by: ClassVar[str]
    """What a directory of the kind has, for messages and pages."""
    accompanies: ClassVar[bool] = False
    """Whether such files are often there for the sake of another kind, as package.json for the
    pages of a service in Python: an equally sure ecosystem then comes first."""

    def confidence(self, directory: Path) -> Confidence:
        """Whether the project in `directory` is one of its kind. Reads names of files only."""
        raise NotImplementedError

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:
        """Read the project, with what a person has answered to `Project.questions` before.

        Raises UsageError when it cannot be packaged.
        """
        raise NotImplementedError


def ecosystems() -> Mapping[str, Ecosystem]:
    """Every ecosystem by its name."""
    return {found.name: found for found in instances("debwright.init.ecosystems", Ecosystem)}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The ecosystem that packages a project, and in one line why it is that one."""

    ecosystem: Ecosystem
    reason: str


def choose(directory: Path, wanted: str = "", before: str = "") -> Choice:
    """The ecosystem for the project in `directory`: the one that is `wanted`, else the one that
    packaged it `before` if it is still its own, else the surest. Raises UsageError."""
    known = ecosystems()
    if wanted:
        return Choice(ecosystem=_named(wanted, known), reason=f"{known[wanted].title}, as you say")
    sure = {found.name: found.confidence(directory) for found in known.values()}
    fit = sorted(
        (found for found in known.values() if sure[found.name] is not Confidence.NONE),
        key=lambda found: (-sure[found.name], found.accompanies),
    )
    if not fit:
        kinds = [f"{found.title}: {found.recognised_by}" for found in known.values()]
        raise unknown(directory, kinds, _likely_kind)
    chosen = next((found for found in fit if found.name == before), fit[0])
    others = [found for found in fit if found is not chosen and sure[found.name] >= OTHERS]
    return Choice(ecosystem=chosen, reason=_reason(chosen, others))


def recognise(directory: Path) -> Ecosystem:
    """The ecosystem that is surest of the project in `directory`. Raises UsageError."""
    return choose(directory).ecosystem


def _reason(chosen: Ecosystem, others: Sequence[Ecosystem]) -> str:
    reason = f"{chosen.title} ({chosen.recognised_by})"
    if others:
        names = ", ".join(f"{found.title} ({found.recognised_by})" for found in others)
        reason += f", not {names}; `--ecosystem {others[0].name}` chooses otherwise"
    return reason


def _likely_kind(directory: Path) -> str | None:
    """What a directory further down is; files that any project may have do not count there."""
    for found in ecosystems().values():
        if found.confidence(directory) >= OTHERS:
            return f"{found.title} ({found.recognised_by})"
    return None


def _named(name: str, known: Mapping[str, Ecosystem]) -> Ecosystem:
    if name in known:
        return known[name]
    close = nearest(name, sorted(known), cutoff=0.5)
    raise UsageError(
        f"there is no ecosystem {name!r}",
        cause=f"known are {', '.join(sorted(known))}",
        fix=Correction(close, wrong=name, option="--ecosystem") if close else None,
    )
