"""A CI service that workflows are written for, and finding it.

A module or package below `providers` makes one: an instance of `Provider`. The key
`workflows.provider` of debwright.toml names the one that is meant.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from debwright.ci.context import Context
from debwright.ci.local import LocalRunner
from debwright.ci.needs import Need
from debwright.config import LoadedConfig
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.registry import instances


@dataclass(frozen=True, kw_only=True)
class File:
    """A file to be written; `path` is relative to the top of the repository."""

    path: str
    text: str
    executable: bool = False


class Provider:
    """A CI service: what is written for it, and how debwright speaks with it."""

    name: ClassVar[str]
    """As `workflows.provider` has it."""
    title: ClassVar[str]
    """Its name as people write it."""
    local: ClassVar[LocalRunner | None] = None
    """What runs its workflows on this machine."""

    def files(self, context: Context) -> Iterable[File]:
        """What `debwright workflows sync` writes. Raises UsageError."""
        raise NotImplementedError

    def linters(self, files: Sequence[Path]) -> Iterable[Sequence[str | Path]]:  # noqa: ARG002
        """Commands that find mistakes in the written `files`, run at the top of the repository."""
        return ()

    def needs(self, context: Context, loaded: LoadedConfig) -> Iterable[Need]:  # noqa: ARG002
        """What the repository must have on the service; nobody is asked for it."""
        return ()

    def look_at(self, needs: Sequence[Need], loaded: LoadedConfig) -> Sequence[Need]:  # noqa: ARG002
        """The same `needs` with what the service says of each.

        Raises DebwrightError where it cannot be asked.
        """
        raise DebwrightError(f"{self.title} cannot be asked for its settings")

    def to_fetch(self, artifact: str, environ: Mapping[str, str]) -> str | None:  # noqa: ARG002
        """The shell's line with which a person fetches `artifact` of this run into preview/.

        None where the run, or the way to its artifacts, is not known.
        """
        return None

    def is_running(self, environ: Mapping[str, str]) -> bool:  # noqa: ARG002
        """Whether this process is a step of one of its jobs."""
        return False

    def write_outputs(self, values: Mapping[str, str], environ: Mapping[str, str]) -> None:
        """Give `values` to the steps and jobs after this one, in such a job."""
        raise NotImplementedError

    def append_summary(self, text: str, environ: Mapping[str, str]) -> None:
        """Add Markdown to what the service shows of the run, in such a job."""
        raise NotImplementedError


def providers() -> Mapping[str, Provider]:
    """Every provider by its name."""
    return {found.name: found for found in instances("debwright.ci.providers", Provider)}


def provider_named(name: str) -> Provider:
    """The one that `workflows.provider` names. Raises UsageError."""
    known = providers()
    if name not in known:
        raise UsageError(
            f"workflows.provider names {name}, and debwright writes no workflows for it",
            cause=f"known are: {', '.join(sorted(known))}",
            fix='[workflows] provider = "github"',
        )
    return known[name]


def write_outputs(values: Mapping[str, str], environ: Mapping[str, str] | None = None) -> None:
    """Give a later step `values`, where this is a step of a workflow.

    A value with a line break could be read as another one, so it is refused. Raises
    DebwrightError, OSError.
    """
    for name, value in values.items():
        if any(c in value for c in "\r\n\0"):
            raise DebwrightError(f"the output {name} would have several lines", cause=repr(value))
    environ = os.environ if environ is None else environ
    for provider in _running(environ):
        provider.write_outputs(values, environ)


def append_summary(text: str, environ: Mapping[str, str] | None = None) -> None:
    """Add Markdown to the summary of the run, where this is a step of a workflow."""
    environ = os.environ if environ is None else environ
    for provider in _running(environ):
        provider.append_summary(text, environ)


def to_fetch(artifact: str, environ: Mapping[str, str] | None = None) -> str | None:
    """How a person fetches an artifact of this run, where this is a step of a workflow."""
    environ = os.environ if environ is None else environ
    lines = (provider.to_fetch(artifact, environ) for provider in _running(environ))
    return next((line for line in lines if line is not None), None)


def _running(environ: Mapping[str, str]) -> Iterator[Provider]:
    return (p for p in providers().values() if p.is_running(environ))
