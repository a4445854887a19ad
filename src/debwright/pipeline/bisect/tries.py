"""Trying one candidate: the sources as they were then, built and checked by debwright itself."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.host import process
from debwright.host.git import clone, git
from debwright.host.process import Completed
from debwright.model.errors import printable
from debwright.model.results import RunResult
from debwright.pipeline.bisect.search import Answer, Try
from debwright.pipeline.bisect.symptom import Symptom

REPORT = "report.json"
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Laboratory:
    """A clone of the repository, in which each try is made; the project's own tree is left alone.

    What is not committed is not in it.
    """

    place: Path
    """An empty directory for all of it."""
    below: Path
    """The project's directory in the repository."""
    symptom: Symptom
    patterns: Sequence[str] = ()
    prepare: str | None = None
    """A command for `sh`, which has the candidate as `$1` and works in the project."""

    @classmethod
    def of(
        cls, project: Path, place: Path, symptom: Symptom, patterns: Sequence[str],
        prepare: str | None = None,
    ) -> "Laboratory":  # fmt: skip
        """Clone the repository that `project` is in. Raises NotARepository."""
        top = Path(git(project, "rev-parse", "--show-toplevel").output.rstrip("\n"))
        clone(top, place / "clone")
        below = project.resolve().relative_to(top.resolve())
        return cls(
            place=place, below=below, symptom=symptom, patterns=tuple(patterns), prepare=prepare
        )

    def commit(self, revision: str) -> Try:
        """The sources of a commit."""
        self._at(revision)
        return self._try(revision)

    def value(self, value: str, revision: str) -> Try:
        """The sources of a commit, made ready for a value by `prepare`."""
        self._at(revision)
        assert self.prepare is not None
        done = process.run(
            ["sh", "-c", self.prepare, "sh", value], cwd=self._project, merge=True, check=False
        )
        if done.returncode != 0:
            last = tuple(printable(line) for line in done.tail(SHOWN))
            text = f"the command that prepares it ended with status {done.returncode}"
            return Try(name=value, answer=Answer.UNKNOWN, said=text, evidence=last)
        return self._try(value)

    @property
    def _project(self) -> Path:
        return self.place / "clone" / self.below

    def _at(self, revision: str) -> None:
        clone_ = self.place / "clone"
        git(clone_, "checkout", "--quiet", "--force", "--detach", revision, "--")
        git(clone_, "clean", "--quiet", "-ffdx")

    def _try(self, name: str) -> Try:
        started = time.monotonic()
        output = self.place / "dist"
        shutil.rmtree(output, ignore_errors=True)
        verb = "build" if self.symptom.by_building else "check"
        wanted = [word for pattern in self.patterns for word in ("-t", pattern)]
        done = process.run(
            [sys.executable, "-m", "debwright", "-C", self._project, "-o", output, "--json",
             verb, *wanted],
            check=False,
        )  # fmt: skip
        answer, said, evidence = self._judged(output, done)
        return Try(
            name=name, answer=answer, said=said, evidence=evidence,
            seconds=time.monotonic() - started,
        )  # fmt: skip

    def _judged(self, output: Path, done: Completed) -> tuple[Answer, str, tuple[str, ...]]:
        reports = sorted(output.glob(f"*/{REPORT}"))
        if not reports:
            return Answer.UNKNOWN, *_refused(done)
        result = RunResult.model_validate_json(reports[0].read_bytes())
        answer, finding = self.symptom.seen_in(result)
        if finding is None:
            return answer, "passed" if answer is Answer.GOOD else "it was not looked for", ()
        lines = tuple(printable(e.text) for e in finding.evidence[:SHOWN])
        return answer, f"{finding.code}: {printable(finding.message)}", lines


def _refused(done: Completed) -> tuple[str, tuple[str, ...]]:
    """Why there was no run."""
    try:
        error = json.loads(done.output)["error"]
        return printable(str(error["what"])), tuple(printable(e["text"]) for e in error["evidence"])
    except (ValueError, KeyError, TypeError):
        said = tuple(printable(line) for line in done.tail(SHOWN))
        return f"debwright ended with status {done.returncode}", said
