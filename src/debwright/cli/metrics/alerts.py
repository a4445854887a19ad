"""debwright metrics check|notify: what is wrong, and who hears of it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.cli.metrics import opened
from debwright.model.errors import UsageError, printable

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.observe.metrics.alerts.deliver import Sent
    from debwright.observe.metrics.alerts.rules import Problem
    from debwright.observe.metrics.store import Store


FAILED = 4


def _found(options: Options, loaded: LoadedConfig, store: Store, now: datetime) -> list[Problem]:
    from debwright.observe.metrics import Metrics
    from debwright.observe.metrics.alerts.outside import outside_problems
    from debwright.observe.metrics.alerts.rules import Facts, problems

    facts = Facts.of(store, loaded.config.section(Metrics), now.timestamp())
    dist = options.dist(loaded.directory)
    return [*problems(facts), *outside_problems(loaded, dist, now)]


@click.command("check")
@click.pass_obj
def check_rules(options: Options) -> int:
    """Say what is wrong by the rules of [metrics]; 4 when something is. No news is sent."""
    loaded, store = opened(options)
    with store:
        found = _found(options, loaded, store, datetime.now(UTC))
    lines = [f"{p.title}\n  {p.text}\n  next: {options.standing.typed(p.next)}" for p in found]
    data = {"ok": not found, "problems": [{**asdict(p), "rule": p.rule} for p in found]}
    emit(options, data, printable("\n".join(lines) or "nothing is wrong by the rules of [metrics]"))
    return FAILED if found else 0


@click.command("notify")
@click.option("--dry-run", "dry", is_flag=True, help="Only show what would be sent to whom.")
@click.pass_obj
def notify_all(options: Options, *, dry: bool) -> int:
    """Send news of problems that are new, and of those that are over: by mail, chat and issues.

    Each is sent once. What cannot be sent is reported, and tried again the next time; the exit
    code is 1.
    """
    from debwright.observe.metrics.alerts.deliver import channels, deliver

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
