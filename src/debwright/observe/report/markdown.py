"""The report as GitHub Flavored Markdown: for a step summary, a release, an issue.

Text from logs and packages is untrusted: it stands only in code spans, in fenced blocks whose
fence is longer than any run of backticks inside, or escaped (GFM spec 0.29, sections 2.4 and
4.5).
"""

import re
from collections.abc import Iterable, Iterator

from debwright.host.files import human_seconds, human_size
from debwright.model.errors import printable
from debwright.model.results import Finding, RunResult, Severity, Status
from debwright.observe.report import view

STEP_SUMMARY_LIMIT = 1024 * 1024
"""Bytes GitHub takes of one step's summary; more and it shows none of it."""

EVIDENCE_LINES = 30
EVIDENCE_CHARACTERS = 4000
FINDINGS_PER_TARGET = 50

GLYPHS = {
    Status.PASSED: "✅ passed",
    Status.CACHED: "✅ unchanged",
    Status.FAILED: "❌ failed",
    Status.SKIPPED: "⏭️ skipped",
}
MARKS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.INFO: "ℹ️"}  # noqa: RUF001


def escape(text: str, limit: int = 500) -> str:
    """Untrusted text as one line of Markdown text that is only text, also in a table cell."""
    flat = " ".join(printable(text).split())
    if len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = re.sub(r"([\\`*_{}\[\]()#+\-!~$])", r"\\\1", flat)
    # Parsers disagree on a backslash before a bar in a table; none splits at an entity.
    flat = flat.replace("|", "&#124;")
    flat = unlinked(flat)
    # A number and a dot at the start of a line would begin a list.
    return re.sub(r"^(\d+)\.", r"\1\\.", flat)


