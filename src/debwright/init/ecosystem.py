"""What `init` knows of a language or a kind of project, and finding it.

A module or package below `ecosystems` makes one: an instance of `Ecosystem`.
"""

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from debwright.init.model import Answers, Project
from debwright.model.errors import UsageError
from debwright.model.registry import instances

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


class Ecosystem:
    """A kind of project: how it is recognised, and what a package of it is made of."""

    name: ClassVar[str]
    title: ClassVar[str]
    """Its name as people write it."""
    recognised_by: ClassVar[str]
    """What a directory of the kind has, for messages and pages."""

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


def recognise(directory: Path) -> Ecosystem:
    """The ecosystem that is surest of the project in `directory`. Raises UsageError."""
    known = ecosystems().values()
    sure = {found: found.confidence(directory) for found in known}
    best = max(known, key=lambda found: sure[found], default=None)
    if best is None or sure[best] is Confidence.NONE:
        kinds = ", ".join(f"{found.title} ({found.recognised_by})" for found in known)
        raise UsageError(
            f"{directory} has no project that init knows",
            cause=f"debwright init packages {kinds}; others bring their own debian/",
            fix="debwright init PROJECT_DIRECTORY",
        )
    return best
