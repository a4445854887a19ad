"""debwright metrics check, notify, ingest and sync."""

import re
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from debwright.cli.common import Options, emit
from debwright.cli.metrics import opened, tell_merged
from debwright.config import LoadedConfig
from debwright.github.http import Http
from debwright.github.place import REPOSITORY, github_repository
from debwright.model.errors import UsageError, printable
from debwright.observe.metrics.alerts.deliver import Sent, channels, deliver
from debwright.observe.metrics.alerts.outside import outside_problems
from debwright.observe.metrics.alerts.rules import Facts, Problem, problems
from debwright.observe.metrics.branch import sync
from debwright.observe.metrics.exchange import Report
from debwright.observe.metrics.github import ingest
from debwright.observe.metrics.store import Store

FAILED = 4
_WORKFLOW = re.compile(r"[A-Za-z0-9._-]{1,200}")


def _found(options: Options, loaded: LoadedConfig, store: Store, now: datetime) -> list[Problem]:
    facts = Facts.of(store, loaded.config.metrics, now.timestamp())
    dist = options.dist(loaded.directory)
    return [*problems(facts), *outside_problems(loaded, dist, now)]


def check_rules(options: Options) -> int:
    """The CI gate: 4 when there is a problem."""
    loaded, store = opened(options)
    with store:
        found = _found(options, loaded, store, datetime.now(UTC))
    lines = [f"{p.title}\n  {p.text}\n  next: {p.next}" for p in found]
    data = {"ok": not found, "problems": [{**asdict(p), "rule": p.rule} for p in found]}
    emit(options, data, printable("\n".join(lines) or "nothing is wrong by the rules of [metrics]"))
    return FAILED if found else 0


def notify_all(options: Options, *, dry: bool) -> int:
    """Tell everybody what is new; 1 when somebody could not be told."""
    loaded, store = opened(options)
    missed: list[str] = []

    def say(text: str) -> None:
        print(printable(text), file=sys.stderr)

    def miss(text: str) -> None:
        missed.append(text)
        say(text)

    now = datetime.now(UTC)
    with store, channels(loaded, say) as ways:
        if not ways:
            raise UsageError(
                "nobody is to be told",
                cause="neither [notify.email] nor [notify.webhook] wants alerts, and "
                "metrics.alerts.issues is false",
                fix='add [notify.webhook] with url_env = "WEBHOOK_URL", or issues = true to '
                "[metrics.alerts]",
            )
        sent = deliver(store, _found(options, loaded, store, now), ways, now, miss, dry=dry)
    word = "would be told" if dry else "told"
    lines = [f"{word} by {s.channel}: {_title(s)}" for s in sent]
    emit(options, {"dry_run": dry, "sent": [asdict(s) for s in sent], "missed": missed},
         printable("\n".join(lines) or ("" if missed else "nothing new to tell")))  # fmt: skip
    return 1 if missed else 0


def _title(sent: Sent) -> str:
    return f"resolved: {sent.title}" if sent.resolved else sent.title


def ingest_github(
    options: Options, repository: str | None, workflow: str | None, days: float
) -> int:
    loaded, store = opened(options, create=True)
    wanted = repository or github_repository(loaded)
    with store:
        if wanted is None or not REPOSITORY.fullmatch(wanted):
            raise UsageError(
                f"{wanted!r} is no repository" if wanted else "it is not known which repository",
                cause="it is owner/name"
                if wanted
                else "release.repository is not set, and git has no remote `origin` on GitHub",
                fix="debwright metrics ingest --github --repository owner/name",
            )
        if workflow is not None and not _WORKFLOW.fullmatch(workflow):
            raise UsageError(f"{workflow!r} is no workflow's file", fix="--workflow ci.yml")

        def say(text: str) -> None:
            print(printable(text), file=sys.stderr)

        with Http.from_environment(say=say, needs="actions: read") as http:
            merged = ingest(store, http, wanted, days=days, workflow=workflow,
                            now=datetime.now(UTC), say=say)  # fmt: skip
    return tell_merged(options, Report(merged=merged))


def sync_branch(options: Options, branch: str, remote: str) -> int:
    loaded, store = opened(options, create=True)
    with store:
        done = sync(store, loaded.directory, remote, branch)
    if not options.json:
        print(f"pushed {done.commit[:12]}" if done.commit else "the branch has all of it")
    return tell_merged(options, done.report)
