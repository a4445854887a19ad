"""debwright workflows: the workflows of GitHub Actions, and what they ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.commands import Group
from debwright.cli.common import Options, emit, targets_option
from debwright.host.interrupts import interruptible
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.ci.context import Context
    from debwright.ci.needs import Need
    from debwright.config import LoadedConfig
    from debwright.pipeline.plan import Plan


@click.group(cls=Group)
def workflows() -> None:
    """GitHub's workflows, as debwright.toml says."""


@workflows.command("sync")
@click.pass_obj
def sync_workflows(options: Options) -> int:
    """Write .github/workflows and the action that installs debwright."""
    from debwright.ci.context import context_of
    from debwright.ci.sync import sync
    from debwright.config import load

    top, context = context_of(load(options.directory))
    changed = sync(top, context)
    lines = [f"wrote {path.relative_to(top)}" for path in changed]
    data = {"written": [str(p.relative_to(top)) for p in changed]}
    emit(options, data, "\n".join(lines) or "the workflows are as they should be")
    return 0


@workflows.command("check")
@click.pass_obj
def check_workflows(options: Options) -> int:
    """Fail when they differ from what `sync` would write; list what the repository must have.

    The list has the secrets, environments, policies and settings that a person sets up once. With
    a token in the environment each is looked at.
    """
    from debwright.ci.context import context_of
    from debwright.ci.sync import check
    from debwright.config import load

    loaded = load(options.directory)
    top, context = context_of(loaded)
    number = check(top, context)
    needs, lines = explained(context, loaded)
    data = {"files": number, "needs": [asdict(need) for need in needs]}
    emit(options, data, "\n".join([f"{number} files are as {context.source} says", *lines]))
    return 0


def explained(context: Context, loaded: LoadedConfig) -> tuple[Sequence[Need], list[str]]:
    """What the repository must have, as far as can be seen, and the list of it to tick off."""
    from debwright.ci.needs import checklist
    from debwright.ci.provider import provider_named

    provider = provider_named(context.settings.provider)
    needs: Sequence[Need] = list(provider.needs(context, loaded))
    if not needs:
        return needs, []
    try:
        needs, said = provider.look_at(needs, loaded), ""
    except DebwrightError as problem:
        said = f" (not looked at: {problem.what})"
    return needs, [f"what the repository must have on {provider.title}{said}:", *checklist(needs)]


@workflows.command("matrix")
@click.option("--arch", default="all", show_default=True, help="Only targets of it.")
@click.option("--light", is_flag=True, help="Only what a change to a branch is built for.")
@click.option(
    "--since", metavar="COMMIT", default="",
    help="Nothing, if no package is made of what changed since. Empty: all.",
)  # fmt: skip
@click.pass_obj
def show_matrix(options: Options, *, arch: str, light: bool, since: str) -> int:
    """Which targets are built, where and how: the matrix of the workflows.

    On GitHub it becomes the step's output `matrix`, and a table of the run's summary.
    """
    from debwright.ci import matrix
    from debwright.ci.context import product_of, top_of
    from debwright.ci.provider import append_summary, write_outputs
    from debwright.ci.workflows import Workflows
    from debwright.config import load

    loaded = load(options.directory)
    settings = loaded.config.section(Workflows)
    product = product_of(loaded)
    targets = matrix.chosen_targets(product, settings, arch=arch, light=light)
    note = "For the branches that get the full run." if not light else "For a change to a branch."
    if since:
        names = matrix.touched(product, settings, top_of(loaded.directory), since)
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            note = f"The change touches {', '.join(names[:3])}{more}."
        else:
            targets, note = [], "The change touches nothing that packages are made of."
    found = matrix.entries(product, settings, targets)
    # `debwright ci` sets it: see the action that installs debwright.
    arm = matrix.on_real_arm(found, settings, here="DEBWRIGHT_INSTALLED" in os.environ)
    write_outputs({"arm": matrix.to_json(arm), "matrix": matrix.to_json(found)})
    append_summary(matrix.to_markdown(found, note))
    lines = [note, *(f"{e.target}  on {e.runner}  {e.planned}: {e.reason}" for e in found)]
    emit(options, {"note": note, "matrix": [asdict(e) for e in found]}, "\n".join(lines))
    return 0


