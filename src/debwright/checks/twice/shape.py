"""File lists, kinds, modes, owners and links of two packages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from debwright.checks.twice.archives import Entry, entries
from debwright.checks.twice.sides import SHOWN, Side, Sides
from debwright.model.codes import ERROR, INFO, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.packages.debs import Deb

# What auditwheel and delvewheel add to the names of libraries they bundle: a hash of the content.
_BUNDLED = re.compile(r"(?<=-)[0-9a-f]{8}(?=\.)")
_ASPECTS = ("kind", "mode", "owner", "link")


CODES = Codes(
    {
        "equivalence/package-missing": Code(ERROR, "A package is built for one side only."),
        "equivalence/files": Code(ERROR, "Files are in the package of one side only."),
        **{
            f"equivalence/{aspect}": Code(ERROR, f"Files have another {aspect}.")
            for aspect in _ASPECTS
        },
        "equivalence/content": Code(
            WARNING,
            "Two builds for one architecture differ in other files than programs; "
            "in programs alone, a remark.",
            or_else=(INFO,),
        ),
    }
)


def shape_findings(sides: Sides, ignore: Sequence[str]) -> list[Finding]:
    """A finding for each package that only one side has, and for each aspect that differs."""
    left, right = sides.left.packages, sides.right.packages
    findings = [
        CODES.found(
            "equivalence/package-missing",
            f"{name} is built for {(sides.left if name in left else sides.right).name} only",
            evidence=(Evidence(text=f"packages: {', '.join(sorted({*left, *right}))}"),),
            fix="Architecture: any in debian/control builds it for all",
        )
        for name in sorted(left.keys() ^ right.keys())
    ]
    for one, other in sides.both():
        findings += _pair(sides, one, other, ignore)
    return findings


def _pair(sides: Sides, one: Deb, other: Deb, ignore: Sequence[str]) -> Iterator[Finding]:
    first, second = _plain(sides.left, one), _plain(sides.right, other)
    for mine, theirs, side in ((first, second, sides.left), (second, first, sides.right)):
        if only := _only(mine, theirs, ignore):
            yield CODES.found(
                "equivalence/files",
                f"{one.package}: {len(only)} file(s) in the package of {side.name} only",
                evidence=tuple(Evidence(text=mine[p][0], file=side.name) for p in only[:SHOWN]),
                fix="install them for all architectures, or name them: [equivalence] ignore",
            )
    common = [p for p in first if p in second]
    for aspect in _ASPECTS:
        lines = [
            f"{first[p][0]}: {left} / {right}"
            for p in common
            if (aspect == "kind" or first[p][1].kind == second[p][1].kind)
            and (left := _value(sides.left, first[p][1], aspect))
            != (right := _value(sides.right, second[p][1], aspect))
        ]
        if lines:
            yield CODES.found(
                f"equivalence/{aspect}",
                f"{one.package}: {len(lines)} file(s) have another {aspect} on "
                f"{sides.right.name} than on {sides.left.name}",
                evidence=tuple(Evidence(text=line) for line in lines[:SHOWN]),
                fix="set it in debian/rules for all architectures, or leave it to dh_fixperms",
            )
    if sides.same_arch:
        yield from _contents(sides, one, {p: (first[p][1], second[p][1]) for p in common})


def _contents(
    sides: Sides, deb: Deb, pairs: Mapping[str, tuple[Entry, Entry]]
) -> Iterator[Finding]:
    """Two builds for one architecture: other compilers may give other code, but nothing else."""
    other = [p for p, (one, two) in pairs.items() if one.content != two.content]
    programs = [p for p in other if pairs[p][0].head[:4] == b"\x7fELF"]
    # RECORD has the digests of the files next to it: of the programs, too.
    rest = [
        p for p in other
        if p not in programs and not (programs and p.endswith(".dist-info/RECORD"))
    ]  # fmt: skip
    said = (
        f"{deb.package}: {len(pairs) - len(other)} of {len(pairs)} members are the same bytes in "
    )
    said += f"the packages of {sides.left.name} and {sides.right.name}"
    if other:
        said += f"; {len(programs)} programs and {len(rest)} other files differ"
    yield CODES.found(
        "equivalence/content", said, severity=WARNING if rest else INFO,
        evidence=tuple(Evidence(text=p) for p in [*rest, *programs][:SHOWN]),
    )  # fmt: skip


def _value(side: Side, entry: Entry, aspect: str) -> str:
    return side.plain(str(getattr(entry, aspect)))


def _plain(side: Side, deb: Deb) -> dict[str, tuple[str, Entry]]:
    """Name without the architecture to the name as it is, and the entry."""
    return {
        normal(side, name): (name.removeprefix("."), entry)
        for name, entry in entries(deb.path, "data").items()
    }


def normal(side: Side, name: str) -> str:
    plain = side.plain(name)
    directory, slash, base = plain.rpartition("/")
    if directory.endswith(".libs"):
        base = _BUNDLED.sub("<hash>", base)
    return directory + slash + base


def _only(
    mine: Mapping[str, tuple[str, Entry]],
    theirs: Mapping[str, tuple[str, Entry]],
    ignore: Sequence[str],
) -> list[str]:
    """What one side has alone; not what may be ignored, nor the directories that hold only that."""
    alone = [p for p in mine if p not in theirs]
    named = {p for p in alone if any(fnmatchcase(mine[p][0], pattern) for pattern in ignore)}
    return [p for p in alone if p not in named and not any(n.startswith(f"{p}/") for n in named)]
