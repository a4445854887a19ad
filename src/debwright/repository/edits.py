"""Changes of a repository that need no new package: promotion, rollback, removal, phases.

Each is a publication of its own, so that it is as atomic, and can be taken back, as any other.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command
from debwright.repository import store
from debwright.repository.entries import Entries
from debwright.repository.model import Entry, PackageFile, Publication, RepositorySettings
from debwright.repository.phases import Wanted, begin, phased
from debwright.repository.plan import Plan, State, decide, entries_of, keep_newest, load
from debwright.repository.promises import Withdrawal
from debwright.repository.publish import change
from debwright.repository.versions import files_of_dsc, sorted_by_version

KEYRING = "-archive-keyring"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What goes from one suite to another, as it is."""

    source: str
    target: str
    packages: tuple[str, ...] = ()
    """Patterns of source package names; all when empty."""
    version: str | None = None
    """Of the packages; the newest when None."""


def promote(
    repo: Path,
    promotions: Sequence[Promotion],
    signer: Signer,
    settings: RepositorySettings,
    *,
    further: Sequence[PackageFile] = (),
    percent: int | None = None,
    say: store.Say = store.silent,
) -> Publication:
    """Give suites the packages of others. The files stay what they are: nothing is built.

    `further` are packages to add in the same publication, as keyring packages. `percent` of the
    machines get what is promoted as upgrades at first (phases.py); None for all. Raises UsageError
    when there is nothing to promote.
    """
    from debwright.repository.incoming import read_all
    from debwright.repository.plan import make_plan

    def planner(before: State) -> Plan:
        suites = entries_of(before)
        chosen: set[str] = set()
        for each in promotions:
            found = _chosen(repo, suites.get(each.source, Entries()), each)
            target = suites.get(each.target, Entries())
            fresh = [e for path, e in found.items() if target.get(path) is None]
            suites[each.target] = target.changed(added=phased(fresh, percent))
            chosen |= found.keys()
        suites, notes = keep_newest(repo, suites, settings, {}, chosen)
        what = ", ".join(f"promote {p.source} to {p.target}" for p in promotions)
        if not further:
            return replace(decide(before, suites, signer, settings, what=what), notes=notes)
        added = make_plan(repo.absolute(), before, read_all(further), signer, settings)
        for suite in added.entries:
            more = [e for e in added.changes[suite].added if e.path in added.added]
            suites[suite] = suites.get(suite, Entries()).changed(added=more)
        made = decide(before, suites, signer, settings, missing=added.missing, what=what)
        return replace(made, notes=notes)

    return _edit(repo, planner, signer, settings, say)


def _chosen(repo: Path, entries: Entries, wanted: Promotion) -> dict[str, Entry]:
    """The newest version (or the one wanted) of every package, with its source."""
    # The keyring package belongs to its suite: its entry for apt names it.
    usable = [
        e for e in entries
        if not e.package.endswith(KEYRING)
        and (not wanted.packages or any(fnmatchcase(e.source, p) for p in wanted.packages))
    ]  # fmt: skip
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in usable:
        if entry.kind != "file" and wanted.version in (None, entry.version):
            groups.setdefault((entry.kind, entry.package, entry.architecture), []).append(entry)
    chosen = {e.path: e for g in groups.values() for e in sorted_by_version(g)[-1:]}
    if not chosen:
        what = ", ".join(wanted.packages) or "any package"
        version = f" in version {wanted.version}" if wanted.version else ""
        raise UsageError(
            f"{wanted.source} does not have {what}{version}",
            cause="the suite is empty, or the name or the version is another",
            fix=Command("debwright", "repo", "list", "--packages"),
        )
    for entry in [e for e in chosen.values() if e.kind == "dsc"]:
        directory = entry.path.rpartition("/")[0]
        for name in files_of_dsc(repo / entry.path):
            if (found := entries.get(f"{directory}/{name}")) is not None:
                chosen[found.path] = found
    # Who gets them here is decided here.
    return {path: e.model_copy(update={"phased": None}) for path, e in chosen.items()}


def rollback(
    repo: Path,
    number: int,
    signer: Signer,
    settings: RepositorySettings,
    *,
    suites: Sequence[str] = (),
    say: store.Say = store.silent,
) -> Publication:
    """Publish again what publication `number` had; of `suites` alone when they are named.

    It is a new publication: apt takes no Release that is older than the one it has. Raises
    UsageError for a publication that is not there any more.
    """

    def planner(before: State) -> Plan:
        there = store.publication_numbers(repo)
        old = load(repo, number) if number in there else None
        if old is None:
            raise UsageError(
                f"there is no publication {number}",
                cause="there are "
                + ", ".join(map(str, there))
                + "; older ones were removed (repository.publications)",
                fix=Command("debwright", "repo", "list"),
            )
        wanted = entries_of(old)
        if suites:
            if absent := [s for s in suites if s not in wanted]:
                raise UsageError(f"publication {number} has no suite {absent[0]}")
            wanted = {**entries_of(before), **{s: wanted[s] for s in suites}}
        return decide(before, wanted, signer, settings, what=f"roll back to {number}")

    return _edit(repo, planner, signer, settings, say)


