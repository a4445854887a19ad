"""Timestamped lines, for logs and pipes."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from debwright.host.files import human_seconds
from debwright.model.results import RunResult, StageResult, Status
from debwright.model.standing import HERE, Standing
from debwright.observe.console.stream import SafeStream, make_console, one_line

EVIDENCE_LINES = 8

RUN = "run"
"""How a stage that belongs to no target is shown."""


class PlainReporter:
    """Stage starts and ends and notes; with `verbose`, activities and output lines too."""

    def __init__(
        self,
        stream: TextIO,
        *,
        environ: Mapping[str, str] | None = None,
        verbose: bool = False,
        now: Callable[[], datetime] = datetime.now,
        standing: Standing = HERE,
    ) -> None:
        self._stream = SafeStream(stream)
        self._environ = os.environ if environ is None else environ
        self._verbose = verbose
        self._now = now
        self._standing = standing
        self._lock = threading.Lock()
        self._target_width = len(RUN)
        self._stage_width = 7

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None:
        self._target_width = max(len(RUN), *(len(one_line(t, 40)) for t in targets), 0)
        self._stage_width = max(self._stage_width, *(len(one_line(s, 20)) for s in stages), 0)
        self._say(None, "", title)

    def stage_started(self, target: str | None, stage: str) -> None:
        self._say(target, stage, "started")

    def activity(self, target: str | None, stage: str, text: str) -> None:
        if self._verbose:
            self._say(target, stage, text)

    def line(self, target: str | None, stage: str, text: str) -> None:
        if self._verbose:
            self._say(target, stage, f"| {text}")

    def stage_finished(self, target: str | None, result: StageResult) -> None:
        self._say(target, result.stage, *describe(result, self._standing))

    def note(self, text: str) -> None:
        self._say(None, "note", *self._standing.typed(text).splitlines())

    def end(self, result: RunResult) -> None:
        from debwright.observe.report.summary import summary_table

        with self._lock:
            summary_table(result, make_console(self._stream, self._environ), self._standing)
            self._stream.flush()

    def close(self) -> None:
        """Nothing to restore."""

    def _say(self, target: str | None, stage: str, *texts: str) -> None:
        head = (
            f"{self._now():%H:%M:%S} {one_line(target or RUN, 40):<{self._target_width}} "
            f"{one_line(stage, 20):<{self._stage_width}}"
        )
        lines = "".join(f"{head} {one_line(text)}".rstrip() + "\n" for text in texts)
        with self._lock:
            self._stream.write(lines)
            self._stream.flush()


def describe(result: StageResult, standing: Standing = HERE) -> list[str]:
    """How a stage ended, in lines: untrusted text, not yet made printable."""
    word = {Status.CACHED: "unchanged"}.get(result.status, result.status.value)
    lines = [word]
    if result.status is not Status.SKIPPED:
        lines[0] += f" in {human_seconds(result.seconds)}"
    error = result.error
    if error is not None:
        from debwright.observe.report.causes import findings_of
        from debwright.observe.report.view import evidence_lines

        lines[0] += f": {error.message}"
        lines += [f"  | {line}" for line in evidence_lines(error.evidence, EVIDENCE_LINES)]
        for cause in findings_of(result.details.diagnosis)[:1]:
            lines.append(f"  diagnosis: {cause.message} [{cause.code}]")
            lines += [f"  | {line}" for line in evidence_lines(cause.evidence, EVIDENCE_LINES)]
            lines += [f"  to do: {standing.typed(cause.fix)}"] if cause.fix else []
        if error.fix:
            lines.append(f"  next: {standing.typed(error.fix)}")
    elif result.reason:
        lines[0] += f": {standing.typed(result.reason)}"
    return lines
