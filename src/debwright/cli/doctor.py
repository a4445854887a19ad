"""debwright doctor."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit

if TYPE_CHECKING:
    from debwright.doctor import Health


@click.command("doctor")
@click.option("--install", is_flag=True, help="Install and set up what is missing, by apt.")
@click.pass_obj
def show_doctor(options: Options, *, install: bool = False) -> int:
    """What this machine has, what is missing, and the command that installs it."""
    from debwright.config import load
    from debwright.doctor import examine_project
    from debwright.doctor.machine import examine

    loaded = load(options.directory)
    config = loaded.config
    if install:
        from debwright.doctor.install import install_missing

        found = install_missing(config, say=lambda text: print(text, file=sys.stderr))
    else:
        found = examine(config)
    found = [*found, *examine_project(loaded, options.dist(loaded.directory))]
    lines = []
    for item in found:
        mark = "ok     " if item.ok else ("MISSING" if item.needed else "limited")
        lines.append(f"{mark}  {item.name:22} {item.found}")
        if item.fix:
            lines.append(f"         {'':22} -> {options.standing.typed(item.fix)}")
    missing = [i for i in found if not i.ok and i.needed]
    lines.append("")
    lines.append(f"{len(missing)} thing(s) missing" if missing else "everything needed is there")
    emit(options, {"ok": not missing, "found": [asdict(i) for i in found]}, "\n".join(lines))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        _annotate(missing)
    return 5 if missing else 0


def _annotate(missing: Iterable[Health]) -> None:
    """Why the job ends, where GitHub shows it: a job that found no room has no other result."""
    from debwright.model.results import Severity
    from debwright.observe.console.github import annotation

    for item in missing:
        text = f"{item.found}\nnext: {item.fix}" if item.fix else item.found
        line = annotation(Severity.ERROR, f"missing on this machine: {item.name}", text)
        print(line, file=sys.stderr, flush=True)
