"""What the benches measured: a JSON file for each part, and one page made of them all.

Parts take from seconds to half an hour, so they are measured one by one; each keeps the day and the
machine it was measured on. `python bench/records.py` writes the page again.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from debwright.host.machine import describe_host

TOP = Path(__file__).parent.parent
HOME = TOP / "docs/benchmarks"
PAGE = TOP / "docs/benchmarks.md"


@dataclass(frozen=True)
class Row:
    """One line of a table. `value` is a ratio or, where there is no peer, an absolute.

    `bound` is in words, as "at most 1.1"; `met` is None where there is none.
    """

    name: str
    value: str
    bound: str
    met: bool | None
    detail: str


def row(name: str, value: float, bound: float, unit: str, detail: str) -> Row:
    """A figure that should be at most `bound`."""
    return Row(name, f"{value:.2f}{unit}", f"at most {bound:g}{unit}", value <= bound, detail)


def at_least(name: str, value: float, bound: float, unit: str, detail: str) -> Row:
    """A figure that should be at least `bound`."""
    return Row(name, f"{value:.1f}{unit}", f"at least {bound:g}{unit}", value >= bound, detail)


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | measured | bound | how |", "| --- | ---: | ---: | --- |"]
    for one in rows:
        mark = " **not met**" if one.met is False else ""
        lines.append(f"| {one.name} | {one.value}{mark} | {one.bound} | {one.detail} |")
    return "\n".join(lines)


def save(part: str, title: str, how: str, rows: Sequence[Row]) -> None:
    """Write docs/benchmarks/PART.json and the page. `how` says how it was measured."""
    HOME.mkdir(exist_ok=True)
    record = {
        "title": title,
        "how": how,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {describe_host()}",
        "rows": [asdict(one) for one in rows],
    }
    (HOME / f"{part}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    write_page()


def page() -> str:
    """docs/benchmarks.md, of all that was saved."""
    parts = [json.loads(path.read_text()) for path in sorted(HOME.glob("*.json"))]
    sections = [
        f"## {part['title']}\n\nMeasured on {part['date']}, {part['machine']}. {part['how']}\n\n"
        + table([Row(**one) for one in part["rows"]])
        for part in parts
    ]
    return (
        "# Benchmarks\n\n"
        "Ratios say more than seconds: both sides of one are measured in one run, taking turns. "
        "Seconds vary with the machine and its load. A bound that is not met is marked. Made by "
        "`make bench` from `docs/benchmarks/*.json`; not edited by hand.\n\n"
        + "\n\n".join(sections)
        + "\n"
    )


def write_page() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    write_page()
