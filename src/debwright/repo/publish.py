"""Publishing: packages in, a complete signed repository out, in one step for its readers.

The order of the acts is what makes a kill at any moment harmless:

1. the journal says which pool files and which publication are about to come;
2. the pool gets its new files, which no index names yet;
3. the publication is built in the work directory, synced, and renamed into `publications/`;
4. the `dists` link is replaced: this is the publication;
5. the journal goes.

Whoever finds a journal takes back what it names, unless step 4 was done.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from debwright.errors import DebwrightError, Evidence, UsageError
from debwright.repo import incoming, pool, store
from debwright.repo.assemble import Assembly
from debwright.repo.model import PackageFile, Publication, RepositorySettings
from debwright.repo.plan import Plan, Published, State, load, make_plan
from debwright.sign import Signer


def publish(
    repo: Path,
    packages: Sequence[PackageFile],
    signer: Signer,
    settings: RepositorySettings,
    *,
    say: store.Say = store.silent,
    lock_timeout: float | None = None,
) -> Publication:
    """Add `packages` to the repository `repo`, which is made when it is not there.

    Publishers wait for each other; `say` is told when that happens. Raises CheckError for a
    package that cannot be published, UsageError when there is nothing to publish, MissingError
    without apt-ftparchive or gpg, DebwrightError otherwise. However it ends, readers see the
    old or the new publication, complete.
    """
    repo = repo.absolute()
    try:
        store.make_directories(repo)
        with store.locked(repo, say, lock_timeout):
            recover(repo)
            try:
                return _publish(repo, packages, signer, settings)
            except BaseException:
                recover(repo)
                raise
    except OSError as error:
        raise DebwrightError(
            f"could not publish to {repo}: {error.strerror or error}",
            evidence=[Evidence(text=str(error.filename))] if error.filename else [],
            cause="the disk is full, or the directory is not writable",
            fix=f"df -h {repo}; ls -ld {repo}",
        ) from error


def _publish(
    repo: Path, packages: Sequence[PackageFile], signer: Signer, settings: RepositorySettings
) -> Publication:
    before = load(repo)
    plan = make_plan(repo, before, incoming.read_all(packages), signer, settings)
    if before is not None and not (plan.changed or plan.resigned or plan.missing):
        _prune(repo, settings.keep, before.record.number)
        return _unchanged(repo, before)
    if not plan.entries:
        raise UsageError("there is nothing to publish", fix="debwright build")
    number = max([*store.publication_numbers(repo), 0]) + 1
    _write_journal(repo, number, plan)
    work = store.work_directory(repo)
    store.make_directories(work)
    pool.add(repo, plan.missing, work / "pool")
    Assembly(
        repo=repo,
        target=work / "publication",
        before=before,
        plan=plan,
        signer=signer,
        settings=settings,
    ).write(number)
    store.sync(store.tree_paths(work / "publication"))
    final = store.publication_directory(repo, number)
    store.make_directories(final.parent)
    (work / "publication").rename(final)
    store.sync([final.parent])
    store.switch(repo, number)
    recover(repo)
    _prune(repo, settings.keep, number)
    return Publication(
        number=number,
        suites=tuple(sorted(plan.entries)),
        added=plan.added,
        unchanged=False,
        path=final,
        fingerprint=signer.fingerprint,
    )


def _unchanged(repo: Path, state: State) -> Publication:
    return Publication(
        number=state.record.number,
        suites=state.record.suites,
        added=(),
        unchanged=True,
        path=store.publication_directory(repo, state.record.number),
        fingerprint=state.record.fingerprint,
    )


def _write_journal(repo: Path, number: int, plan: Plan) -> None:
    fresh = [path for path in plan.missing if not (repo / path).exists()]
    data = json.dumps({"number": number, "pool": sorted(fresh)})
    store.write_durably(store.private(repo) / store.JOURNAL, data.encode())


def recover(repo: Path) -> None:
    """Take back what an interrupted publication left, or finish what was published.

    Called with the lock held.
    """
    journal = store.private(repo) / store.JOURNAL
    current = store.current_number(repo)
    if journal.exists():
        plan = json.loads(journal.read_text(encoding="utf-8"))
        if plan["number"] != current:
            store.remove_publication(repo, plan["number"])
            published = Published(repo, None)
            pool.remove(repo, [p for p in plan["pool"] if published.find(p) is None])
    if current is not None:
        store.link_top_files(repo, current)
    journal.unlink(missing_ok=True)
    for pattern in ("work-*", "gone-*"):
        for left in store.private(repo).glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


def _prune(repo: Path, keep: int, current: int) -> None:
    """Remove the oldest publications beyond `keep`; never the current one or a later one."""
    old = [n for n in store.publication_numbers(repo) if n < current]
    for number in old[: max(0, len(old) - (keep - 1))]:
        store.remove_publication(repo, number)
