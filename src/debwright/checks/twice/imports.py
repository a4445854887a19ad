"""Whether the packages' Python modules can be imported, in a root of each target."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.checks.engine.base import CheckContext, shell_on
from debwright.checks.twice.sides import SHOWN, Side, Sides
from debwright.host.process import CommandError
from debwright.model.codes import ERROR, INFO, Code, Codes
from debwright.model.results import Evidence, Finding
from debwright.packages.debs import members
from debwright.roots import apt
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.systems.runtime import LOCAL_ONLY, copy_into, make_repository

PROBE = Path(__file__).with_name("import_probe.py")
TIMEOUT = 1800.0
NOBODY = 65534
MOST_MODULES = 2000

_SITE = re.compile(r"/usr/lib/python3(?:\.\d+)?/dist-packages")
_INFO = re.compile(r"(?P<site>.+)/[^/]+\.(?:dist|egg)-info(?:/.*)?")
_EXTENSION = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:\.(?:cpython-[\w-]+|abi3))?\.so")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


CODES = Codes(
    {
        "equivalence/import": Code(
            ERROR,
            "A Python module can be imported on one side only; on neither, a remark.",
            or_else=(INFO,),
        )
    }
)


@dataclass(frozen=True)
class Imports:
    """Module, as SITE:NAME, to why it could not be imported; None where it could."""

    results: Mapping[str, str | None]


def modules_of(side: Side, more: Sequence[str]) -> dict[str, list[str]]:
    """Directory to the modules in it: those at the top, and every extension module.

    A directory counts when it is Python's own for packages, holds the metadata of a distribution,
    or is named in `more`.
    """
    paths = [
        m.path for deb in side.packages.values() for m in members(deb.path) if m.kind == "file"
    ]
    sites = {m["site"] for p in paths if (m := _INFO.fullmatch(p))} | {s.rstrip("/") for s in more}
    sites |= {m[0] for p in paths if (m := _SITE.match(p))}
    # An inner directory with metadata (a vendored library) is reached through the outer one.
    outer = {s for s in sites if not any(s.startswith(f"{o}/") for o in sites)}
    return {
        site: names
        for site in sorted(outer)
        if (names := sorted(set(_modules(site, paths)))[:MOST_MODULES])
    }


def _modules(site: str, paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if not path.startswith(f"{site}/"):
            continue
        *packages, base = path.removeprefix(f"{site}/").split("/")
        if not all(_NAME.fullmatch(p) for p in packages) or "tests" in packages:
            continue
        if match := _EXTENSION.fullmatch(base):
            yield ".".join([*packages, match["name"]])
        elif base == "__init__.py" and len(packages) == 1:
            yield packages[0]
        elif not packages and base.endswith(".py") and _NAME.fullmatch(base[:-3]):
            yield base[:-3]


def import_all(
    context: CheckContext, layer: Layer, modules: Mapping[str, Sequence[str]]
) -> Imports:
    """Install the packages into an overlay of `layer` and import `modules` with its python3.

    Raises CommandError when the packages cannot be installed or there is no python3.
    """
    with throwaway(context.cache, layer, "imports") as overlay:
        repository = make_repository(overlay.directory / "repository", context.installable)
        copy_into(overlay.upper, repository)
        with opened(overlay, network=False) as inside:
            for arguments in (["update"], ["install", *(d.package for d in context.installable)]):
                apt.get(inside, [*LOCAL_ONLY, *arguments], what=f"{context.target}: installing",
                        sink=context.log)  # fmt: skip
            done = inside.run(
                ["python3", "-I", "-B", "-c", PROBE.read_text()], stdin=json.dumps(modules),
                uid=NOBODY, env={"HOME": "/nonexistent"}, timeout=TIMEOUT, check=False,
            )  # fmt: skip
    if done.returncode != 0:
        raise CommandError(done, f"{context.target}: the modules cannot be imported")
    results: dict[str, str | None] = {}
    for line in done.output.splitlines():
        item = json.loads(line)
        results[f"{item['site']}:{item['module']}"] = item["error"]
    return Imports(results)


def import_findings(sides: Sides, left: Imports, right: Imports) -> list[Finding]:
    """What can be imported on one side only fails; what neither can is a remark."""
    findings = []
    for mine, theirs, side, other in (
        (left, right, sides.left, sides.right), (right, left, sides.right, sides.left),
    ):  # fmt: skip
        lost = [m for m, why in mine.results.items() if why and theirs.results.get(m, why) is None]
        if lost:
            findings.append(
                CODES.found(
                    "equivalence/import",
                    f"{len(lost)} Python module(s) can be imported on {other.name}, not on "
                    f"{side.name}",
                    evidence=tuple(
                        Evidence(text=f"{m.split(':')[1]}: {mine.results[m]}", file=side.name)
                        for m in lost[:SHOWN]
                    ),
                    fix=shell_on(side.target),
                )
            )
    never = [m for m, why in left.results.items() if why and right.results.get(m)]
    if never:
        findings.append(
            CODES.found(
                "equivalence/import",
                f"{len(never)} Python module(s) can be imported on neither, as what is "
                "optional may be",
                evidence=tuple(
                    Evidence(text=f"{m.split(':')[1]}: {left.results[m]}") for m in never[:SHOWN]
                ),
                severity=INFO,
            )
        )  # fmt: skip
    return findings
