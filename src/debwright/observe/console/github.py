"""GitHub Actions: folded groups, annotations and the step summary.

The runner reads commands from a step's output: `::name key=value::data` at the start of a
line, and the older `##[name]data` anywhere in one (GitHub's "Workflow commands for GitHub
Actions", and ActionCommand.cs of actions/runner). A build's output is untrusted, so it is
printed only between `::stop-commands::TOKEN` and `::TOKEN::` with a token it cannot know.
"""

import io
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from debwright.host.files import human_seconds
from debwright.model.errors import DebwrightError, printable
from debwright.model.results import Finding, RunResult, Severity, StageResult, Status
from debwright.model.standing import HERE, Standing
from debwright.observe.console.plain import EVIDENCE_LINES, RUN, describe
from debwright.observe.console.stream import Ring, SafeStream, make_console, one_line
from debwright.observe.report.view import Quote, evidence_lines

LINES_KEPT = 4000
"""Output lines kept of a stage; the whole is in its log file."""

ACTIVITIES_SHOWN = 40
ANNOTATIONS = 10
"""GitHub shows at most ten errors and ten warnings of a step."""

MESSAGE_LIMIT = 4000
SUMMARY_WIDTH = 120
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def escape_data(text: str) -> str:
    """Text as a command's data: one line, whatever it holds."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Text as the value of a command's property."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def inert(text: str) -> str:
    """Text as one log line that is no command."""
    clean = _unmarked(one_line(text))
    return f"| {clean}" if clean.lstrip().startswith("::") else clean


def _unmarked(line: str) -> str:
    """The page that shows a log reads `##[group]` and its like whatever the runner made of it."""
    return line.replace("##[", "## [")


def stopped(lines: Iterable[str]) -> list[str]:
    """Untrusted lines between a stop command and its end."""
    token = secrets.token_hex(16)
    clean = (_unmarked(one_line(line)) for line in lines)
    return [f"::stop-commands::{token}", *clean, f"::{token}::"]


def annotation(
    severity: Severity,
    title: str,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
) -> str:
    """The command that makes an annotation."""
    properties = {"title": title[:200]}
    if file is not None:
        properties = {"file": file, **({"line": str(line)} if line else {}), **properties}
    text = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
    return f"::{LEVELS[severity]} {text}::{escape_data(message[:MESSAGE_LIMIT])}"


def _message(what: str, evidence: Sequence[Quote], fix: str | None) -> str:
    lines = [what, *(line[:500] for line in evidence_lines(evidence, EVIDENCE_LINES))]
    return "\n".join([*lines, f"next: {fix}"] if fix else lines)


def _place(evidence: Sequence[Quote], environ: Mapping[str, str]) -> tuple[str | None, int | None]:
    """The first evidence that is a file of the checkout: elsewhere GitHub has nothing to show."""
    workspace = environ.get("GITHUB_WORKSPACE")
    if not workspace:
        return None, None
    root = Path(workspace).resolve()
    for item in evidence:
        if item.file is None or len(item.file) > 500:
            continue
        try:
            path = (root / item.file).resolve()
            if path.is_file() and path.is_relative_to(root):
                return str(path.relative_to(root)), item.line
        except (OSError, ValueError, RuntimeError):  # a NUL, a loop of links
            continue
    return None, None


def finding_annotation(
    where: str, finding: Finding, environ: Mapping[str, str], standing: Standing = HERE
) -> str:
    """A finding as an annotation, at the line of the checkout it is about if there is one."""
    file, line = _place(finding.evidence, environ)
    return annotation(
        finding.severity,
        f"{where}: {finding.code}",
        _message(finding.message, finding.evidence, standing.optional(finding.fix)),
        file=file,
        line=line,
    )


def error_lines(error: DebwrightError, environ: Mapping[str, str]) -> list[str]:
    """An error as log lines and an annotation."""
    file, line = _place(error.evidence, environ)
    cause = f"\nlikely cause: {error.cause}" if error.cause else ""
    message = _message(error.what + cause, error.evidence, error.fix)
    return [
        *stopped(f"error: {error.render()}".splitlines()),
        annotation(Severity.ERROR, error.what.split("\n", 1)[0], message, file=file, line=line),
    ]


class GitHubReporter:
    """One group for each stage of each target, printed whole when the stage is over.

    Targets run in parallel and the log is one stream, so output waits in a ring buffer until
    its stage ends; starts and activities show at once, in a line each.
    """

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
        self._buffers: dict[tuple[str | None, str], Ring] = {}
        self._activities: dict[tuple[str | None, str], list[str]] = {}
        self._annotated: set[tuple[str, str, str]] = set()
        self._counts = dict.fromkeys(Severity, 0)

    def begin(self, title: str, targets: Sequence[str], stages: Sequence[str]) -> None:
        self._say(f"{title}: {', '.join(targets)}; {', '.join(stages)}")

    def stage_started(self, target: str | None, stage: str) -> None:
        with self._lock:
            self._buffers[target, stage] = Ring(LINES_KEPT)
            self._activities[target, stage] = []
        self._say(f"{target or RUN} {stage}: started")

    def activity(self, target: str | None, stage: str, text: str) -> None:
        with self._lock:
            seen = self._activities.setdefault((target, stage), [])
            if text in seen[-1:] or len(seen) >= ACTIVITIES_SHOWN:
                return
            seen.append(text)
        self._say(f"{target or RUN} {stage}: {text}")

    def line(self, target: str | None, stage: str, text: str) -> None:
        with self._lock:
            self._buffers.setdefault((target, stage), Ring(LINES_KEPT)).append(text)

    def stage_finished(self, target: str | None, result: StageResult) -> None:
        where = f"{target or RUN} {result.stage}"
        with self._lock:
            buffer = self._buffers.pop((target, result.stage), Ring(1))
            self._activities.pop((target, result.stage), None)
            lines = self._group(where, result, buffer)
            if result.error is not None and result.status is Status.FAILED:
                lines += self._annotate(where, target, result.error)
            self._write(lines)

    def note(self, text: str) -> None:
        for line in self._standing.typed(text).splitlines():
            self._say(f"note: {line}")

    def end(self, result: RunResult) -> None:
        from debwright.observe.report.summary import summary_table

        self.close()
        summary = io.StringIO()
        console = make_console(SafeStream(summary), self._environ, width=SUMMARY_WIDTH)
        summary_table(result, console, self._standing)
        with self._lock:
            self._write([*stopped(summary.getvalue().splitlines()), *self._annotations(result)])
        self._append_summary(result)

    def close(self) -> None:
        """Print what waits of stages that did not end, as after Ctrl-C."""
        with self._lock:
            for (target, stage), buffer in self._buffers.items():
                title = f"{target or RUN} {stage}: interrupted"
                self._write(["::group::" + escape_data(title), *stopped(buffer), "::endgroup::"])
            self._buffers.clear()

    def _group(self, where: str, result: StageResult, buffer: Ring) -> list[str]:
        ending = describe(result, self._standing)
        summary = f"{where}: {ending[0]}"
        if not buffer:
            return [f"{self._now():%H:%M:%S} {inert(line)}" for line in (summary, *ending[1:])]
        title = f"{where}: {result.status.value}"
        if result.status is not Status.SKIPPED:
            title += f" in {human_seconds(result.seconds)}"
        lines = ["::group::" + escape_data(title)]
        if buffer.dropped:
            lines.append(f"[{buffer.dropped} earlier lines are in the log file only]")
        lines += [*stopped(buffer), "::endgroup::"]
        if result.status is Status.FAILED:
            # After the group: a reader must not have to unfold it to see why.
            lines += [inert(line) for line in (summary, *ending[1:])]
        return lines

    def _annotations(self, result: RunResult) -> list[str]:
        from debwright.observe.report.view import failures

        lines: list[str] = []
        for failure in failures(result):
            for finding in failure.findings:
                lines += self._annotate(
                    f"{failure.target or RUN} {failure.stage}", failure.target, finding
                )
        for target in result.parts:
            for check in target.checks:
                for finding in check.findings:
                    if finding.severity is not Severity.INFO:
                        lines += self._annotate(target.target, target.target, finding)
        over = sum(max(0, n - ANNOTATIONS) for n in self._counts.values())
        return [*lines, f"{over} more findings are in the report"] if over else lines

    def _annotate(self, where: str, target: str | None, finding: Finding) -> list[str]:
        key = (target or RUN, finding.code, finding.message)
        if key in self._annotated:
            return []
        self._annotated.add(key)
        self._counts[finding.severity] += 1
        if self._counts[finding.severity] > ANNOTATIONS:
            return []
        return [finding_annotation(where, finding, self._environ, self._standing)]

    def _append_summary(self, result: RunResult) -> None:
        """Append the Markdown report to the file GitHub names, within the size it takes."""
        from debwright.observe.report.markdown import STEP_SUMMARY_LIMIT, render

        name = self._environ.get("GITHUB_STEP_SUMMARY")
        if not name:
            return
        path = Path(name)
        try:
            used = path.stat().st_size if path.exists() else 0
            text = "\n" * bool(used) + render(result, limit=STEP_SUMMARY_LIMIT - used - 1)
            raw = text.encode("utf-8", "replace")
            if used + len(raw) <= STEP_SUMMARY_LIMIT:
                with path.open("ab") as file:
                    file.write(raw)
        except OSError as error:
            # The run itself is over and its report written: this must not fail it.
            self._say(f"the step summary cannot be written: {error.strerror}")

    def _say(self, text: str) -> None:
        line = f"{self._now():%H:%M:%S} {inert(text)}"
        with self._lock:
            self._write([line])

    def _write(self, lines: Iterable[str]) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()
