"""Known vulnerabilities of the Python distributions that a package carries with it."""

import time

from debwright.checks.engine.base import CheckContext, FileCheck, conclude, skipped
from debwright.checks.engine.osv import Database, Files, Service, Unreachable, Vulnerability, merged
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.distributions import Distribution, distributions

_SAYS = "A bundled Python distribution has a known vulnerability"
CODES = Codes(
    {
        "vulnerabilities/known": Code(WARNING, f"{_SAYS}.", or_else=(ERROR,)),
        **{
            f"vulnerabilities/{kind}": Code(
                ERROR, f"{_SAYS} of the kind {kind}; `[vulnerabilities] block` says which fail.",
                or_else=(WARNING,),
            )
            for kind in ("code-execution", "privilege-escalation", "injection")
        },
    }
)  # fmt: skip


class VulnerabilitiesCheck(FileCheck):
    """Asks OSV; what cannot be asked is skipped with the reason, and never counts as clean."""

    name = "vulnerabilities"
    codes = CODES
    settings = ("vulnerabilities",)

    def run(self, context: CheckContext) -> CheckResult:
        started = time.monotonic()
        found = distributions(context.installable, context.unpacked)
        measurements = {"distributions": float(len(found))}
        if not found:
            return conclude(
                self.name, started, [], measurements=measurements,
                notes=["the packages hold no Python distribution with metadata"],
            )  # fmt: skip
        context.activity(f"looking up {len(found)} distributions")
        try:
            hits = merged(database_of(context).find(found))
        except Unreachable as problem:
            return skipped(self.name, f"not checked: {problem.what}")
        block: set[str] = set(context.config.vulnerabilities.block)
        findings = [_finding(d, v, block) for d, v in hits]
        measurements["vulnerabilities"] = float(len(hits))
        return conclude(self.name, started, findings, measurements=measurements)


def database_of(context: CheckContext) -> Database:
    policy = context.config.vulnerabilities
    if policy.database is not None:
        return Files(context.project / policy.database)
    return Service(policy.url, policy.timeout_seconds)


def _finding(found: Distribution, record: Vulnerability, block: set[str]) -> Finding:
    kinds = record.kinds()
    fixed = record.fixed_in(found.name, found.version)
    names = ", ".join([record.id, *record.aliases[:3]])
    title = record.summary or (record.details.strip().splitlines() or ["no summary"])[0]
    return CODES.found(
        f"vulnerabilities/{kinds[0] if kinds else 'known'}",
        f"{found.name} {found.version} in {found.package}: {title[:300]}",
        evidence=(
            Evidence(file=found.path, text=f"{found.name} {found.version}: {names}"),
            Evidence(text=f"kind: {', '.join(kinds) or 'other'}"),
        ),
        fix=f"use {found.name} {fixed} or later" if fixed
        else "no fixed version is known: do without it, or waive it with what protects you",
        severity=ERROR if block & set(kinds) else WARNING,
    )  # fmt: skip
