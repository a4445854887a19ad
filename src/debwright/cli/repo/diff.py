"""debwright repo diff."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.cli.repo import Place

if TYPE_CHECKING:
    from debwright.repository.compare import Difference


@click.command("diff")
@click.argument("one", type=click.IntRange(min=1))
@click.argument("other", type=click.IntRange(min=1), required=False)
@click.pass_obj
def show(options: Options, one: int, other: int | None) -> int:
    """What publication OTHER has otherwise than publication ONE; without OTHER, the current one."""
    from debwright.repository.compare import compared

    place = Place.of(options)
    current = place.state().record.number
    found = compared(place.path, one, other or current)
    lines = [] if found else [f"publications {one} and {other or current} have the same packages"]
    for suite, differences in found.items():
        lines.append(f"{suite}:")
        lines += [f"   {_line(each)}" for each in differences]
    data = {
        "one": one, "other": other or current,
        "suites": {suite: [asdict(d) for d in differences] for suite, differences in found.items()},
    }  # fmt: skip
    emit(options, data, "\n".join(lines))
    return 0


def _line(difference: Difference) -> str:
    name = f"{difference.package} ({difference.architecture})"
    before, after = ", ".join(difference.before), ", ".join(difference.after)
    if not before:
        return f"+ {name} {after}"
    if not after:
        return f"- {name} {before}"
    return f"~ {name} {before} -> {after}"