def unlinked(text: str) -> str:
    """Escaped text in which nothing becomes a link by itself, and nobody is notified.

    GitHub makes links of `@name`, `#1`, `GH-1`, addresses of web and mail wherever they stand
    (GFM spec 0.29, section 6.9). An empty comment in them is not shown, and takes them apart.
    """
    text = re.sub(r"@(?=\w)", "@<!-- -->", text)
    text = re.sub(r"(\\#)(?=\d)", r"\1<!-- -->", text)
    text = re.sub(r"\b(GH\\?-)(?=\d)", r"\1<!-- -->", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=\w):(?=//)", ":<!-- -->", text)
    return re.sub(r"\bwww\.", "www<!-- -->.", text, flags=re.IGNORECASE)


def cell(text: str) -> str:
    """Untrusted text in the fixed-width face inside a table cell.

    A code span will not do: a bar ends the cell even there.
    """
    return f"<code>{escape(text)}</code>"


def code(text: str, limit: int = 300) -> str:
    """Untrusted text as a code span, for use outside tables."""
    flat = " ".join(printable(text).split())
    if len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    if not flat:
        return ""
    fence = "`" * (_longest_run(flat) + 1)
    pad = " " if flat[0] == "`" or flat[-1] == "`" else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fenced(text: str, language: str = "text") -> str:
    """Untrusted lines as a fenced code block."""
    clean = printable(text)
    fence = "`" * max(3, _longest_run(clean) + 1)
    return f"{fence}{language}\n{clean}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def render(result: RunResult, limit: int | None = None) -> str:
    """The whole report. With `limit` (bytes), later parts are left out and that is said."""
    parts: list[str] = []
    used = 0
    left_out = 0
    for part in _parts(result):
        size = len(part.encode("utf-8", "replace")) + 1
        if limit is not None and used + size > limit - 200:
            left_out += 1
            continue
        parts.append(part)
        used += size
    if left_out:
        parts.append(f"_{view.plural(left_out, 'part')} left out here: see `report.html`._\n")
    return "\n".join(parts)


def _parts(result: RunResult) -> Iterator[str]:
    """The report in pieces that can each be left out without breaking the others."""
    yield _head(result)
    for failure in view.failures(result):
        yield _failure(failure)
    if result.parts:
        yield _targets(result)
        yield _artifacts(result)
    yield _skipped(result)
    yield _stages(result)
    yield from _findings(result)
    yield _install(result)
    if result.notes:
        yield "### Notes\n\n" + "\n".join(f"- {escape(n, 2000)}" for n in result.notes) + "\n"


def _head(result: RunResult) -> str:
    verdict = view.verdict(result)
    mark = {Status.FAILED: "❌", Status.SKIPPED: "⏭️"}.get(verdict.status, "✅")
    facts = [
        human_seconds(result.seconds),
        f"on {escape(result.host)}",
        f"debwright {escape(result.debwright)}",
    ]
    if result.commit:
        facts.insert(0, f"commit {code(result.commit[:12])}")
    return (
        f"## {mark} {escape(result.package)} {escape(result.version)}: {verdict.headline}\n\n"
        f"{verdict.detail}  \n{' · '.join(facts)}\n"
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    return _row(head) + _row("---" for _ in head) + "".join(_row(row) for row in rows)


def _targets(result: RunResult) -> str:
    rows = []
    for target in result.parts:
        packages = view.debs(target.artifacts)
        passed = sum(c.status.ok for c in target.checks)
        rows.append(
            [
                cell(target.target),
                GLYPHS[view.target_status(target)],
                escape(f"{target.strategy}: {target.strategy_reason}"),
                f"{passed} of {len(target.checks)}",
                human_size(sum(a.size for a in packages)) if packages else "",
                human_seconds(sum(s.seconds for s in target.stages)),
            ]
        )
    head = ["Target", "Result", "Strategy", "Checks passed", "Packages", "Time"]
    return f"### Targets, version {escape(result.version)}\n\n" + _table(head, rows)


def _artifacts(result: RunResult) -> str:
    rows = [
        [
            cell(target.target),
            cell(view.base_name(a.path)),
            human_size(a.size),
            cell(a.sha256),
        ]
        for target in result.parts
        for a in view.debs(target.artifacts)
    ]
    if not rows:
        return ""
    return "### Packages\n\n" + _table(["Target", "File", "Size", "SHA-256"], rows)


def _failure(failure: view.Failure) -> str:
    text = f"### ❌ {escape(failure.where)}\n\n{escape(failure.what, 2000)}\n\n"
    headline = failure.findings[0] if len(failure.findings) == 1 else None
    for finding in failure.findings[:FINDINGS_PER_TARGET]:
        if finding is headline and finding.message == failure.what:
            text += _evidence(finding)
        else:
            text += _finding(finding)
    if more := len(failure.findings) - FINDINGS_PER_TARGET:
        text += f"{more} more: see `report.html`.\n\n" if more > 0 else ""
    if failure.log:
        text += f"Log: {code('dist/' + failure.log)}\n\n"
    text += f"Next:\n\n{fenced(failure.next, 'sh')}"
    return text


def _finding(finding: Finding) -> str:
    text = f"{MARKS[finding.severity]} {escape(finding.message, 2000)} ({code(finding.code)})\n\n"
    return text + _evidence(finding)


def _evidence(finding: Finding) -> str:
    text = "\n".join(view.evidence_lines(finding.evidence, EVIDENCE_LINES))
    if len(text) > EVIDENCE_CHARACTERS:
        text = text[:EVIDENCE_CHARACTERS] + "\n[more in report.html]"
    block = f"{fenced(text)}\n" if text else ""
    return block + (f"→ {escape(finding.fix, 2000)}\n\n" if finding.fix else "")


def _skipped(result: RunResult) -> str:
    rows = [[cell(s.target or "run"), escape(s.name), escape(s.reason)] for s in view.skips(result)]
    if not rows:
        return ""
    return "### Not checked\n\n" + _table(["Target", "What", "Why"], rows)


def _stages(result: RunResult) -> str:
    rows = [
        [cell(name), escape(s.stage), GLYPHS[s.status], human_seconds(s.seconds)]
        for name, stages in (
            ("run", result.stages),
            *((t.target, t.stages) for t in result.parts),
        )
        for s in stages
    ]
    if not rows:
        return ""
    table = _table(["Target", "Stage", "Result", "Time"], rows)
    return f"<details><summary>Stages and times</summary>\n\n{table}\n</details>\n"


def _findings(result: RunResult) -> Iterator[str]:
    """What checks had to say without failing their stage: errors of failures stand above."""
    shown = {id(f) for failure in view.failures(result) for f in failure.findings}
    for target in result.parts:
        rest = [f for c in target.checks for f in c.findings if id(f) not in shown]
        if not rest:
            continue
        yield f"### Findings on {code(target.target)}\n"
        for finding in rest[:FINDINGS_PER_TARGET]:
            yield _finding(finding)
        if len(rest) > FINDINGS_PER_TARGET:
            yield f"{len(rest) - FINDINGS_PER_TARGET} more: see `report.html`.\n"


def _install(result: RunResult) -> str:
    text = ""
    if result.apt_sources:
        text += f"### Install\n\n{fenced(result.apt_sources.strip())}\n"
    if result.signing_note or result.signing_key:
        key = f"Signed with {code(result.signing_key)}. " if result.signing_key else ""
        text += f"{key}{escape(result.signing_note or '', 2000)}\n"
    return text
