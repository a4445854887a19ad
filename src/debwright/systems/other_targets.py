"""Which other suites of the distribution have a package that the target's lacks."""

from collections.abc import Iterable, Sequence

from debwright.host.process import LineSink
from debwright.isolation.namespaces import Namespaces
from debwright.model.errors import DebwrightError, Evidence
from debwright.model.suites import SUITES, suite_info
from debwright.model.targets import Target
from debwright.roots import apt

_HOME = "/mnt/debwright-elsewhere"
TIMEOUT = 120
"""Seconds for one suite's package lists; under qemu they take a minute."""


def available_elsewhere(
    inside: Namespaces, target: Target, problem: DebwrightError, sink: LineSink | None
) -> list[Evidence]:
    """A line for each missing package and each other suite that has it.

    The target's own mirror is asked, with package lists of their own: nothing else in the root
    sees them. A suite that cannot be asked is left out; the error is told either way.
    """
    names = apt.unmet_names("\n".join(e.text for e in problem.evidence))
    mirror = _mirror(inside)
    if not names or mirror is None:
        return []
    found: list[Evidence] = []
    for suite in _candidates(target):
        if sink:
            sink(f"asking {suite} for {', '.join(names)}")
        found += _ask(inside, mirror, suite, names)
    inside.run(["rm", "-rf", _HOME], check=False)
    return found


def elsewhere_cause(found: Sequence[Evidence]) -> str | None:
    """What it means that other suites have a dependency."""
    if not found:
        return None
    what = "; ".join(e.text for e in found[:4])
    return f"only other suites have it: {what}"


def _candidates(target: Target) -> Iterable[str]:
    """Backports first, then the distribution's other suites from the newest."""
    info = suite_info(target.suite)
    if info.release is not None and info.distribution in {"debian", "ubuntu"}:
        yield f"{info.codename}-backports"
    for other in reversed(tuple(SUITES.values())):
        if other.distribution == info.distribution and other.codename != info.codename:
            yield other.codename


def _mirror(inside: Namespaces) -> str | None:
    """The first archive of the root's own sources, with the options of its line."""
    done = inside.run(
        ["sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null"],
        check=False,
    )
    for line in done.output.splitlines():
        words = line.split()
        if words[:1] == ["deb"] and "debwright" not in line:
            options = 1
            if words[1].startswith("["):
                options = next((i for i, w in enumerate(words) if w.endswith("]")), 1) + 1
            if len(words) > options:
                return " ".join(words[: options + 1])
    return None


def _ask(
    inside: Namespaces, mirror: str, suite: str, names: Sequence[str]
) -> list[Evidence]:  # fmt: skip
    where = f"{_HOME}/{suite}"
    options = [
        "-o", f"Dir::Etc::SourceList={where}/list", "-o", "Dir::Etc::SourceParts=-",
        "-o", f"Dir::State::Lists={where}/lists", "-o", "Dir::Cache::pkgcache=",
        "-o", "Dir::Cache::srcpkgcache=", "-o", "Acquire::Languages=none",
        # Nothing is installed from there: what a mirror that is some days behind has is an answer.
        "-o", "Acquire::Check-Valid-Until=false",
    ]  # fmt: skip
    try:
        inside.run(["mkdir", "-p", f"{where}/lists/partial"])
        inside.run(["sh", "-c", f"cat > {where}/list"], stdin=f"{mirror} {suite} main\n")
        inside.run(["apt-get", *apt.OPTIONS, *options, "update"], merge=True, timeout=TIMEOUT,
                   network=True)  # fmt: skip
        done = inside.run(["apt-cache", *options, "madison", *names], check=False, timeout=TIMEOUT)
    except DebwrightError:
        return []  # no such suite on the mirror, or it does not answer
    rows = [[c.strip() for c in line.split("|")] for line in done.output.splitlines()]
    return [
        Evidence(text=f"{row[0]} {row[1]} is in {suite}")
        for row in rows
        if len(row) >= 3 and "Packages" in row[2]
    ]
