"""What differs between a first and a second build.

The choice is that of Debian's own rebuilders: what has been seen to leak into packages (clock,
path, user, locale, time zone, umask, number of processors, host name, environment). The kernel, the
processor's model and the order in which a file system lists its files stay as they are.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.build.depends import BuildPlan
from debwright.build.workplace import Workplace
from debwright.host.process import LineSink
from debwright.isolation.namespaces import PATH, Namespaces
from debwright.roots.apt import UnsatisfiableError
from debwright.roots.layers import Roots
from debwright.roots.store import Layer

SHIFT_SECONDS = (398 * 24 + 7) * 3600 + 13 * 60
"""Over a year, into the future: files would be from the future for a clock in the past."""

LOCALE = "fr_CH.UTF-8"
"""Other words, another order of letters and another decimal point than C.UTF-8."""

_FAKETIME = "usr/lib/*/faketime/libfaketimeMT.so.1"
_UID = 4321
_DIRECTORY = Path("another-place-to-build-in")


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One condition and what it is in each of the two builds."""

    name: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.name}: {self.first}, then {self.second}"


@dataclass(frozen=True, kw_only=True)
class Second:
    """How the second build is done."""

    layer: Layer
    plan: BuildPlan
    workplace: Workplace
    variations: tuple[Variation, ...]
    notes: tuple[str, ...] = ()
    """What could not be varied, and why."""

    def without_clock(self, why: str) -> "Second":
        """The same with the real clock."""
        environment = {
            k: v for k, v in self.workplace.environment.items() if k not in _CLOCK_VARIABLES
        }
        return replace(
            self,
            workplace=replace(self.workplace, environment=environment),
            variations=tuple(v for v in self.variations if v.name != "clock"),
            notes=(*self.notes, f"the clock was not varied: {why}"),
        )

    @property
    def clock_varied(self) -> bool:
        return "LD_PRELOAD" in self.workplace.environment


_CLOCK_VARIABLES = (
    "LD_PRELOAD", "FAKETIME", "NO_FAKE_STAT", "DONT_FAKE_MONOTONIC",
    "FAKETIME_DONT_FAKE_MONOTONIC",
)  # fmt: skip


def second_build(
    roots: Roots,
    plan: BuildPlan,
    parent: Layer,
    sink: LineSink | None,
    *,
    processors: Callable[[], set[int]] = lambda: os.sched_getaffinity(0),
) -> Second:
    """The second build for `plan`, whose build dependencies are in `parent`."""
    layer, notes = _layer(roots, plan, parent, sink)
    library = next((p.relative_to(layer.tree) for p in layer.tree.glob(_FAKETIME)), None)
    usual = Workplace()
    mine = sorted(processors())
    first_jobs = _parallel(plan, len(mine))
    second_jobs = 1 if first_jobs > 1 else 3
    environment = {
        "HOME": f"/nonexistent/{_DIRECTORY}",
        "TZ": "<+14>-14",
        "LC_ALL": LOCALE,
        "LANG": LOCALE,
        "LANGUAGE": "fr_CH:fr",
        "PATH": f"{PATH}:/i/am/not/there",
        "CAPTURED_BY_THE_BUILD": "a variable of the second build",
    }
    varied = [
        Variation(name="path", first=f"/{usual.directory}", second=f"/{_DIRECTORY}"),
        Variation(name="user", first=f"{usual.user} ({usual.uid})", second=f"rebuilder ({_UID})"),
        Variation(name="home", first="/nonexistent", second=environment["HOME"]),
        Variation(name="host name", first=usual.hostname, second="rebuilder"),
        Variation(name="umask", first=f"{usual.umask:04o}", second="0002"),
        Variation(name="time zone", first="UTC", second="UTC+14"),
        Variation(name="processors", first=f"{len(mine)}, parallel={first_jobs}",
                  second=f"{1 if second_jobs == 1 else len(mine)}, parallel={second_jobs}"),
        Variation(name="environment", first="clean", second="another PATH, one more variable"),
        Variation(name="tests", first="as configured", second="nocheck"),
    ]  # fmt: skip
    if any("locale" in n for n in notes):
        for name in ("LC_ALL", "LANG", "LANGUAGE"):
            del environment[name]
    else:
        varied.insert(5, Variation(name="locale", first="C.UTF-8", second=LOCALE))
    if library is not None:
        environment |= _clock(library)
        days = SHIFT_SECONDS // 86400
        varied.insert(0, Variation(name="clock", first="now", second=f"now + {days} days"))
    options = [o for o in plan.options if not o.startswith("parallel=") and o != "nocheck"]
    options += ["nocheck", f"parallel={second_jobs}"]
    return Second(
        layer=layer,
        plan=replace(plan, options=tuple(options)),
        workplace=Workplace(
            directory=_DIRECTORY, user="rebuilder", uid=_UID, hostname="rebuilder", umask=0o002,
            processors=mine[:1] if second_jobs == 1 else (), environment=environment,
        ),
        variations=tuple(varied),
        notes=tuple(notes),
    )  # fmt: skip


def _clock(library: Path) -> dict[str, str]:
    """libfaketime's variables (its README): files keep their times, and so do timeouts."""
    return {
        "LD_PRELOAD": f"/{library}",
        "FAKETIME": f"+{SHIFT_SECONDS}",
        "NO_FAKE_STAT": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _parallel(plan: BuildPlan, processors: int) -> int:
    """The number of jobs of the first build; see build_environment."""
    for option in plan.options:
        name, _, value = option.partition("=")
        if name == "parallel" and value.isdigit():
            return int(value)
    return processors


def _layer(
    roots: Roots, plan: BuildPlan, parent: Layer, sink: LineSink | None
) -> tuple[Layer, list[str]]:
    """The build's layer with libfaketime and a locale, as far as the suite has them."""
    attempts: tuple[tuple[tuple[str, ...], list[str]], ...] = (
        (("libfaketime", "locales"), []),
        (("locales",), [f"the clock was not varied: {plan.machine} has no package libfaketime"]),
    )
    for packages, notes in attempts:
        try:
            return _with(roots, plan, parent, packages, sink), notes
        except UnsatisfiableError:
            continue
    lacking = f"{plan.machine} has neither libfaketime nor locales"
    return parent, [f"the clock was not varied: {lacking}", f"the locale was not varied: {lacking}"]


def _with(
    roots: Roots, plan: BuildPlan, parent: Layer, packages: tuple[str, ...], sink: LineSink | None
) -> Layer:
    def change(inside: Namespaces, scratch: Path) -> None:
        arguments = ["install", "--no-install-recommends", *packages]
        roots.install(inside, scratch, arguments, sink, f"{plan.target}: for a second build")
        language, _, charset = LOCALE.partition(".")
        inside.run(["localedef", "-i", language, "-f", charset, LOCALE], sink=sink, timeout=600)

    inputs = {"packages": packages, "locale": LOCALE}
    return roots.custom("rebuild", plan.machine, parent, inputs, change)
