"""Known vulnerabilities of the Python distributions that a package carries with it."""

import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from debwright.checks.engine.base import CheckContext, FileCheck, conclude, skipped
from debwright.checks.engine.osv import Database, Files, Service, Unreachable, Vulnerability, merged
from debwright.config import values as v
from debwright.config.section import Section
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.distributions import Distribution, distributions

Kind = Literal["code-execution", "privilege-escalation", "injection"]


class Vulnerabilities(Section, table="vulnerabilities"):
    """The scan of bundled Python distributions for known vulnerabilities (OSV)."""

    database: v.Line | None = Field(
        None,
        description="Directory or .zip of OSV records to use instead of the service, relative to "
        "this file.",
    )
    url: v.HttpUrl = Field("https://api.osv.dev", description="The service that is asked.")
    block: Annotated[list[Kind], AfterValidator(v.no_repeats)] = Field(
        ["code-execution", "privilege-escalation", "injection"],
        description="Kinds of vulnerability that fail the check; the others are reported.",
    )
    timeout_seconds: v.Seconds = Field(20, description="Seconds to wait for an answer.")


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
    settings = (Vulnerabilities,)

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
        block: set[str] = set(context.config.section(Vulnerabilities).block)
        findings = [_finding(d, v, block) for d, v in hits]
        measurements["vulnerabilities"] = float(len(hits))
        return conclude(self.name, started, findings, measurements=measurements)


def database_of(context: CheckContext) -> Database:
    policy = context.config.section(Vulnerabilities)
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
