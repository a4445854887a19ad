"""Packages of one source that cannot be installed together, and the sets they are checked in.

`nginx-light` and `nginx-full` are alternatives: each is checked with everything that can be next to
it. What conflicts is what dpkg says (Debian policy 7.3, 7.4 and 7.6): Conflicts and Breaks with a
package, in that version, or with a name that another package provides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from debwright.checks.engine.base import CheckContext
from debwright.config import Config
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import CheckError
from debwright.packages.debs import Deb, members

CODES = Codes(
    {"install/sets": Code(ERROR, "`[[install]]` names a package that there is not.")}
)  # fmt: skip


class SetsError(CodedError, CheckError):
    """The sets of debwright.toml are not sets of these packages."""

    codes = CODES


@dataclass(frozen=True, kw_only=True)
class InstallSet:
    """Packages that are installed together."""

    name: str
    """Of the package or pattern that it is made for."""
    debs: tuple[Deb, ...]
    why: str | None = None
    """Why these and no others, where there is more than one set."""

    def line(self) -> str:
        """For people."""
        names = ", ".join(d.package for d in self.debs)
        return f"set {self.name}: {names}" + (f"; {self.why}" if self.why else "")


def sets_of(config: Config, debs: Sequence[Deb]) -> list[InstallSet]:
    """The sets to check `debs` in: those of [[install]], or else as few as their conflicts allow.

    The one with the main unit of [service] comes first. Raises SetsError for a name in [[install]]
    that no package has.
    """
    said = [one.packages for one in config.install if one.packages]
    made = [_said(patterns, debs) for patterns in said] if said else divide(debs)
    if len(made) == 1 or not config.service:
        return made
    unit = config.service[0].unit
    return sorted(made, key=lambda one: not any(has_unit(d, unit) for d in one.debs))


def context_for(context: CheckContext, one: InstallSet, number: int) -> CheckContext:
    """What the checks of a set may use, the first having the number 0."""
    names = {d.package for d in one.debs}
    rivals = [d for d in context.installable if d.package not in names]
    config, previous = context.config, context.previous
    # Those that come with another set, and do not with this one, are not looked for in it.
    services = [
        s for s in config.service
        if not any(has_unit(d, s.unit) for d in rivals)
        or any(has_unit(d, s.unit) for d in one.debs)
    ]  # fmt: skip
    config = config.model_copy(update={"service": services, **({"smoke": []} if number else {})})
    kept = tuple(d for d in previous.debs if d.package in names)
    return replace(
        context,
        debs=one.debs,
        rivals=rivals,
        config=config,
        further=one.name if number else None,
        previous=replace(previous, debs=kept),
    )


def has_unit(deb: Deb, unit: str) -> bool:
    """Whether a package brings a unit of the system's manager (systemd.unit(5))."""
    places = tuple(f"{d}/systemd/system/{unit}" for d in ("/lib", "/usr/lib", "/etc"))
    return any(m.path in places for m in members(deb.path))


def _said(patterns: Sequence[str], debs: Sequence[Deb]) -> InstallSet:
    for pattern in patterns:
        if not any(fnmatchcase(d.package, pattern) for d in debs):
            raise SetsError(
                f"[[install]] packages names {pattern}, which is none of the packages",
                code="install/sets",
                cause=f"there are {', '.join(d.package for d in debs)}",
                fix="correct it, or leave [[install]] out: what conflicts is found",
            )
    chosen = tuple(d for d in debs if any(fnmatchcase(d.package, p) for p in patterns))
    return InstallSet(name=patterns[0], debs=chosen, why="as [[install]] in debwright.toml has it")


def divide(debs: Sequence[Deb]) -> list[InstallSet]:
    """As few sets as it takes for each package to be in one, and each as large as it can be.

    A package that cannot be next to itself is no concern here: apt will say so.
    """
    rivals = {d.package: {e.package for e in debs if e is not d and conflict(d, e)} for d in debs}
    if not any(rivals.values()):
        return [InstallSet(name=debs[0].package, debs=tuple(debs))]
    needs = {d.package: _needs(d, debs) for d in debs}
    sets: list[InstallSet] = []
    covered: set[str] = set()
    for deb in debs:
        if deb.package in covered:
            continue
        # Those that are in no set yet come first: with them there may be fewer sets.
        order = [deb, *(d for d in debs if d.package not in covered), *debs]
        names = _together(order, needs, rivals)
        covered |= names
        apart = sorted(set().union(*(rivals[n] for n in names)) - names)
        sets.append(
            InstallSet(
                name=next(n for n in sorted(names) if rivals[n]),
                debs=tuple(d for d in debs if d.package in names),
                why=f"apart from {', '.join(apart)}, which cannot be installed next to them",
            )
        )
    return sets


def _together(
    order: Iterable[Deb], needs: dict[str, set[str]], rivals: dict[str, set[str]]
) -> set[str]:
    chosen: set[str] = set()
    for deb in order:
        wanted = chosen | needs[deb.package]
        if not any(rivals[name] & wanted for name in wanted):
            chosen = wanted
    return chosen or {next(iter(order)).package}


def _needs(deb: Deb, debs: Sequence[Deb]) -> set[str]:
    """The package and those of the same source that it cannot be without."""
    known = {d.package: d for d in debs}
    found, waiting = set[str](), [deb.package]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for kind in ("Pre-Depends", "Depends"):
            for clause in _clauses(known[name], kind):
                names = {str(alternative["name"]) for alternative in clause}
                if len(names) == 1 and names <= set(known):
                    waiting += names
    return found


def conflict(left: Deb, right: Deb) -> bool:
    """Whether one of the two says that it cannot be next to the other."""
    return _refuses(left, right) or _refuses(right, left)


def _refuses(deb: Deb, other: Deb) -> bool:
    provided = {
        str(alternative["name"]): alternative.get("version")
        for clause in _clauses(other, "Provides")
        for alternative in clause
    }
    for kind in ("Conflicts", "Breaks"):
        for clause in _clauses(deb, kind):
            for alternative in clause:
                name, limit = str(alternative["name"]), alternative.get("version")
                if name == other.package and _within(other.version, limit):
                    return True
                if name in provided:
                    version = provided[name]
                    # A name that is provided without a version has none to compare (policy 7.5).
                    if limit is None or (version and _within(str(version[1]), limit)):
                        return True
    return False


def _within(version: str, limit: tuple[str, str] | None) -> bool:
    if limit is None:
        return True
    from debian.debian_support import NativeVersion

    relation, wanted = limit
    left, right = NativeVersion(version), NativeVersion(wanted)
    return {
        "<<": left < right, "<=": left <= right, "=": left == right, ">=": left >= right,
        ">>": left > right,
    }.get(relation, True)  # fmt: skip


def _clauses(deb: Deb, kind: str) -> list[list[Any]]:
    from debian.deb822 import PkgRelation

    text = deb.relations.get(kind, "")
    return PkgRelation.parse_relations(text) if text.strip() else []
