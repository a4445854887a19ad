"""diffoscope(1), where it is installed: what a difference means, several archives deep.

It parses whatever it is given with dozens of tools, so it runs as nobody, without a network, in
namespaces of its own, on copies.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from debwright.host.process import CommandError
from debwright.isolation.namespaces import Namespaces, Spec
from debwright.model.errors import DebwrightError, MissingError
from debwright.roots.cache import Cache

INSTALL = "sudo apt-get install diffoscope-minimal"
TIMEOUT = 600.0
"""Seconds. Its own comparison of a large binary may take longer; then ours has to do."""

DIFF_LINES = 12
MOST = 200
NOBODY = 65534
REPORT_LIMIT = 32 * 2**20
"""Bytes."""

_PLACE = "/mnt"
"""Where a file system in memory is mounted, for the length of one comparison."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A leaf of diffoscope's tree: a path of members, and how the two differ there."""

    member: str
    """The entry's name as in the archive (`./usr/bin/x`), or the archive's own."""
    path: str
    """All names down to the tool that showed it, as `data.tar.xz > ./usr/lib/x.so > readelf`."""
    lines: tuple[str, ...]


def available() -> bool:
    return shutil.which("diffoscope") is not None


def explain(first: Path, second: Path, cache: Cache) -> list[Explanation]:
    """What diffoscope says of the two. Raises MissingError without it, DebwrightError otherwise."""
    if not available():
        raise MissingError("diffoscope is not installed", fix=INSTALL)
    with cache.scratch("diffoscope") as scratch:
        report = scratch / "report.json"
        # In memory that only these namespaces see: nobody may not enter the cache of root.
        with Namespaces(Spec(network=False, tmpfs=[_PLACE])) as inside:
            _run(inside, first, second)
            inside.run(["cp", "--no-dereference", f"{_PLACE}/out/report.json", str(report)])
        if report.is_symlink() or report.stat().st_size > REPORT_LIMIT:
            raise DebwrightError("diffoscope's report is not a file of a usable size")
        try:
            tree = json.loads(report.read_bytes())
            return list(islice(leaves(tree, ()), MOST))
        except (ValueError, RecursionError, AttributeError, TypeError) as problem:
            raise DebwrightError("diffoscope's report cannot be read") from problem


def _run(inside: Namespaces, first: Path, second: Path) -> None:
    inside.run(["chmod", "755", _PLACE])
    for name, path in (("first", first), ("second", second)):
        inside.run(["mkdir", f"{_PLACE}/{name}"])
        inside.run(["install", "-m644", "--", str(path), f"{_PLACE}/{name}/{first.name}"])
    owner = f"--owner={NOBODY}"
    inside.run(["install", "-d", owner, f"{_PLACE}/out", f"{_PLACE}/work"])
    done = inside.run(
        ["diffoscope", "--no-progress", f"--max-report-size={REPORT_LIMIT // 4}",
         f"--max-diff-block-lines={DIFF_LINES * 8}", "--json", f"{_PLACE}/out/report.json",
         f"{_PLACE}/first/{first.name}", f"{_PLACE}/second/{first.name}"],
        cwd=f"{_PLACE}/work", uid=NOBODY, timeout=TIMEOUT, check=False, merge=True,
        env={"HOME": f"{_PLACE}/work", "TMPDIR": f"{_PLACE}/work"},
    )  # fmt: skip
    if done.returncode not in (0, 1):  # 1: they differ (diffoscope(1), "EXIT STATUS")
        raise CommandError(done, "diffoscope could not compare the packages")


def leaves(node: dict[str, Any], above: tuple[str, ...]) -> Iterator[Explanation]:
    """The nodes of the report that show a difference; the root names the files themselves."""
    names = tuple(dict.fromkeys(str(node.get(k, "")) for k in ("source1", "source2")))
    path = (*above, " / ".join(names)) if above or "details" not in node else above
    diff = node.get("unified_diff")
    if isinstance(diff, str) and diff:
        yield Explanation(member=_member(path), path=_shown(path), lines=_changed(diff))
    for comment in node.get("comments") or ():
        yield Explanation(member=_member(path), path=_shown(path), lines=(str(comment),))
    for child in node.get("details") or ():
        yield from leaves(child, path or ("",))


def _shown(path: tuple[str, ...]) -> str:
    return " > ".join(name for name in path if name)


def _member(path: tuple[str, ...]) -> str:
    """The entry of the package's archive among the names: below it are tools and inner archives."""
    for part in ("data.tar", "control.tar"):
        for index, name in enumerate(path):
            if name == part and index + 1 < len(path):
                return f"{part}/{path[index + 1]}"
    return path[-1] if path else ""


def _changed(diff: str) -> tuple[str, ...]:
    """The changed lines; context costs room and says little."""
    lines = [
        line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    more = [f"[{len(lines) - DIFF_LINES} more lines]"] if len(lines) > DIFF_LINES else []
    return (*(line[:300] for line in lines[:DIFF_LINES]), *more)
