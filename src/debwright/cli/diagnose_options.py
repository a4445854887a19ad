"""debwright diagnose."""

from dataclasses import replace
from typing import Any

import click


@click.command()
@click.option("--issue", is_flag=True, help="File a GitHub issue for each problem, or update it.")
@click.option(
    "--repository", metavar="OWNER/NAME", help="Where the issue goes, instead of the project's own."
)
@click.option("--all", "everything", is_flag=True, help="Also what only follows from a root cause.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--codes", is_flag=True, help="List every code that there is, and what it means.")
@click.argument("what", metavar="[LOG|RUN|-]", required=False)
@click.pass_obj
def diagnose(options: Any, /, what: str | None, repository: str | None, **flags: bool) -> int:
    """Say what broke: from a LOG, from a RUN's results, or from standard input (-).

    RUN is a directory of results (dist/VERSION, a downloaded artifact), its report.json, or a
    version below dist/; without it, the newest run. Logs may be packed (gzip, xz).
    """
    from debwright.cli.diagnose import diagnose as run
    from debwright.cli.diagnose import list_codes

    options = replace(options, json=options.json or flags["as_json"])
    if flags["codes"]:
        return list_codes(options)
    return run(
        options, what, issue=flags["issue"], repository=repository, everything=flags["everything"]
    )
