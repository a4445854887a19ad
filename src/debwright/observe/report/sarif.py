"""SARIF 2.1.0, as code scanning services take it.

Source: OASIS SARIF 2.1.0, and GitHub's "SARIF support for code scanning" for what is read of it:
one location for each result, at most 5,000 results shown, fingerprints to know a result again.
"""

import functools
import hashlib
import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from debwright.model.codes import Code, Codes
from debwright.model.errors import printable
from debwright.model.results import Finding, RunResult, Severity, StageResult, Status
from debwright.observe.report.view import evidence_lines

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MOST_RESULTS = 5000
EVIDENCE_LINES = 20
TEXT_LIMIT = 8000
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
NOWHERE = "debwright.toml"
"""Where a finding is shown that is about no file: a result without a place is not accepted."""

# GitHub's scale for security results: above 9 critical, above 7 high, above 4 medium.
_SECURITY = {
    "malware": "9.8", "secrets": "8.5", "vulnerabilities": "8.0", "hardening": "5.0",
    "files": "6.0",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A finding and what it was found in."""

    target: str | None
    check: str
    finding: Finding


def render(result: RunResult) -> str:
    """The run as SARIF: every finding once, waived ones as suppressed."""
    places = sorted(_places(result), key=lambda p: list(Severity).index(p.finding.severity))
    shown, left_out = places[:MOST_RESULTS], len(places) - MOST_RESULTS
    known = _declared() if shown else {}
    rules = list(dict.fromkeys(p.finding.code for p in shown))
    notices = list(_skipped(result))
    if left_out > 0:
        notices.append(_notice("warning", f"{left_out} more findings are in report.json"))
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "debwright",
                        "version": result.debwright,
                        "rules": [_rule(code, shown, known) for code in rules],
                    }
                },
                "automationDetails": {"id": f"debwright/{_text(result.package, 200)}/"},
                "invocations": [
                    {
                        "executionSuccessful": result.ok,
                        "startTimeUtc": result.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
                        "toolExecutionNotifications": notices,
                    }
                ],
                "results": [_result(place, rules) for place in shown],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # A file name that is not UTF-8 reaches us as lone surrogates, which a file cannot hold.
    return re.sub("[\ud800-\udfff]", lambda m: f"\\\\x{ord(m[0]):04x}", text) + "\n"


def _places(result: RunResult) -> Iterator[_Place]:
    for stage in result.stages:
        yield from _stage(None, stage)
    for part in result.parts:
        in_checks = {f for c in part.checks for f in c.findings}
        for stage in part.stages:
            # A check stage fails with the worst of its checks' findings.
            if stage.error not in in_checks:
                yield from _stage(part.target, stage)
        for check in part.checks:
            for finding in check.findings:
                yield _Place(target=part.target, check=check.name, finding=finding)


def _stage(target: str | None, stage: StageResult) -> Iterator[_Place]:
    if stage.error is not None:
        yield _Place(target=target, check=stage.stage, finding=stage.error)


def _declared() -> Mapping[str, Code]:
    """What the checks say of their codes."""
    from debwright.checks.registry import every_check  # only where something was found

    return functools.reduce(operator.or_, (c.declared for c in every_check()), Codes({}))


def _rule(code: str, places: Iterable[_Place], known: Mapping[str, Code]) -> dict[str, Any]:
    first = next(p for p in places if p.finding.code == code)
    area = code.split("/", 1)[0]
    tags = ["debian", _text(first.check, 100)]
    properties: dict[str, Any] = {"tags": tags}
    if area in _SECURITY:
        tags.append("security")
        properties["security-severity"] = _SECURITY[area]
    words = re.sub(r"[^A-Za-z0-9]+", " ", code).strip()
    return {
        "id": _text(code, 200),
        "name": "".join(w.capitalize() for w in words.split()) or "Finding",
        "shortDescription": {"text": known[code].says if code in known else words or "finding"},
        "help": {"text": f"See docs/checks/{_text(first.check, 100)}.md in debwright's sources."},
        "defaultConfiguration": {"level": LEVELS[first.finding.severity]},
        "properties": properties,
    }


def _result(place: _Place, rules: list[str]) -> dict[str, Any]:
    finding = place.finding
    lines = [finding.message, *evidence_lines(finding.evidence, EVIDENCE_LINES)]
    lines += [f"next: {finding.fix}"] if finding.fix else []
    where = next((e for e in finding.evidence if e.file), None)
    file = where.file if where is not None and where.file else NOWHERE
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file)}}
    # A region is wanted by viewers even where a file has no lines to speak of.
    physical["region"] = {"startLine": where.line if where is not None and where.line else 1}
    found: dict[str, Any] = {
        "ruleId": _text(finding.code, 200),
        "ruleIndex": rules.index(finding.code),
        "level": LEVELS[finding.severity],
        "message": {"text": _text("\n".join(lines), TEXT_LIMIT) or "no text"},
        "locations": [
            {
                "physicalLocation": physical,
                "logicalLocations": [
                    {"fullyQualifiedName": _text(f"{place.target or 'run'}/{place.check}", 300)}
                ],
            }
        ],
        "partialFingerprints": {"debwrightFinding/v1": _fingerprint(place, file)},
        "properties": {"target": _text(place.target or "run", 200), "check": place.check},
    }
    if finding.waived is not None:
        reason = f"{finding.waived.reason} (until {finding.waived.until})"
        found["suppressions"] = [{"kind": "external", "justification": _text(reason, 1000)}]
    return found


def _fingerprint(place: _Place, file: str) -> str:
    """The same for the same problem in another version: numbers in the message do not count."""
    message = re.sub(r"\d+", "0", place.finding.message)
    key = "\0".join([place.target or "", place.finding.code, file, message])
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _uri(file: str) -> str:
    """A path as a relative URI reference (RFC 3986, section 4.2): below no scheme and no host."""
    plain = "/".join(p for p in printable(file).split("/") if p not in ("", ".", ".."))
    return quote(plain[:1000] or NOWHERE, safe="/.-_~+")


def _skipped(result: RunResult) -> Iterator[dict[str, Any]]:
    for part in result.parts:
        for check in part.checks:
            if check.status is Status.SKIPPED:
                reason = check.reason or "no reason given"
                yield _notice("note", f"{part.target}: {check.name} was skipped: {reason}")


def _notice(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _text(text, 2000)}}


def _text(text: str, limit: int) -> str:
    """Untrusted text without control characters."""
    return printable(text)[:limit]
