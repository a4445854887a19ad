"""debwright documents: what is always about the newest release."""

from __future__ import annotations

from contextlib import closing

import click

from debwright.cli.common import Options, emit, reporter_for
from debwright.model.errors import UsageError


@click.command("documents")
@click.option("--check", is_flag=True, help="Exit with 4 when one was not up to date.")
@click.pass_obj
def documents(options: Options, *, check: bool) -> int:
    """Write the documents that are always about the newest release, from their templates."""
    from debwright.github.client import Github
    from debwright.github.http import Http
    from debwright.github.place import github_repository
    from debwright.pipeline.planning import make_plan
    from debwright.release.documents import bring_up_to_date

    plan = make_plan(options.directory, elsewhere=True)
    loaded = plan.loaded
    if not loaded.config.release.documents:
        raise UsageError(
            "debwright.toml names no documents",
            fix='[[release.documents]] template = "docs/install.md.j2", output = "docs/install.md"',
        )
    repository = github_repository(loaded)
    if repository is None:
        raise UsageError(
            "it is not known which repository the releases are of",
            fix='[release] repository = "owner/name"',
        )
    with (
        closing(reporter_for(options)) as reporter,
        Http.from_environment(say=reporter.note) as http,
    ):
        made = bring_up_to_date(loaded, plan.package, Github(http, repository))
    changed = [d for d in made if d.changed]
    lines = [f"{d.path}: {'written' if d.changed else 'as it should be'}" for d in made]
    lines += [f"next: git add {' '.join(str(d.path) for d in changed)}"] if changed else []
    data = [{"path": str(d.path), "changed": d.changed} for d in made]
    emit(options, data, "\n".join(lines))
    return 4 if check and changed else 0
