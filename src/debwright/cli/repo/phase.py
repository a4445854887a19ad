"""debwright repo phase: an upgrade for some of the machines first."""

from __future__ import annotations

import re
from itertools import pairwise

import click

from debwright.cli.common import Options
from debwright.cli.repo.working import ask_apt, tell, working
from debwright.model.errors import UsageError
from debwright.model.fix import Command

UNITS = {"m": 60, "h": 3600, "d": 24 * 3600}


@click.command("phase")
@click.option("--suite", required=True, metavar="SUITE", help="As bookworm.")
@click.option("--version", metavar="VERSION", help="This version instead of the newest.")
@click.option(
    "--percent", type=click.IntRange(0, 100), help="So many of the machines, from now on."
)
@click.option("--steps", metavar="N,N,...", help="Percentages one after the other, the first now.")
@click.option("--every", metavar="TIME", help="Between two steps: 30m, 12h, 2d. Default: 1d.")
@click.option("--stop", is_flag=True, help="Take it back: no further machine gets it.")
@click.option("--everyone", is_flag=True, help="All machines get it from now on.")
@click.argument("source", metavar="SOURCE")
@click.pass_obj
def set_phase(
    options: Options, source: str, *, suite: str, version: str | None, percent: int | None,
    steps: str | None, every: str | None, stop: bool, everyone: bool,
) -> int:  # fmt: skip
    """Let a part of the machines have the newest version of SOURCE as an upgrade.

    apt of each machine works out whether it is among them, the same each time. Who has the version
    keeps it, and a new installation gets it. `repo renew` raises what is due.
    """
    from debwright.repository.edits import phase
    from debwright.repository.phases import Wanted

    given = [percent is not None, steps is not None, stop, everyone]
    if sum(given) != 1:
        raise UsageError(
            "one of --percent, --steps, --stop and --everyone is needed",
            fix=Command("debwright", "repo", "phase", "--suite", suite, source, "--percent", "10"),
        )
    if every is not None and steps is None:
        raise UsageError("--every goes with --steps")
    percents = _percents(steps) if steps is not None else (0 if stop else percent or 0,)
    wanted = Wanted(
        suite=suite, source=source, version=version,
        percents=(100,) if everyone else percents, every=_seconds(every or "1d"),
    )  # fmt: skip
    with working(options) as (place, signer, reporter):
        ask_apt(options, place, signer, [suite], reporter)
        done = phase(place.path, wanted, signer, place.settings(), say=reporter.note)
    return tell(options, done)


def _percents(text: str) -> tuple[int, ...]:
    found = [int(word) for word in text.split(",") if re.fullmatch(r"\s*\d{1,3}\s*", word)]
    rises = all(one < other for one, other in pairwise(found))
    if len(found) != text.count(",") + 1 or not rises or found[-1] > 100:
        raise UsageError(
            f"--steps {text!r} are not percentages that rise", cause="5,25,50,100 would be"
        )
    return tuple(found)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if found is None or not int(found[1]):
        raise UsageError(f"--every {text!r} is no time", cause="30m, 12h and 2d are")
    return int(found[1]) * UNITS[found[2]]
