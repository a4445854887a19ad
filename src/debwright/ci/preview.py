"""The packages of a change, as an artifact that apt can install from.

It is a repository without directories and without a signature (apt's sources.list(5), "exact
path"): for whoever looks at a change, on a machine that may break.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from debwright.host import process
from debwright.host.files import atomic_write
from debwright.model.errors import MissingError, UsageError
from debwright.model.fix import Command, Install

DIRECTORY = "preview"
"""Below dist/."""
SECONDS = 300


def make_preview(debs: Sequence[Path], directory: Path) -> None:
    """Make `directory` a repository of `debs`. Raises UsageError without any, MissingError."""
    if not debs:
        raise UsageError("there is no package to look at", fix=Command("debwright", "check"))
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for deb in debs:
        if not (directory / deb.name).exists():
            os.link(deb, directory / deb.name)
    try:
        index = process.run(["apt-ftparchive", "packages", "."], cwd=directory, timeout=SECONDS)
    except MissingError as error:
        raise MissingError("apt-ftparchive is not installed", fix=Install("apt-utils")) from error
    atomic_write(directory / "Packages", index.output)


def lines_to_try(fetch: str, packages: Sequence[str]) -> list[str]:
    """The three lines with which a person installs them; `fetch` brings the artifact to preview/.

    apt takes an unsigned repository with trusted=yes only, and reads it as the user _apt.
    """
    source = 'echo "deb [trusted=yes] file:$PWD/preview ./"'
    return [
        fetch,
        f"{source} | sudo tee /etc/apt/sources.list.d/preview.list",
        f"sudo apt-get update && sudo apt-get install {' '.join(packages)}",
    ]


def to_markdown(target: str, lines: Sequence[str]) -> str:
    """For the run's summary."""
    return "\n".join([f"### Try {target}", "", "```sh", *lines, "```", "", ""])
