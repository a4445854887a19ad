"""A register of the deliberately bad packages whose faults only show on a running system.

docs/bad-packages.md is made of it, and of the packages of tests/unit/checks/test_bad_packages.py.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from debwright.model.results import CheckResult, Finding, Severity


@dataclass(frozen=True)
class Checked:
    """What the checks said of a package."""

    results: dict[str, CheckResult]

    def finding(self, code: str) -> Finding:
        found = [f for r in self.results.values() for f in r.findings]
        matching = [f for f in found if f.code == code]
        assert matching, [(f.code, f.message) for f in found]
        return matching[0]

    def codes(self, severity: Severity = Severity.ERROR) -> set[str]:
        found = [f for r in self.results.values() for f in r.findings]
        return {f.code for f in found if f.severity is severity}

    def evidence(self, code: str) -> str:
        return "\n".join(f"{e.file}: {e.text}" for e in self.finding(code).evidence)


@dataclass(frozen=True)
class Case:
    """What is wrong with a package, and who must say so under which code (or fnmatch pattern)."""

    what: str
    check: str
    code: str
    severity: Severity = Severity.ERROR


CASES: list[Case] = []


def caught(
    what: str, check: str, code: str, severity: Severity = Severity.ERROR,
    also: tuple[Case, ...] = (),
) -> Callable[[Callable[..., Checked]], Callable[..., None]]:  # fmt: skip
    """Register a test that returns what was said of a bad package; the named check must say it.

    `also` are further defects of the same package: a boot for each would take longer.
    """
    cases = (Case(what, check, code, severity), *also)
    CASES.extend(cases)

    def wrap(test: Callable[..., Checked]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*arguments: object, **named: object) -> None:
            made = test(*arguments, **named)
            for case in cases:
                _require(case, made)

        return run

    return wrap


def _require(case: Case, made: Checked) -> None:
    findings = made.results[case.check].findings
    matching = [f for f in findings if fnmatchcase(f.code, case.code)]
    assert matching, [(f.code, f.message) for f in findings]
    assert matching[0].severity is case.severity
    assert any(e.text or e.file for e in matching[0].evidence), "no evidence"
    assert matching[0].fix, "nothing says what to do"
