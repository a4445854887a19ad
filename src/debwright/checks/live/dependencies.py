"""What installing the package brings with it, read from the root in which apt installed it.

apt has solved it there from the target's archive alone. Nothing is run in the root for this: an
emulated target costs the same as a native one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from debian.deb822 import Packages, PkgRelation
from pydantic import Field

from debwright.checks.engine import infrastructure
from debwright.checks.engine.base import Check, CheckContext, conclude
from debwright.config import values as v
from debwright.config.checking import Level
from debwright.config.section import Section
from debwright.host.files import human_size
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import CheckResult, Evidence, Finding
from debwright.packages.debs import Deb
from debwright.roots.store import Layer
from debwright.systems import siblings

SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A package of the root."""

    name: str
    version: str
    arch: str
    size: int
    """Bytes, by its Installed-Size."""
    depends: str
    recommends: str
    provides: str

    @property
    def key(self) -> str:
        return f"{self.name}:{self.arch}={self.version}"


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What comes with the package: all of it, and what would without recommended packages."""

    everything: tuple[Installed, ...]
    minimum: tuple[Installed, ...]
    unmet: tuple[tuple[str, str], ...]
    """Package, and a clause of its Recommends that nothing installed satisfies."""


class Dependencies(Section, table="dependencies"):
    """What installing the package may bring with it."""

    recommends: Level = Field(
        "warn", description="How it counts that a recommended package cannot be had."
    )
    max_packages: int | None = Field(
        None, ge=0, description="Packages it may pull in at most, recommended ones included."
    )
    max_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) they may take once installed."
    )


CODES = Codes(
    {
        "install/unsatisfiable": Code(
            ERROR, "The package depends on what the target does not have."
        ),
        "install/maintainer-script": Code(
            ERROR, "A maintainer script of the package or of a dependency fails at installation."
        ),
        "dependencies/removes": Code(ERROR, "Installing the package would remove others."),
        "dependencies/recommends": Code(
            WARNING,
            "A recommended package does not exist on the target.",
            level="dependencies.recommends",
        ),
        "dependencies/too-many": Code(ERROR, "The package pulls in more packages than allowed."),
        "dependencies/too-large": Code(ERROR, "What the package pulls in takes more than allowed."),
    }
)


class DependenciesCheck(Check):
    """apt has solved them before anything is booted; what they bring is measured."""

    name = "dependencies"
    codes = CODES | infrastructure.CODES
    settings = (Dependencies,)

    def run(self, context: CheckContext, layer: Layer | None, started: float) -> CheckResult:
        """Once they are known to be solvable; `layer` is the environment's."""
        if layer is None:
            note = "solved by the machine's own apt, and not measured"
            return conclude(self.name, started, [], notes=[note])
        with layer.in_use():
            pulled = pulled_in(layer, context.installable)
        return conclude(
            self.name,
            started,
            list(_findings(context, pulled)),
            measurements=_measured(pulled),
            notes=[_summary(pulled)],
        )


def pulled_in(layer: Layer, own: Sequence[Deb]) -> Pulled:
    """Compare the layer with the one below it, the bare system."""
    there = set(layer.manifest.packages)
    before = set(layer.parent.manifest.packages) if layer.parent else set()
    status = installed_packages(layer)
    late = [_from_file(deb) for deb in siblings.packages(layer)]
    everything = (*(p for p in status if p.key in there - before), *late)
    status += late
    needed = closure((d.relations for d in own), status)
    unmet = [
        (deb.package, clause)
        for deb in own
        for clause in unsatisfied(deb.relations.get("Recommends", ""), status, own)
    ]
    return Pulled(
        everything=everything, minimum=tuple(p for p in everything if p.name in needed),
        unmet=tuple(unmet),
    )  # fmt: skip


def installed_packages(layer: Layer) -> list[Installed]:
    """dpkg's status as the layer's top or one below has it."""
    for tree in (one.tree for one in layer.chain()):
        path = tree / "var/lib/dpkg/status"
        if path.is_file():
            with path.open("rb") as file:
                paragraphs = list(Packages.iter_paragraphs(file, use_apt_pkg=False))
            return [_installed(p) for p in paragraphs if p.get("Status", "").endswith(" installed")]
    return []


def _from_file(deb: Deb) -> Installed:
    relations = deb.relations
    depends = [relations[f] for f in ("Pre-Depends", "Depends") if relations.get(f)]
    return Installed(
        name=deb.package, version=deb.version, arch=deb.arch, size=(deb.installed_kib or 0) * 1024,
        depends=", ".join(depends), recommends=relations.get("Recommends", ""),
        provides=relations.get("Provides", ""),
    )  # fmt: skip


