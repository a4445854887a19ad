"""Packages that come with those under test but cannot be installed before them.

When only a part of a source's packages is checked, apt brings the rest from the archive. They share
directories, accounts and units with the packages, so they must come and go with them. So must all
that depends on a package under test, which would bring the archive's copy of it into the layer, and
so must companions, which are the project's own.
"""

from collections.abc import Iterable, Mapping, Sequence

from debwright.isolation.namespaces import Namespaces
from debwright.packages.debs import Deb, read_deb
from debwright.roots import apt
from debwright.roots.store import Layer

PLACE = "/mnt/debwright-beside"


def choose(
    inside: Namespaces, others: Sequence[str], debs: Sequence[Deb], companions: Sequence[Deb] = ()
) -> list[str]:
    """Of `others` (`name=version`, or `name:arch=version`), what must come with `debs`.

    Companions are among that: their scripts are the project's own, as those of the packages under
    test are, and may run nowhere but on the system that was chosen for them.
    """
    from debian.deb822 import Packages

    done = inside.run(["apt-cache", "--no-all-versions", "show", "--", *others], check=False)
    paragraphs = list(Packages.iter_paragraphs(done.output.splitlines(), use_apt_pkg=False))
    own = {d.package for d in debs}
    own |= {name for d in debs for name in _names(d.relations.get("Provides", ""))}
    late = bound(paragraphs, own, {d.source for d in (*debs, *companions)})
    return [o for o in others if o.split("=")[0].split(":")[0] in late]


def bound(paragraphs: Iterable[Mapping[str, str]], own: set[str], sources: set[str]) -> set[str]:
    """Names of the packages of those sources, and of all that depends on them or on `own`.

    `own` holds the names under which the packages under test satisfy a dependency.
    """
    known = {p["Package"]: p for p in paragraphs}
    late = {n for n, p in known.items() if p.get("Source", n).split(" ")[0] in sources}
    while True:
        there = own | late | {name for n in late for name in _names(known[n].get("Provides", ""))}
        more = {n for n, p in known.items() if n not in late and there & set(_needs(p))}
        if not more:
            return late
        late |= more


def _names(relation: str) -> list[str]:
    """The first alternative of each clause: the one that apt takes when nothing is there."""
    if not relation.strip():
        return []
    from debian.deb822 import PkgRelation

    clauses = PkgRelation.parse_relations(" ".join(relation.split()))
    return [str(clause[0]["name"]) for clause in clauses if clause]


def _needs(paragraph: Mapping[str, str]) -> list[str]:
    return [n for f in ("Pre-Depends", "Depends") for n in _names(paragraph.get(f, ""))]


def fetch(inside: Namespaces, names: Sequence[str]) -> None:
    """Put the packages' files into the root, for `packages` to find."""
    inside.run(["mkdir", "-p", PLACE])
    done = inside.run(
        ["apt-get", *apt.OPTIONS, "download", *names], cwd=PLACE, merge=True, check=False,
        timeout=900, network=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise apt.explain(done, f"fetching {', '.join(names)[:200]}")


def packages(layer: Layer) -> list[Deb]:
    """Those of a layer; they are the archive's own, and named by apt."""
    place = layer.tree / PLACE.lstrip("/")
    return [read_deb(path) for path in sorted(place.glob("*.deb")) if not path.is_symlink()]
