"""Control fields and maintainer scripts of two packages."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from debwright.checks.twice.archives import entries, part_of_difference
from debwright.checks.twice.sides import Sides
from debwright.model.codes import ERROR, INFO, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.packages.debs import Deb
from debwright.repository.incoming import read_control

RELATIONS = ("Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts",
             "Replaces", "Provides", "Built-Using", "Static-Built-Using")  # fmt: skip
_OWN = {"Architecture", "Installed-Size", "Build-Ids", *RELATIONS}
"""Fields that follow from the architecture, or are compared word by word."""

_SCRIPTS = (
    "preinst",
    "postinst",
    "prerm",
    "postrm",
    "config",
    "templates",
    "conffiles",
    "triggers",
)
# dpkg-shlibdeps names libraries and the versions whose symbols are used; these do differ.
_LIBRARY = re.compile(r"lib[a-z0-9+.-]*")
_WORD = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?P<rest>.*)", re.S)


CODES = Codes(
    {
        "equivalence/control": Code(ERROR, "A field of the control file is not the same."),
        "equivalence/relation": Code(
            ERROR,
            "A relation to a package is not the same; to a library, a remark.",
            or_else=(INFO,),
        ),
        "equivalence/script": Code(ERROR, "A maintainer script or conffile list is not the same."),
    }
)


def control_findings(sides: Sides) -> list[Finding]:
    findings: list[Finding] = []
    for one, other in sides.both():
        first, second = read_control(one.path), read_control(other.path)
        findings += _fields(sides, one, first, second)
        for field in RELATIONS:
            findings += _relations(sides, one, field, first.get(field, ""), second.get(field, ""))
        findings += _scripts(sides, one, other)
    return findings


def _fields(
    sides: Sides, deb: Deb, first: Mapping[str, Any], second: Mapping[str, Any]
) -> Iterator[Finding]:
    for field in sorted({*first, *second} - _OWN):
        values = [side.plain(str(fields.get(field, "(absent)")))
                  for side, fields in ((sides.left, first), (sides.right, second))]  # fmt: skip
        if values[0] != values[1]:
            yield CODES.found(
                "equivalence/control",
                f"{deb.package}: the field {field} is not the same",
                evidence=_both(sides, *(v[:300] for v in values)),
                fix=f"write {field} without substitution variables in debian/control",
            )


def _relations(sides: Sides, deb: Deb, field: str, one: str, other: str) -> Iterator[Finding]:
    left, right = _parsed(one), _parsed(other)
    for name in sorted(left.keys() | right.keys()):
        values = [side.get(name, "(absent)") for side in (left, right)]
        if values[0] == values[1]:
            continue
        library = _LIBRARY.fullmatch(name.split(" | ")[0]) is not None
        yield CODES.found(
            "equivalence/relation",
            f"{deb.package}: {field} has another {name}"
            + (", as the libraries of an architecture may ask" if library else ""),
            evidence=_both(sides, *values),
            fix=None if library else f"give {name} the same version and place in {field}",
            severity=INFO if library else None,
        )


def _parsed(value: str) -> dict[str, str]:
    """Names (alternatives joined) to the whole relation (deb-control(5))."""
    found = {}
    for relation in value.split(","):
        text = " ".join(relation.split())
        names = [m["name"] for part in text.split("|") if (m := _WORD.match(part.strip()))]
        if names:
            found[" | ".join(names)] = text
    return found


def _scripts(sides: Sides, one: Deb, other: Deb) -> Iterator[Finding]:
    first, second = entries(one.path, "control"), entries(other.path, "control")
    for name in _SCRIPTS:
        contents = [
            side.plain(found.head.decode("utf-8", "backslashreplace")) if found else None
            for side, found in (
                (sides.left, first.get(f"./{name}")), (sides.right, second.get(f"./{name}")),
            )
        ]  # fmt: skip
        if contents[0] == contents[1]:
            continue
        if None in contents:
            shown = ["present" if c is not None else "absent" for c in contents]
        else:
            shown = list(part_of_difference(*(str(c).encode() for c in contents)))
        yield CODES.found(
            "equivalence/script",
            f"{one.package}: {name} is not the same",
            evidence=_both(sides, *shown),
            fix=f"look for conditions on the architecture in debian/{name} and debian/rules",
        )


def _both(sides: Sides, one: str, other: str) -> tuple[Evidence, ...]:
    return (Evidence(text=one, file=sides.left.name), Evidence(text=other, file=sides.right.name))
