"""debwright workflows prune."""

from debwright.ci.context import product_of
from debwright.cli.common import Options, emit
from debwright.config import load
from debwright.github.http import Http
from debwright.github.place import github_repository
from debwright.github.storage import Storage, superseded
from debwright.host.files import human_size
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError


def prune_github(options: Options, *, dry_run: bool) -> int:
    """Remove all but the newest artifacts of each name that the workflows make."""
    loaded = load(options.directory)
    repository = github_repository(product_of(loaded))
    if repository is None:
        raise UsageError(
            "it is not known which repository's artifacts are meant",
            cause="release.repository is not set, and git has no remote `origin` on GitHub",
            fix='[release] repository = "owner/name"',
        )
    said: list[str] = []
    with interruptible(), Http.from_environment(say=said.append, needs="actions: write") as http:
        storage = Storage(http, repository)
        # Others' artifacts are not for debwright to judge.
        ours = [a for a in storage.all() if a.name == "packages" or a.name.startswith("packages-")]
        # A release that waits for its reviewers needs the packages that it has built.
        old = superseded(ours, loaded.config.workflows.keep_artifacts, storage.unfinished())
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
