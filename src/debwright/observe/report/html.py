"""The report as one HTML page that needs nothing else; every value in it passes `printable`."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from debwright.host.files import human_seconds, human_size
from debwright.model.errors import printable
from debwright.model.fix import Command
from debwright.model.results import Evidence, Finding, RunResult, Severity
from debwright.observe import pages
from debwright.observe.report import view
from debwright.observe.report.timeline import Color, timeline

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = "debwright.observe.report"
EVIDENCE_LINES = 200
TAIL_LINES = 120
"""Of the log of a stage that failed; the whole is a link away."""
LINE_LIMIT = 2000
FINDINGS_SHOWN = 300
"""Of one check; all are in report.json."""


def render(
    result: RunResult,
    directory: Path | None = None,
    colors: Mapping[str, Color] = MappingProxyType({}),
) -> str:
    """The page. `directory` (`dist/VERSION`) is where it will stand, for links to logs.

    `colors` are the stages' own, in their order.
    """
    from markupsafe import Markup

    style = Markup(pages.resource(HERE, "templates/report.css"))  # noqa: S704 - of this package
    script = Markup(pages.resource(HERE, "templates/report.js"))  # noqa: S704
    name = directory.name if directory is not None else result.version
    checks = dict.fromkeys(c.name for t in result.parts for c in t.checks)
    dist = directory.parent if directory is not None else None
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            style=style,
            script=script,
            policy=pages.policy(style, script),
            verdict=view.verdict(result),
            failures=view.failures(result, dist),
            skips=view.skips(result),
            timeline=timeline(result, colors),
            matrix=_matrix(result, list(checks)),
            check_names=list(checks),
            target_status=view.target_status,
            href=lambda path: view.link(path, name),
            stage_log=lambda target, stage: view.find_log(result, target, stage, dist),
            tail=lambda path: _tail(dist, path),
            longest=lambda checks: max((c.seconds for c in checks), default=0.0),
            has_findings=any(c.findings for t in result.parts for c in t.checks),
        )
    )


@cache
def _environment() -> "Environment":
    environment = pages.environment(HERE, _visible)
    environment.filters.update(
        size=human_size,
        seconds=human_seconds,
        base_name=view.base_name,
        plural=view.plural,
        blocks=blocks,
        shown=lambda findings: findings[:FINDINGS_SHOWN],
        is_command=lambda fix: isinstance(fix, Command),
        by_severity=lambda fs: sorted(fs, key=lambda f: list(Severity).index(f.severity)),
        measurement=measurement,
        worst=worst,
    )
    return environment


def _visible(value: Any) -> Any:
    """Every value on its way into the page; markup of our own passes as it is."""
    from markupsafe import Markup

    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def blocks(finding: Finding) -> list[dict[str, Any]]:
    """Evidence as blocks of lines, one for each run of lines from the same file."""
    shown: Sequence[Evidence] = finding.evidence[:EVIDENCE_LINES]
    found = [
        {
            "file": file,
            "lines": [
                {"number": None if index else item.line, "text": _cut(text)}
                for item in items
                for index, text in enumerate(item.text.split("\n"))
            ],
        }
        for file, items in groupby(shown, key=lambda item: item.file)
    ]
    if more := len(finding.evidence) - len(shown):
        found.append({"file": None, "lines": [{"number": None, "text": f"[{more} more lines]"}]})
    return found


def _tail(dist: Path | None, path: str) -> list[str]:
    """The end of a log below `dist`; a path that leads out of it has none."""
    if dist is None or "\0" in path:
        return []
    place = (dist / path).resolve()
    if not place.is_relative_to(dist.resolve()):
        return []
    return [_cut(line) for line in view.log_tail(place, TAIL_LINES)]


def _cut(text: str) -> str:
    return text if len(text) <= LINE_LIMIT else text[:LINE_LIMIT] + "…"


def measurement(name: str, value: float) -> tuple[str, str]:
    """A measurement's name in words and its value with the unit its last word says."""
    words = name.split("_")
    if words[-1] == "seconds" and len(words) > 1:
        return " ".join(words[:-1]), human_seconds(value)
    if words[-1] == "bytes" and len(words) > 1:
        return " ".join(words[:-1]), human_size(int(value))
    return " ".join(words), f"{value:,.6g}"


def worst(findings: Sequence[Finding]) -> str | None:
    """The gravest severity among the findings."""
    present = {f.severity for f in findings}
    return next((s.value for s in Severity if s in present), None)


def _matrix(result: RunResult, names: list[str]) -> list[dict[str, Any]]:
    """One row for each check name, one cell for each target; None where it was not planned."""
    return [
        {
            "name": name,
            "cells": [
                next((c for c in target.checks if c.name == name), None) for target in result.parts
            ],
        }
        for name in names
    ]