def _installed(paragraph: Mapping[str, str]) -> Installed:
    size = paragraph.get("Installed-Size", "0")
    depends = [paragraph[f] for f in ("Pre-Depends", "Depends") if paragraph.get(f)]
    return Installed(
        name=paragraph["Package"], version=paragraph["Version"], arch=paragraph["Architecture"],
        size=int(size) * 1024 if size.isdigit() else 0, depends=", ".join(depends),
        recommends=paragraph.get("Recommends", ""), provides=paragraph.get("Provides", ""),
    )  # fmt: skip


def _names(relation: str) -> list[list[str]]:
    """The clauses of a relation field, each as the names of its alternatives."""
    if not relation.strip():
        return []
    parsed = PkgRelation.parse_relations(" ".join(relation.split()))
    return [[str(option["name"]) for option in clause] for clause in parsed if clause]


def _providers(status: Iterable[Installed]) -> dict[str, list[Installed]]:
    found: dict[str, list[Installed]] = {}
    for package in status:
        names = [package.name, *(n[0] for n in _names(package.provides))]
        for name in dict.fromkeys(names):
            found.setdefault(name, []).append(package)
    return found


def closure(own: Iterable[Mapping[str, str]], status: Sequence[Installed]) -> set[str]:
    """Names of the installed packages that Depends alone leads to."""
    providers = _providers(status)
    pending = [f"{r.get('Pre-Depends', '')}, {r.get('Depends', '')}".strip(", ") for r in own]
    reached: set[str] = set()
    while pending:
        for clause in _names(pending.pop()):
            # apt takes the first alternative that is there.
            found = next((p for name in clause for p in providers.get(name, ())), None)
            if found is not None and found.name not in reached:
                reached.add(found.name)
                pending.append(found.depends)
    return reached


def unsatisfied(field: str, status: Sequence[Installed], own: Sequence[Deb]) -> Iterator[str]:
    """Clauses of which no alternative is installed, nor one of the packages themselves."""
    there = set(_providers(status)) | {d.package for d in own}
    for deb in own:
        there |= {n[0] for n in _names(deb.relations.get("Provides", ""))}
    for clause in _names(field):
        if not there & set(clause):
            yield " | ".join(clause)


def _findings(context: CheckContext, pulled: Pulled) -> Iterator[Finding]:
    policy = context.config.section(Dependencies)
    for package, clause in pulled.unmet:
        yield CODES.found(
            "dependencies/recommends",
            f"{package} recommends {clause}, which does not exist on {context.target}",
            evidence=(Evidence(file=package, text=f"Recommends: {clause}"),),
            fix="correct the name in debian/control, or move it to Suggests",
        )  # fmt: skip
    count, size = len(pulled.everything), _size(pulled.everything)
    if policy.max_packages is not None and count > policy.max_packages:
        yield CODES.found(
            "dependencies/too-many",
            f"it pulls in {count} packages, {policy.max_packages} are allowed",
            evidence=_largest(pulled), fix="move what is not needed to Suggests",
        )  # fmt: skip
    if policy.max_mb is not None and size > policy.max_mb * 1e6:
        yield CODES.found(
            "dependencies/too-large",
            f"what it pulls in takes {size / 1e6:.1f} MB, {policy.max_mb:g} MB are allowed",
            evidence=_largest(pulled), fix="move what is not needed to Suggests",
        )  # fmt: skip


def _size(packages: Iterable[Installed]) -> int:
    return sum(p.size for p in packages)


def _measured(pulled: Pulled) -> dict[str, float]:
    return {
        "pulled_in_packages": float(len(pulled.everything)),
        "pulled_in_bytes": float(_size(pulled.everything)),
        "minimum_packages": float(len(pulled.minimum)),
        "minimum_bytes": float(_size(pulled.minimum)),
    }


def _by_size(pulled: Pulled) -> list[Installed]:
    return sorted(pulled.everything, key=lambda p: (-p.size, p.name))


def _largest(pulled: Pulled) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(text=f"{human_size(p.size):>10}  {p.name} {p.version}")
        for p in _by_size(pulled)[:SHOWN]
    )


def _summary(pulled: Pulled) -> str:
    if not pulled.everything:
        return "a bare system has all it needs"
    shown = ", ".join(f"{p.name} ({human_size(p.size)})" for p in _by_size(pulled)[:SHOWN])
    more = len(pulled.everything) - SHOWN
    return f"pulls in {shown}" + (f" and {more} more" if more > 0 else "")
