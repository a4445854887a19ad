"""What the suites of the targets have of what a project asks for."""

from collections.abc import Iterable, Sequence

from packaging.requirements import Requirement

from debwright.init.ecosystems.python.dependencies import TABLE, applies, lookup
from debwright.model.suites import suite_info
from debwright.model.targets import Target


def suites_of(targets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(Target.parse(target).suite for target in targets))


def unmet(requirements: Iterable[Requirement], targets: Sequence[str]) -> tuple[str, ...]:
    """Why the packages of the targets' suites cannot be what a project depends on.

    A sentence for each requirement that is not met, as `fastapi>=0.115: bookworm has 0.92.0`.
    """
    suites = suites_of(targets)
    reasons = (_unmet(requirement, suites) for requirement in requirements)
    return tuple(reason for reason in reasons if reason)


def _unmet(requirement: Requirement, suites: Sequence[str]) -> str:
    wanted = str(requirement).partition(";")[0].strip()
    for suite in suites:
        if applies(requirement, suite) and (why := _lacking(requirement, suite)):
            return f"{wanted}: {why}"
    return ""


def _lacking(requirement: Requirement, suite: str) -> str:
    if requirement.url:
        return "it is an address"
    known = lookup(requirement.name)
    if known is None:
        return "Debian does not have it"
    codename = suite_info(suite).codename
    if codename not in TABLE:
        return f"what {suite} has is not known here"
    version = known.versions.get(codename)
    if version is None:
        return f"{suite} does not have it"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{suite} has {version}"
    return "Debian's packages do not tell extras" if requirement.extras else ""