def remove(
    repo: Path,
    suite: str,
    packages: Sequence[str],
    signer: Signer,
    settings: RepositorySettings,
    *,
    version: str | None = None,
    say: store.Say = store.silent,
) -> Publication:
    """Take packages out of a suite, by patterns of source package names."""

    def planner(before: State) -> Plan:
        suites = entries_of(before)
        entries = suites.get(suite, Entries())
        out = [
            e for e in entries
            if any(fnmatchcase(e.source, p) for p in packages) and version in (None, e.version)
        ]  # fmt: skip
        if not out:
            raise UsageError(
                f"{suite} has no such package",
                fix=Command("debwright", "repo", "list", "--packages"),
            )
        suites[suite] = entries.changed(removed=out)
        return decide(before, suites, signer, settings, what=f"remove {' '.join(packages)}")

    return _edit(repo, planner, signer, settings, say)


def withdraw(
    repo: Path,
    withdrawal: Withdrawal,
    signer: Signer,
    settings: RepositorySettings,
    *,
    say: store.Say = store.silent,
) -> Publication:
    """Take back what a suite has promised, or the suite. Raises UsageError while it is needed."""

    def planner(before: State) -> Plan:
        suites = entries_of(before)
        if withdrawal.suite not in suites:
            raise UsageError(
                f"there is no suite {withdrawal.suite}", cause=f"there are {', '.join(suites)}"
            )
        if withdrawal.whole and len(suites[withdrawal.suite]):
            raise UsageError(
                f"{withdrawal.suite} still has packages",
                fix=Command("debwright", "repo", "remove", "--suite", withdrawal.suite, "*"),
            )
        if withdrawal.whole and len(suites) == 1:
            raise UsageError("a repository without any suite cannot be published")
        names = (withdrawal.suite, *withdrawal.architectures, *withdrawal.components)
        return decide(
            before, suites, signer, settings, what=f"withdraw {' '.join(names)}",
            withdrawal=withdrawal,
        )  # fmt: skip

    return _edit(repo, planner, signer, settings, say)


def phase(
    repo: Path,
    wanted: Wanted,
    signer: Signer,
    settings: RepositorySettings,
    *,
    say: store.Say = store.silent,
) -> Publication:
    """Let a part of the machines have a version as an upgrade, now and by and by."""

    def planner(before: State) -> Plan:
        suites = entries_of(before)
        if wanted.suite not in suites:
            raise UsageError(
                f"there is no suite {wanted.suite}", cause=f"there are {', '.join(suites)}"
            )
        old, now = before.suites[wanted.suite].phasing, int(time.time())
        entries, to_come = begin(suites[wanted.suite], wanted, old, now)
        suites[wanted.suite] = entries
        percents = ", ".join(f"{p} %" for p in wanted.percents)
        return decide(
            before, suites, signer, settings, what=f"phase {wanted.source}: {percents}",
            phasing={wanted.suite: to_come} if to_come != old else {},
        )  # fmt: skip

    return _edit(repo, planner, signer, settings, say)


def rename(
    repo: Path, signer: Signer, settings: RepositorySettings, *, say: store.Say = store.silent
) -> Publication:
    """Publish with the origin and label of `settings`, though users have to confirm the change."""

    def planner(before: State) -> Plan:
        return decide(before, entries_of(before), signer, settings, what="rename")

    return _edit(repo, planner, signer, settings, say, renaming=True)


def renew(
    repo: Path,
    signer: Signer,
    settings: RepositorySettings,
    *,
    now: bool = False,
    say: store.Say = store.silent,
) -> Publication:
    """Sign what is published again when a third of its time is over; `now`: in any case."""

    def planner(before: State) -> Plan:
        return decide(before, entries_of(before), signer, settings, what="renew", renew=now)

    return _edit(repo, planner, signer, settings, say)


def _edit(
    repo: Path, planner: Callable[[State], Plan], signer: Signer, settings: RepositorySettings,
    say: store.Say, *, renaming: bool = False,
) -> Publication:  # fmt: skip
    """`change` of a repository that is there."""

    def plan(before: State | None) -> Plan:
        if before is None:
            raise DebwrightError(
                f"there is no repository in {repo}",
                cause="nothing was published there",
                fix=Command("debwright", "publish"),
            )
        return planner(before)

    return change(repo, plan, signer, settings, renaming=renaming, say=say)
