"""Whether a second build under other conditions gives the same packages, bit for bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from debwright.build.variations import Second
from debwright.checks.engine.base import Check, conclude
from debwright.checks.twice import diffoscope
from debwright.checks.twice.archives import Difference, differences
from debwright.checks.twice.diffoscope import Explanation
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError, MissingError
from debwright.model.fix import Command
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.roots.cache import Cache

MEMBERS = 40
"""Findings of one package; a package that differs everywhere is not explained by thousands."""


CODES = Codes(
    {
        "reproducible/other-packages": Code(ERROR, "A package was built one of the times only."),
        "reproducible/differs": Code(ERROR, "A member of a package differs between the builds."),
        "reproducible/not-varied": Code(WARNING, "Something could not be varied."),
        "reproducible/build-failed": Code(ERROR, "The second build failed, the first did not."),
    }
)


class ReproducibleCheck(Check):
    """A second build under other conditions gives the same packages, bit for bit."""

    name = "reproducible"
    codes = CODES
    asked_for = True


@dataclass(frozen=True, kw_only=True)
class TwoBuilds:
    """What two builds of one target gave."""

    first: Sequence[Path]
    second: Sequence[Path]
    how: Second
    target: str
    shown: str
    """The directory that the second build's differing packages are kept in, for a person."""
    lent: Sequence[str] = ()
    """Wheels that were compiled before and lent to both builds."""


def compare_builds(builds: TwoBuilds, started: float, cache: Cache) -> CheckResult:
    """The check's result: a finding for each member that differs."""
    first, second = ({p.name: p for p in paths} for paths in (builds.first, builds.second))
    findings = [
        CODES.found(
            "reproducible/other-packages",
            f"{name} was built {'the first' if name in first else 'the second'} time only",
            evidence=(Evidence(text=f"built: {', '.join(sorted(second)) or 'nothing'}"),),
            fix=Command("debwright", "shell", builds.target),
        )
        for name in sorted(first.keys() ^ second.keys())
    ]
    same = 0
    for name in sorted(first.keys() & second.keys()):
        found = differences(first[name], second[name])
        same += not found
        findings += _explained(builds, first[name], second[name], found, cache)
    notes = [
        "varied between the two builds: " + "; ".join(map(str, builds.how.variations)),
        "SOURCE_DATE_EPOCH was the same (the date of the newest changelog entry), and so were the "
        "source, the build dependencies, the kernel, the processor and the order of directories",
        *_lent(builds),
        *builds.how.notes,
    ]
    measurements = {"packages": float(len(first)), "identical_packages": float(same)}
    findings += [CODES.found("reproducible/not-varied", note) for note in builds.how.notes]
    return conclude(
        ReproducibleCheck.name, started, findings, measurements=measurements, notes=notes
    )


def _lent(builds: TwoBuilds) -> list[str]:
    if not builds.lent:
        return []
    return [
        f"not compiled a second time: {', '.join(builds.lent)}, whose wheels both builds were lent"
    ]


def _explained(
    builds: TwoBuilds, first: Path, second: Path, found: Sequence[Difference], cache: Cache
) -> list[Finding]:
    if not found:
        return []
    explanations, advice = _ask_diffoscope(first, second, cache)
    by_member: dict[str, list[Explanation]] = {}
    for item in explanations:
        by_member.setdefault(item.member, []).append(item)
    findings = []
    grouped = [(m, list(group)) for m, group in groupby(found, key=lambda d: d.member)]
    for member, group in grouped[:MEMBERS]:
        aspects = ", ".join(dict.fromkeys(d.aspect for d in group))
        findings.append(
            CODES.found(
                "reproducible/differs",
                f"{member} in {first.name} is not the same in both builds: {aspects}",
                evidence=_evidence(member, group, by_member.get(member, [])),
                fix=advice or Command("diffoscope", first, f"{builds.shown}/{second.name}"),
            )
        )
    if (more := len(grouped) - MEMBERS) > 0:
        findings.append(
            CODES.found("reproducible/differs", f"{more} more members of {first.name} differ",
                        fix=Command("diffoscope", first, f"{builds.shown}/{second.name}"))
        )  # fmt: skip
    return findings


def _evidence(
    member: str, group: Sequence[Difference], explanations: Sequence[Explanation]
) -> tuple[Evidence, ...]:
    lines = [Evidence(file=member, text=str(d)) for d in group]
    for item in explanations[:6]:
        lines += [Evidence(file=item.path, text=line) for line in item.lines]
    return tuple(lines)


def _ask_diffoscope(
    first: Path, second: Path, cache: Cache
) -> tuple[list[Explanation], str | None]:
    """Its explanations; without it, what installs it."""
    try:
        return diffoscope.explain(first, second, cache), None
    except MissingError as problem:
        return [], problem.fix
    except DebwrightError:
        return [], None  # our own comparison stands by itself


def failed_second_build(
    how: Second, problem: DebwrightError, started: float, target: str
) -> CheckResult:
    """The package does not even build under the other conditions."""
    finding = CODES.from_error("reproducible/build-failed", problem)
    said = f"the second build failed, the first did not: {finding.message}"
    notes = ["varied between the two builds: " + "; ".join(map(str, how.variations)), *how.notes]
    finding = finding.model_copy(update={"message": said, "fix": f"debwright shell {target}"})
    return conclude(ReproducibleCheck.name, started, [finding], notes=notes)
