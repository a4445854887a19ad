"""Where packages go, when a lock says only which package needs which.

Node looks for a package in node_modules next to the file that asks, then in every directory above
(nodejs.org, "Loading from node_modules folders"). So each package goes to the top, where nothing
else has its name, or else directly below the package that needs it: what was found before by
somebody else is never hidden, since a package's own node_modules is filled before anything in it
looks upward. Packages that need each other in several versions would go on below one another for
ever: the second time, a link leads back to the first.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from debwright.source.carriers.npm.model import Link, Locked, Tree


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resolved package, and what it needs by the name that it asks for."""

    package: Locked
    """Its path is not looked at."""
    needs: Mapping[str, str]
    """Alias to the key of a node."""
    may_need: Mapping[str, str] = field(default_factory=dict)
    """Optional dependencies."""


@dataclass(kw_only=True, eq=False)
class _Place:
    key: str
    path: str
    above: "_Place | None" = None
    inner: dict[str, "_Place"] = field(default_factory=dict)
    needs: list["_Place"] = field(default_factory=list)
    may_need: list["_Place"] = field(default_factory=list)


def laid_out(
    nodes: Mapping[str, Node],
    run: Mapping[str, str],
    may: Mapping[str, str],
    dev: Mapping[str, str],
) -> Tree:
    """Every package at its place; `run`, `may` and `dev` are the project's own dependencies,
    optional ones and those of its build, by alias.

    A key that `nodes` does not have is a member of the workspace, or was left out: it has no place.
    """
    plan = _Plan(nodes=nodes)
    top = plan.top
    # What runs comes first, and so to the top: it stays where it is when the rest is left out.
    queue = deque([*plan.put(top, run, top.needs), *plan.put(top, may, top.may_need)])
    for_run = [*top.needs, *top.may_need]
    queue.extend(plan.put(top, dev, top.needs))
    places: list[_Place] = []
    while queue:
        place = queue.popleft()
        places.append(place)
        node = nodes[place.key]
        queue.extend(plan.put(place, node.needs, place.needs))
        queue.extend(plan.put(place, node.may_need, place.may_need))
    running = _reached(for_run, optional=True)
    certain = _reached(top.needs, optional=False)
    packages = (
        replace(nodes[p.key].package, path=p.path, dev=p not in running, optional=p not in certain)
        for p in places
    )
    return Tree(packages=tuple(packages), links=tuple(plan.links))


@dataclass(kw_only=True)
class _Plan:
    nodes: Mapping[str, Node]
    top: _Place = field(default_factory=lambda: _Place(key="", path=""))
    links: list[Link] = field(default_factory=list)

    def put(
        self, place: _Place, wanted: Mapping[str, str], edges: list[_Place]
    ) -> Iterator[_Place]:
        """The places that are new for what `place` wants; all that it wants go to its `edges`."""
        for alias, key in wanted.items():
            if key not in self.nodes:
                continue
            found = _seen_from(place, alias)
            if found is None or found.key != key:
                home = self.top if found is None else place
                path = f"{home.path}/node_modules/{alias}".lstrip("/")
                found = _above(place, key)
                if found is None:
                    found = _Place(key=key, path=path, above=home)
                    yield found
                else:
                    self.links.append(Link(path=path, target=found.path))
                home.inner[alias] = found
            edges.append(found)


def _above(place: _Place, key: str) -> _Place | None:
    """The package itself, when what needs it is unpacked inside of it."""
    here: _Place | None = place
    while here is not None and here.key != key:
        here = here.above
    return here


def _seen_from(place: _Place, alias: str) -> _Place | None:
    here: _Place | None = place
    while here is not None:
        if alias in here.inner:
            return here.inner[alias]
        here = here.above
    return None


def _reached(start: Iterable[_Place], *, optional: bool) -> set[_Place]:
    """All that `start` leads to, by way of optional dependencies too if they count."""
    queue, found = deque(start), set[_Place]()
    while queue:
        place = queue.popleft()
        if place in found:
            continue
        found.add(place)
        queue.extend(place.needs)
        queue.extend(place.may_need if optional else ())
    return found
