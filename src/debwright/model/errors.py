"""What can go wrong, said so that a person can act on it.

Every error a user may meet carries four things: what happened, the evidence, the likely
cause, and the next command to type. `render` is the only place that lays them out.
"""

import errno
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from debwright.model.fix import Command


class ExitCode(IntEnum):
    """What the process, and each stage that failed, ends with; `meaning` is for the reference."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> "ExitCode":
        made = int.__new__(cls, number)
        made._value_, made.meaning = number, meaning
        return made

    SUCCESS = 0, "success"
    FAILED = 1, "general error"
    USAGE = 2, "bad arguments or configuration"
    BUILD = 3, "build failed"
    CHECK = 4, "validation failed"
    MISSING = 5, "the environment lacks something"
    INTERRUPTED = 130, "interrupted"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One piece of proof: a line of a file or of a command's output."""

    text: str
    file: str | None = None
    # The bound is for the models that hold evidence; pydantic itself is slow to load.
    line: int | None = field(default=None, metadata={"ge": 1})

    def where(self) -> str:
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class DebwrightError(Exception):
    """Base of all errors debwright reports; `exit_code` is the process's exit status."""

    exit_code = ExitCode.FAILED

    def __init__(
        self,
        what: str,
        *,
        evidence: Sequence[Evidence] = (),
        cause: str | None = None,
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.evidence = tuple(evidence)
        self.cause = cause
        self.fix = fix

    def in_one_line(self) -> str:
        """What happened and what to do, as a reason within other text."""
        return f"{self.what}: {self.fix}" if self.fix else self.what

    def render(self) -> str:
        """The error as plain text, safe to print: control characters are made visible."""
        lines = [self.what]
        for item in self.evidence:
            prefix = f"{item.where()}: " if item.where() else ""
            lines.append(f"  | {prefix}{item.text}")
        if self.cause:
            lines.append(f"  likely cause: {self.cause}")
        if self.fix:
            lines.append(f"  next: {self.fix}")
        return printable("\n".join(lines))


class UsageError(DebwrightError):
    """Bad arguments."""

    exit_code = ExitCode.USAGE


class ConfigError(DebwrightError):
    """debwright.toml is wrong."""

    exit_code = ExitCode.USAGE


class BuildError(DebwrightError):
    """A package did not build."""

    exit_code = ExitCode.BUILD


class CheckError(DebwrightError):
    """A package built, but is not fit to be published."""

    exit_code = ExitCode.CHECK


class MissingError(DebwrightError):
    """Something that debwright needs is missing on this machine, or in the network."""

    exit_code = ExitCode.MISSING


def from_os_error(error: OSError) -> DebwrightError:
    """What the operating system refused, in the form of all other errors."""
    said = error.strerror or str(error)
    where = [Evidence(text=str(error.filename))] if error.filename is not None else []
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MissingError(
            "the disk is full", evidence=where, cause=said,
            fix=Command("debwright", "cache", "prune"),
        )  # fmt: skip
    return DebwrightError(f"a file cannot be used: {said}", evidence=where)


def internal_error(error: Exception) -> DebwrightError:
    """A mistake of debwright's own, with the places it went through instead of a traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    said = " ".join(str(error).split())[:500]
    return DebwrightError(
        f"debwright itself failed: {type(error).__name__}" + (f": {said}" if said else ""),
        evidence=[
            Evidence(text=f.line or f.name, file=_module(f.filename), line=f.lineno)
            for f in frames[-3:]
        ],
        cause="a mistake in debwright, which did not foresee this",
        fix="the same command with DEBWRIGHT_DEBUG=1 shows the whole traceback, for a bug report",
    )


def _module(filename: str) -> str:
    """A module's path from its package on: where it is installed says nothing."""
    parts = filename.replace("\\", "/").split("/")
    marks = [n for n, part in enumerate(parts) if part in ("site-packages", "src", "debwright")]
    return "/".join(parts[marks[0] :]) if marks else parts[-1]


def printable(text: str) -> str:
    """Replace control characters other than newline and tab.

    Logs and package content are untrusted: an escape sequence in them must not reach the
    terminal, and a carriage return must not hide what stands before it.
    """
    return "".join(
        c if c in "\n\t" or (c.isprintable() and c not in "\u2028\u2029") else f"\\x{ord(c):02x}"
        for c in text
    )
