"""debwright workflows sync|check|matrix."""

from dataclasses import asdict

from debwright.ci import matrix
from debwright.ci.context import context_of, product_of, top_of
from debwright.ci.provider import append_summary, write_outputs
from debwright.ci.sync import check, sync
from debwright.cli.common import Options, emit
from debwright.config import load


def sync_workflows(options: Options) -> int:
    """Write what differs."""
    top, context = context_of(load(options.directory))
    changed = sync(top, context)
    lines = [f"wrote {path.relative_to(top)}" for path in changed]
    data = {"written": [str(p.relative_to(top)) for p in changed]}
    emit(options, data, "\n".join(lines) or "the workflows are as they should be")
    return 0


def check_workflows(options: Options) -> int:
    """Raise CheckError when a file differs."""
    top, context = context_of(load(options.directory))
    number = check(top, context)
    emit(options, {"files": number}, f"{number} files are as {context.source} says")
    return 0


def show_matrix(options: Options, *, arch: str, light: bool, since: str) -> int:
    """Print the matrix; hand it over, where a workflow asked."""
    loaded = load(options.directory)
    settings = loaded.config.workflows
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
    write_outputs({"matrix": matrix.to_json(found)})
    append_summary(matrix.to_markdown(found, note))
    lines = [note, *(f"{e.target}  on {e.runner}  {e.planned}: {e.reason}" for e in found)]
    emit(options, {"note": note, "matrix": [asdict(e) for e in found]}, "\n".join(lines))
    return 0