@workflows.command("previous")
@targets_option
@click.pass_obj
def fetch_previous(options: Options, patterns: tuple[str, ...]) -> int:
    """Fetch the release that users have, for the checks of upgrade, downgrade and regression.

    A step with a token does it, and no code of the package runs there; the checks after it need no
    token. Why there is none is handed over as the reason that they are skipped with.
    """
    from debwright.checks.engine.released import Planned, hand_over
    from debwright.github.place import github_repository
    from debwright.pipeline.planning import make_plan
    from debwright.source.package import binaries_of

    plan = make_plan(options.directory, patterns=patterns, elsewhere=True)
    dist = options.dist(plan.loaded.directory)
    names = plan.dsc.binaries if plan.dsc else binaries_of(_tree(plan))
    place, lines, data = github_repository(plan.loaded), [], {}
    with interruptible():
        for target in (t.target for t in plan.targets):
            version = plan.version_for(target.suite)
            coming = [Planned(package=name, version=version) for name in names]
            found = hand_over(place, target, coming, dist)
            said = ", ".join(d.path.name for d in found.debs) or found.reason
            data[str(target)] = said
            lines.append(f"{target}: {said}")
    emit(options, {"previous": data}, "\n".join(lines))
    return 0


@workflows.command("preview")
@targets_option
@click.pass_obj
def make_preview_of(options: Options, patterns: tuple[str, ...]) -> int:
    """Make the built packages of one target a repository that apt can install from: dist/preview.

    It is not signed. In a workflow the run's summary gets the three lines that install from it.
    """
    from debwright.ci.preview import DIRECTORY, lines_to_try, make_preview, to_markdown
    from debwright.ci.provider import append_summary, to_fetch
    from debwright.packages.debs import read_deb
    from debwright.pipeline.planning import make_plan

    plan = make_plan(options.directory, patterns=patterns, elsewhere=True)
    if len(plan.targets) != 1:
        raise UsageError(
            "a preview is of one target",
            cause=f"these match: {', '.join(str(t.target) for t in plan.targets)}",
            fix=Command("debwright", "workflows", "preview", "-t", plan.targets[0].target),
        )
    target = str(plan.targets[0].target)
    dist = options.dist(plan.loaded.directory)
    home = dist / plan.version_text.split(":", 1)[-1]
    own = sorted(home.glob(f"{target}/*.deb"))
    make_preview([*own, *sorted(home.glob("companions/*/*/*.deb"))], dist / DIRECTORY)
    names = [d.package for d in map(read_deb, own) if not d.debug]
    fetch = to_fetch(f"preview-{target}") or f"cp -r {dist / DIRECTORY} preview"
    lines = lines_to_try(fetch, names)
    append_summary(to_markdown(target, lines))
    emit(options, {"packages": names, "lines": lines}, "\n".join(lines))
    return 0


def _tree(plan: Plan) -> Path:
    assert plan.tree is not None, "it is a .dsc or a tree"
    return plan.tree.directory


@workflows.command("prune")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@click.pass_obj
def prune_github(options: Options, *, dry_run: bool) -> int:
    """Remove artifacts on GitHub that newer ones have taken the place of.

    `packages` has all of a run, and stays for the days of workflows.retention_days.
    """
    from debwright.ci.context import product_of
    from debwright.ci.workflows import Workflows
    from debwright.config import load
    from debwright.github.http import Http
    from debwright.github.place import required_repository
    from debwright.github.storage import Storage, superseded
    from debwright.host.files import human_size

    loaded = load(options.directory)
    settings = loaded.config.section(Workflows)
    since = datetime.now(UTC) - timedelta(days=settings.retention_days)
    repository = required_repository(product_of(loaded), what="has the artifacts")
    said: list[str] = []
    with interruptible(), Http.from_environment(say=said.append, needs="actions: write") as http:
        storage = Storage(http, repository)
        # Others' artifacts are not for debwright to judge.
        ours = [a for a in storage.all() if a.name == "packages" or a.name.startswith("packages-")]
        # A release that waits for its reviewers needs the packages that it has built.
        old = superseded(
            ours, settings.keep_artifacts, storage.unfinished(),
            # All of a run is in `packages`, which is kept for the days that were promised.
            lambda a: a.name == "packages" and (a.created_at is None or a.created_at > since),
        )  # fmt: skip
        for artifact in () if dry_run else old:
            storage.remove(artifact)
    verb = "would remove" if dry_run else "removed"
    said += [f"{verb} {a.name} of {a.created_at}, {human_size(a.size_in_bytes)}" for a in old]
    total = sum(a.size_in_bytes for a in old)
    done = "would be removed" if dry_run else "removed"
    said.append(f"{len(old)} of {len(ours)} artifacts {done}, {human_size(total)}")
    data = {"removed": [a.model_dump(mode="json") for a in old], "dry_run": dry_run}
    emit(options, data, "\n".join(said))
    return 0
