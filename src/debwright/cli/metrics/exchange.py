"""debwright metrics export|merge|sync|ingest: records from and for elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.cli.metrics import (
    Days,
    file_path,
    opened,
)
from debwright.model.errors import UsageError, printable
from debwright.model.fix import Correction

if TYPE_CHECKING:
    from debwright.observe.metrics import exchange


@click.command("export")
@click.argument("file", type=file_path, required=False)
@click.pass_obj
def export_records(options: Options, file: Path | None) -> int:
    """Write all records as JSON lines, to FILE (packed, if it ends in .gz) or to the output."""
    from debwright.observe.metrics import exchange

    _, store = opened(options)
    with store:
        text, count = exchange.export(store, file)
    if file is None:
        print(text, end="")
    else:
        emit(options, {"records": count, "file": str(file)}, f"{file}: {count} records")
    return 0


@click.command("merge")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
def merge_records(options: Options, paths: Sequence[Path]) -> int:
    """Take in records that others have exported: files, or directories of such.

    In any order, and as often as one likes: what is known already changes nothing.
    """
    from debwright.observe.metrics import exchange

    _, store = opened(options, create=True)
    with store:
        report = exchange.merge_files(store, paths)
    return tell_merged(options, report)


@click.command("ingest")
@click.option(
    "--github", is_flag=True, required=True, expose_value=False,
    help="From GitHub's API; there is no other source yet.",
)  # fmt: skip
@click.option("--repository", metavar="OWNER/NAME", help="Default: release.repository, or origin.")
@click.option("--workflow", metavar="FILE", help="Only runs of this workflow, as ci.yml.")
@click.option(
    "--days", type=Days(), default=90, show_default=True,
    help="Only of so many days.",
)  # fmt: skip
@click.pass_obj
def ingest_github(
    options: Options, repository: str | None, workflow: str | None, days: float
) -> int:
    """Take in the history of workflow runs and jobs: what broke before debwright began, too.

    GITHUB_TOKEN needs `actions: read`. What is known is not asked for again.
    """
    from debwright.github.http import Http
    from debwright.github.place import required_repository
    from debwright.observe.metrics.exchange import Report
    from debwright.observe.metrics.github import ingest

    loaded, store = opened(options, create=True)
    with store:
        wanted = required_repository(
            loaded, repository, what="is meant",
            fix="debwright metrics ingest --github --repository owner/name",
        )  # fmt: skip
        if workflow is not None and not _WORKFLOW.fullmatch(workflow):
            raise UsageError(
                f"{workflow!r} is no workflow's file",
                fix=Correction("ci.yml", wrong=workflow, option="--workflow"),
            )

        def say(text: str) -> None:
            print(printable(text), file=sys.stderr)

        with Http.from_environment(say=say, needs="actions: read") as http:
            merged = ingest(store, http, wanted, days=days, workflow=workflow,
                            now=datetime.now(UTC), say=say)  # fmt: skip
    return tell_merged(options, Report(merged=merged))


@click.command("sync")
@click.option("--branch", default="metrics", show_default=True, help="The branch with the records.")
@click.option("--remote", default="origin", show_default=True)
@click.pass_obj
def sync_branch(options: Options, branch: str, remote: str) -> int:
    """Exchange records with a branch of the repository: take in what it has, bring what it has not.

    Nothing in the work tree is touched, and nothing is forced.
    """
    from debwright.observe.metrics.branch import sync

    loaded, store = opened(options, create=True)
    with store:
        done = sync(store, loaded.directory, remote, branch)
    if not options.json:
        print(f"pushed {done.commit[:12]}" if done.commit else "the branch has all of it")
    return tell_merged(options, done.report)


def tell_merged(options: Options, report: exchange.Report) -> int:
    """Say what became of records; 1 when some lines were none."""
    merged = report.merged
    lines = [f"{merged.new} new, {merged.newer} newer, {merged.known} known already"]
    for finding in report.refused:
        item = finding.evidence[0]
        lines.append(f"refused {item.file}:{item.line or '?'}: {item.text}")
    if (more := report.refused_lines - len(report.refused)) > 0:
        lines.append(f"and {more} more lines refused")
    data = {**asdict(merged), "refused": report.refused_lines,
            "findings": [f.model_dump(mode="json") for f in report.refused]}  # fmt: skip
    emit(options, data, printable("\n".join(lines)))
    return 1 if report.refused_lines else 0


_WORKFLOW = re.compile(r"[A-Za-z0-9._-]{1,200}")
