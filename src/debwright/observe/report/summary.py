"""What stands on the terminal when a run is over."""

from typing import TYPE_CHECKING

from debwright.host.files import human_seconds, human_size
from debwright.model.errors import printable
from debwright.model.results import RunResult, Severity, Status, TargetResult
from debwright.model.standing import HERE, Standing
from debwright.observe.report import view

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

EVIDENCE_LINES = 8
FINDINGS_SHOWN = 5
SKIPS_SHOWN = 12

COLUMNS = ("target", "result", "strategy", "checks", "findings", "packages", "time")
NUMBERS = frozenset({"checks", "packages", "time"})
DROPPED = (
    frozenset[str](),
    frozenset({"packages"}),
    frozenset({"packages", "strategy"}),
    frozenset({"packages", "strategy", "findings"}),
)
"""What a table goes without on a narrow terminal, step by step."""

STYLES = {
    Status.PASSED: "green",
    Status.CACHED: "green",
    Status.FAILED: "bold red",
    Status.SKIPPED: "yellow",
}
SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def summary_table(result: RunResult, console: "Console", standing: Standing = HERE) -> None:
    """Print the table of targets, a paragraph for each failure, what was skipped, and how to
    install. Commands and paths are those that somebody types who is `standing` there.
    """
    console.print()
    if result.parts:
        console.print(_table(result, console))
    for failure in view.failures(result, standing.dist, typed=standing.dist):
        _print_failure(failure, console, standing)
    _print_skips(result, console, standing)
    for note in result.notes:
        console.print(_text(("note: ", "cyan"), standing.typed(note)))
    if result.ok:
        _print_install(result, console)
    _print_verdict(result, console, standing.dist)


def _text(*parts: str | tuple[str, str]) -> "Text":
    """Untrusted text for the console: control characters visible, no markup."""
    from rich.text import Text

    assembled = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        assembled.append(printable(text), style=style)
    return assembled


def _table(result: RunResult, console: "Console") -> "Table":
    """With as many columns as the terminal has room for; a target's name is to be copied whole."""
    for without in DROPPED:
        table = _columns(result, without)
        if console.measure(table).maximum < console.width:
            break
    table.columns[0].min_width = min(
        max(len(t.target) for t in result.parts), console.width * 2 // 3
    )
    return table


def _columns(result: RunResult, without: frozenset[str]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in COLUMNS:
        if name not in without:
            number = name in NUMBERS
            table.add_column(
                name, overflow="fold", no_wrap=number, justify="right" if number else "left"
            )
    for target in result.parts:
        cells = zip(COLUMNS, _cells(target), strict=True)
        table.add_row(*(cell for name, cell in cells if name not in without))
    return table


def _cells(target: TargetResult) -> list["Text"]:
    status = view.target_status(target)
    failed = [s.stage for s in target.stages if s.status is Status.FAILED]
    word = {Status.CACHED: "unchanged", Status.SKIPPED: "not proven"}.get(status, status.value)
    packages = view.debs(target.artifacts)
    passed = sum(c.status.ok for c in target.checks)
    findings = [
        view.plural(n, severity.value)
        for severity in (Severity.ERROR, Severity.WARNING)
        if (n := view.count_findings(target.checks, severity))
    ]
    return [
        _text((target.target, "bold")),
        _text((f"{word} at {failed[0]}" if failed else word, STYLES[status])),
        _text(target.strategy),
        _text(f"{passed} of {len(target.checks)}" if target.checks else "none"),
        _text(", ".join(findings)),
        _text(human_size(sum(a.size for a in packages)) if packages else ""),
        _text(human_seconds(sum(s.seconds for s in target.stages))),
    ]


def _print_failure(failure: view.Failure, console: "Console", standing: Standing) -> None:
    console.print()
    console.print(_text((f"{failure.where} failed: ", "bold red"), (failure.what, "bold")))
    for finding in failure.findings[:FINDINGS_SHOWN]:
        if finding.message != failure.what:
            style = SEVERITY_STYLES[finding.severity]
            _indented(console, ("error: ", style), f"{printable(finding.message)} [{finding.code}]")
        for line in view.evidence_lines(finding.evidence, EVIDENCE_LINES):
            _indented(console, ("| ", "dim"), line[:1000], left=4, wrap=False)
        if finding.fix and finding.fix != failure.next:
            _indented(console, ("fix: ", "green"), standing.typed(finding.fix))
    if (more := len(failure.findings) - FINDINGS_SHOWN) > 0:
        _indented(console, f"and {more} more in the report")
    if failure.log:
        _indented(console, ("log: ", "cyan"), str(standing.dist / failure.log), wrap=False)
    _indented(console, ("next: ", "cyan"), (standing.typed(failure.next), "bold"), wrap=False)


def _indented(
    console: "Console", *parts: str | tuple[str, str], left: int = 2, wrap: bool = True
) -> None:
    """A line set in. What is to be copied is not wrapped, and nothing is outside a terminal."""
    from rich.padding import Padding

    if wrap and console.is_terminal:
        console.print(Padding(_text(*parts), (0, 0, 0, left), expand=False))
    else:
        console.print(_text(" " * left, *parts), soft_wrap=True)


def _print_skips(result: RunResult, console: "Console", standing: Standing) -> None:
    skips = view.skips_together(result)
    if not skips:
        return
    console.print()
    console.print(_text(("skipped, so not proven:", "yellow")))
    for skip in skips[:SKIPS_SHOWN]:
        _indented(console, standing.typed(skip))
    if len(skips) > SKIPS_SHOWN:
        _indented(console, f"and {len(skips) - SKIPS_SHOWN} more in the report")


def _print_install(result: RunResult, console: "Console") -> None:
    if result.apt_sources:
        console.print()
        console.print(
            _text(
                ("to install, as /etc/apt/sources.list.d/", "cyan"),
                result.package,
                (".sources:", "cyan"),
            )
        )
        for line in result.apt_sources.strip().splitlines():
            _indented(console, line, wrap=False)
    if result.signing_note:
        console.print(_text(("signing: ", "cyan"), result.signing_note))


def _print_verdict(result: RunResult, console: "Console", dist: "Path") -> None:
    verdict = view.verdict(result)
    console.print()
    title = f"{result.package} {result.version}: "
    console.print(_text(title, (verdict.headline, STYLES[verdict.status]), f" ({verdict.detail})"))
    report = dist / result.version / "report.html"
    if report.is_file():
        console.print(_text(f"report: {report}"), soft_wrap=True)
