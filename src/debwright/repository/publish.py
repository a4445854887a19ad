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
from collections.abc import Callable, Sequence
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.model.errors import DebwrightError, Evidence, UsageError
from debwright.model.fix import Command
from debwright.repository import incoming, pool, store
from debwright.repository.assemble import Assembly
from debwright.repository.model import PackageFile, Publication, RepositorySettings
from debwright.repository.plan import Plan, Published, State, load, make_plan, record_of
from debwright.repository.promises import refuse_renaming

GARBAGE = "garbage.json"


def publish(
    repo: Path,
    packages: Sequence[PackageFile],
    signer: Signer,
    settings: RepositorySettings,
    *,
    percent: int | None = None,
    say: store.Say = store.silent,
    lock_timeout: float | None = None,
) -> Publication:
    """Add `packages` to the repository `repo`, which is made when it is not there.

    `percent` of the machines get them as upgrades at first (phases.py); None for all.

    Publishers wait for each other; `say` is told when that happens. Raises CheckError for a
    package that cannot be published, UsageError when there is nothing to publish, MissingError
    without apt-ftparchive or gpg, DebwrightError otherwise. However it ends, readers see the
    old or the new publication, complete.
    """

    def planner(before: State | None) -> Plan:
        arriving = incoming.read_all(packages)
        return make_plan(repo.absolute(), before, arriving, signer, settings, percent=percent)

    return change(repo, planner, signer, settings, say=say, lock_timeout=lock_timeout)


def change(
    repo: Path,
    planner: Callable[[State | None], Plan],
    signer: Signer,
    settings: RepositorySettings,
    *,
    renaming: bool = False,
    say: store.Say = store.silent,
    lock_timeout: float | None = None,
) -> Publication:
    """Make the publication that `planner` plans, given the current one. As `publish`.

    With `renaming` the settings may have another origin or label, which users have to confirm.
    """
    repo = repo.absolute()
    try:
        store.make_directories(repo)
        with store.locked(repo, say, lock_timeout):
            recover(repo)
            try:
                before = load(repo)
                if before is not None and not renaming:
                    refuse_renaming(before.record.settings, settings)
                return _publish(repo, before, planner(before), signer, settings, say=say)
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
    repo: Path, before: State | None, plan: Plan, signer: Signer, settings: RepositorySettings,
    *, say: store.Say,
) -> Publication:  # fmt: skip
    if before is not None and not (plan.changed or plan.resigned or plan.missing):
        _prune(repo, settings.keep, before.record.number)
        return _unchanged(repo, before)
    for note in plan.notes:
        say(note)
    if not plan.entries:
        raise UsageError("there is nothing to publish", fix=Command("debwright", "build"))
    signer.public_key()  # a key that cannot be used is told before anything is touched
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
        say=say,
    ).write(number)
    known = None
    if before is not None:
        known = store.publication_directory(repo, before.record.number)
    store.sync(store.tree_paths(work / "publication", known))
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
        removed=plan.removed,
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
    _collect(repo)
    for pattern in ("work-*", "gone-*"):
        for left in store.private(repo).glob(pattern):
            shutil.rmtree(left, ignore_errors=True)


def _prune(repo: Path, keep: int, current: int) -> None:
    """Remove the oldest publications beyond `keep`, and what only they had in the pool.

    Never the current one or a later one.
    """
    old = [n for n in store.publication_numbers(repo) if n < current]
    gone = old[: max(0, len(old) - (keep - 1))]
    if not gone:
        return
    oldest = next(n for n in store.publication_numbers(repo) if n not in gone)
    left: set[str] = set()
    for number in [*(n for n in gone if n != old[0]), oldest]:
        left.update(record_of(repo, number).removed)
    if left:
        # First what is meant to be done: whoever finds it after a crash does the rest.
        data = json.dumps({"publications": gone, "pool": sorted(left)})
        store.write_durably(store.private(repo) / GARBAGE, data.encode())
    for number in gone:
        store.remove_publication(repo, number)
    _collect(repo)


def _collect(repo: Path) -> None:
    """Remove pool files that an interrupted or running _prune wants gone and nobody names."""
    garbage = store.private(repo) / GARBAGE
    if not garbage.exists():
        return
    wanted = json.loads(garbage.read_text(encoding="utf-8"))
    for number in wanted["publications"]:
        if number != store.current_number(repo):
            store.remove_publication(repo, number)
    published = Published(repo, None)
    pool.remove(repo, [p for p in wanted["pool"] if published.find(p) is None])
    garbage.unlink()
