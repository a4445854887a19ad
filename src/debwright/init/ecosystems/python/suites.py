"""What the suites of the targets have of what a project asks for."""

from collections.abc import Callable, Iterable, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from debwright.init.ecosystems.python.dependencies import TABLE, Known, applies, lookup
from debwright.init.model import TARGETS
from debwright.model.errors import Evidence, UsageError
from debwright.model.suites import suite_info
from debwright.model.targets import Target

Lookup = Callable[[str], Known | None]


def suites_of(targets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(Target.parse(target).suite for target in targets))


def unmet(
    requirements: Iterable[Requirement], targets: Sequence[str], known: Lookup = lookup
) -> tuple[str, ...]:
    """Why the packages of the targets' suites cannot be what a project depends on.

    A sentence for each requirement that is not met, as `fastapi>=0.115: bookworm has 0.92.0`.
    `known` says what Debian has of a name.
    """
    suites = suites_of(targets)
    reasons = (_unmet(requirement, suites, known) for requirement in requirements)
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def _unmet(requirement: Requirement, suites: Sequence[str], known: Lookup) -> str:
    wanted = str(requirement).partition(";")[0].strip()
    for suite in suites:
        if applies(requirement, suite) and (
            why := _lacking(requirement, suite, known(requirement.name))
        ):
            return f"{wanted}: {why}"
    return ""


def _lacking(requirement: Requirement, suite: str, known: Known | None) -> str:
    if requirement.url:
        return "it is an address"
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


def targets_for(requires_python: str, only: str = "") -> tuple[tuple[str, ...], str]:
    """The targets whose Python a project allows, and why they are not the usual ones.

    The usual ones when their Python suits; else those of the first newer suite whose Python does.
    `only` is the suite that alone has all else, where there is one. Raises UsageError when no
    suite's Python suits, naming those there are.
    """
    try:
        wanted = SpecifierSet(requires_python)
    except InvalidSpecifier as error:
        raise UsageError(
            f"{requires_python!r} is no version of Python",
            evidence=[Evidence(text=f"requires-python = {requires_python!r}"[:200],
                               file="pyproject.toml")],
        ) from error  # fmt: skip
    usual = suites_of(TARGETS)
    if only and only not in usual and _allowed(wanted, only):
        return _on(only), f"the targets are {' and '.join(_on(only))}"
    if all(_allowed(wanted, suite) for suite in usual):
        return TARGETS, ""
    for suite in TABLE:
        if _allowed(wanted, suite):
            has = ", ".join(f"{s} has Python {suite_info(s).python}" for s in usual)
            targets = _on(suite)
            why = f"the targets are {' and '.join(targets)}: requires-python is {wanted}, and {has}"
            return targets, why
    has = ", ".join(f"{s} has {suite_info(s).python}" for s in TABLE)
    raise UsageError(
        f"no suite that debwright packages for by itself has a Python that is {wanted}",
        evidence=[Evidence(text=f'requires-python = "{wanted}"', file="pyproject.toml")],
        cause=f"{has}; a project runs with its suite's Python",
        fix="widen requires-python in pyproject.toml, when the project works with one of them",
    )


def newer_targets(targets: Sequence[str]) -> tuple[str, ...]:
    """Those of the suite after all of `targets`; none where there is no newer one."""
    places = [TABLE.index(suite) for suite in suites_of(targets) if suite in TABLE]
    after = TABLE[max(places, default=-1) + 1 :]
    return _on(after[0]) if after else ()


def _on(suite: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{suite}-{Target.parse(target).arch}" for target in TARGETS))


def _allowed(wanted: SpecifierSet, suite: str) -> bool:
    info = suite_info(suite)
    return wanted.contains(f"{info.python}.{info.python_patch}", prereleases=True)
