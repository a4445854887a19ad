"""Known vulnerabilities of the Python distributions that a package carries with it."""

import time

from debwright.checks.engine.base import CheckContext, conclude, error, skipped, warning
from debwright.checks.engine.osv import Database, Files, Service, Unreachable, Vulnerability, merged
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.distributions import Distribution, distributions


class VulnerabilitiesCheck:
    """Asks OSV; what cannot be asked is skipped with the reason, and never counts as clean."""

    name = "vulnerabilities"

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
    make = error if block & set(kinds) else warning
    fixed = record.fixed_in(found.name, found.version)
    names = ", ".join([record.id, *record.aliases[:3]])
    title = record.summary or (record.details.strip().splitlines() or ["no summary"])[0]
    return make(
        f"vulnerabilities/{kinds[0] if kinds else 'known'}",
        f"{found.name} {found.version} in {found.package}: {title[:300]}",
        evidence=(
            Evidence(file=found.path, text=f"{found.name} {found.version}: {names}"),
            Evidence(text=f"kind: {', '.join(kinds) or 'other'}"),
        ),
        fix=f"use {found.name} {fixed} or later" if fixed
        else "no mended version is known: do without it, or waive it with what protects you",
    )  # fmt: skip
