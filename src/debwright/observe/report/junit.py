"""JUnit XML, as test viewers of CI systems read it.

The format has no standard; this keeps to the elements all of them know: testsuites, testsuite,
testcase, failure, skipped, system-out.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from debwright.model.errors import printable
from debwright.model.results import CheckResult, Finding, RunResult, Severity, StageResult, Status
from debwright.observe.report.view import evidence_lines

TEXT_LIMIT = 64 * 1024


def render(result: RunResult) -> bytes:
    """The run as UTF-8 XML: a suite for each target, its stages and checks as cases."""
    root = ET.Element("testsuites", name=_text(f"{result.package} {result.version}"))
    if result.stages:
        _suite(root, "run", result.stages, (), result.started.isoformat())
    for target in result.parts:
        _suite(root, target.target, target.stages, target.checks, result.started.isoformat())
    for count in ("tests", "failures", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{result.seconds:.3f}")
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _suite(
    root: ET.Element,
    name: str,
    stages: Iterable[StageResult],
    checks: Iterable[CheckResult],
    timestamp: str,
) -> None:
    suite = ET.SubElement(root, "testsuite", name=_text(name), timestamp=timestamp)
    for stage in stages:
        case = _case(suite, f"{name}.stage", stage.stage, stage.seconds)
        _outcome(case, stage.status, stage.reason, [stage.error] if stage.error else [])
    for check in checks:
        case = _case(suite, f"{name}.check", check.name, check.seconds)
        _outcome(case, check.status, check.reason, check.findings)
        if check.notes:
            ET.SubElement(case, "system-out").text = _text("\n".join(check.notes))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(c.find("failure") is not None for c in cases)))
    suite.set("skipped", str(sum(c.find("skipped") is not None for c in cases)))
    suite.set("time", f"{sum(float(c.get('time', '0')) for c in cases):.3f}")


def _case(suite: ET.Element, classname: str, name: str, seconds: float) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", classname=_text(classname), name=_text(name), time=f"{seconds:.3f}"
    )


def _outcome(
    case: ET.Element, status: Status, reason: str | None, findings: Iterable[Finding]
) -> None:
    findings = list(findings)
    if status is Status.SKIPPED:
        ET.SubElement(case, "skipped", message=_text(reason or "no reason given"))
    elif status is Status.FAILED:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        message = errors[0].message if errors else reason or "failed"
        failure = ET.SubElement(case, "failure", message=_text(message))
        failure.set("type", _text(errors[0].code if errors else "failed"))
        failure.text = _describe(errors)
        findings = [f for f in findings if f.severity is not Severity.ERROR]
    if findings:
        ET.SubElement(case, "system-out").text = _describe(findings)


def _describe(findings: Iterable[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity.value}: {finding.message} [{finding.code}]")
        lines += [f"  | {line}" for line in evidence_lines(finding.evidence, 1000)]
        if finding.fix:
            lines.append(f"  next: {finding.fix}")
    return _text("\n".join(lines))


def _text(text: str) -> str:
    """XML 1.0 allows no control characters, even escaped (section 2.2); `printable` has none."""
    clean = printable(text)
    if len(clean) <= TEXT_LIMIT:
        return clean
    return f"{clean[:TEXT_LIMIT]}\n[{len(clean) - TEXT_LIMIT} more characters left out]"
