"""The commands that print or write documents: schema, sbom."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("name", type=click.Choice(["check", "report"]))
def schema(name: str) -> int:
    """Print the JSON schema of check.json or report.json."""
    from debwright.cli.schema import print_schema

    return print_schema(name)


@click.command()
@click.option(
    "--vendor", type=click.Choice(["debian", "ubuntu"]), default="debian",
    help="The distribution the packages are for, as package URLs name it.",
)  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.pass_obj
def sbom(options: Any, files: tuple[Path, ...], vendor: str) -> int:
    """Write CycloneDX and SPDX bills of materials of FILES (.deb) beside them.

    With --output, into that directory. `debwright build` makes them for what it builds.
    """
    from debwright.cli.sbom import make_bills

    return make_bills(options, files, vendor)


@click.command("documents")
@click.option("--check", is_flag=True, help="Exit with 4 when one was not up to date.")
@click.pass_obj
def documents(options: Any, *, check: bool) -> int:
    """Write the documents that are always about the newest release, from their templates."""
    from debwright.cli.documents import documents as write

    return write(options, check=check)
