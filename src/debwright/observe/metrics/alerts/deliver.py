"""Telling of problems: each once to everybody, and once more when it is over.

Who was told what is a record like those of runs, so that it goes with them from machine to machine.
It is written after every message; a crash between the two repeats one message at worst.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from debwright.config import LoadedConfig
from debwright.model.errors import DebwrightError
from debwright.observe.metrics import Metrics
from debwright.observe.metrics.alerts.rules import Problem
from debwright.observe.metrics.model import AlertRecord, parse, plain
from debwright.observe.metrics.store import Store
from debwright.observe.notify.base import Event, notifiers

if TYPE_CHECKING:
    from debwright.github.issues import Issues

Say = Callable[[str], None]


class Channel(Protocol):
    """A way to somebody."""

    @property
    def name(self) -> str: ...

    @property
    def standing(self) -> bool:
        """It shows what is the case, and is told again of a problem that has changed."""

    def tell(self, alert: AlertRecord) -> None:
        """Tell of a problem, or, when it is not open, that it is over. Raises DebwrightError."""


@dataclass(frozen=True)
class Messages:
    """Mail, or a chat."""

    name: str
    send: Callable[[Event], None]
    standing: bool = False

    def tell(self, alert: AlertRecord) -> None:
        self.send(Event.alert(alert.title, alert.text, resolved=not alert.open))


@dataclass(frozen=True)
class Closed:
    """A way that cannot be gone now; the others can."""

    name: str
    why: DebwrightError
    standing: bool = False

    def tell(self, alert: AlertRecord) -> None:  # noqa: ARG002 - as every way's
        raise self.why


@contextmanager
def channels(loaded: LoadedConfig, say: Say) -> Iterator[list[Channel]]:
    """Those that are configured and want alerts; one that cannot be used stops no other."""
    found: list[Channel] = [
        Messages(name, notifier.send) for name, notifier in notifiers(loaded, "alert")
    ]
    with ExitStack() as stack:
        if loaded.config.section(Metrics).alerts.issues:
            try:
                found.append(stack.enter_context(_issues(loaded, say)))
            except DebwrightError as error:
                found.append(Closed(IssueChannel.name, error))
        yield found


@contextmanager
def _issues(loaded: LoadedConfig, say: Say) -> Iterator[Channel]:
    from debwright.github.http import Http
    from debwright.github.issues import Issues
    from debwright.github.place import required_repository

    repository = required_repository(loaded, what="gets the issues")
    with Http.from_environment(say=say, needs="issues: write") as http:
        yield IssueChannel(
            Issues(http, repository, loaded.config.section(Metrics).alerts.label), say
        )


class IssueChannel:
    """One issue for each problem."""

    name = "issue"
    standing = True

    def __init__(self, issues: "Issues", say: Say) -> None:
        self._issues, self._say = issues, say

    def tell(self, alert: AlertRecord) -> None:
        if alert.open:
            change = self._issues.tell(alert.id, alert.title, quoted(alert.text))
        else:
            closed = self._issues.resolve(alert.id, "This is resolved.")
            if closed is None:
                return  # somebody was faster
            change = closed
        self._say(f"issue {change.issue.number} {change.what}: {change.issue.html_url}")


def quoted(text: str) -> str:
    """As a block of code, in which nothing is markup, a mention or a reference."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was told to whom, or would have been."""

    channel: str
    title: str
    resolved: bool


def deliver(
    store: Store,
    problems: Sequence[Problem],
    ways: Sequence[Channel],
    now: datetime,
    missed: Say,
    *,
    dry: bool = False,
) -> list[Sent]:
    """Bring everybody up to date.

    `missed` hears of what could not be sent; it is tried again the next time.
    """
    sent: list[Sent] = []
    for alert, changed in _current(store, problems, now):
        told = alert
        if changed and not dry:
            store.put([alert])
        for way in ways:
            known = told.told.get(way.name, False)
            if known == told.open and not (way.standing and changed and told.open):
                continue
            if not dry and not _tell(way, told, missed):
                continue
            sent.append(Sent(channel=way.name, title=told.title, resolved=not told.open))
            marks = {**told.told, way.name: told.open}
            told = told.model_copy(update={"told": marks, "revision": told.revision + 1})
            if not dry:
                store.put([told])
    return sent


def _tell(way: Channel, alert: AlertRecord, missed: Say) -> bool:
    try:
        way.tell(alert)
    except DebwrightError as error:
        reason = "; ".join([error.what, *(e.text for e in error.evidence)])
        missed(f"nobody was told by {way.name} of {alert.title!r}: {reason}")
        return False
    return True


def _current(
    store: Store, problems: Sequence[Problem], now: datetime
) -> Iterator[tuple[AlertRecord, bool]]:
    """Every problem there is or was as it is now, and whether that is new."""
    known = {a.id: a for a in map(parse, store.documents("alert")) if isinstance(a, AlertRecord)}
    there: set[str] = set()
    for problem in problems:
        id_ = f"alert:{plain(problem.key, 190)}"
        there.add(id_)
        old = known.get(id_)
        title = plain(problem.title, 600)
        text = f"{problem.text}\n\nnext: {problem.next}"[:4000]
        if old is not None and old.open and (old.title, old.text) == (title, text):
            yield old, False
            continue
        since = old.since if old is not None and old.open else now
        yield AlertRecord(
            record="alert", id=id_, revision=old.revision + 1 if old else 1,
            rule=plain(problem.rule, 200), open=True, title=title, text=text, since=since,
            told=old.told if old else {},
        ), True  # fmt: skip
    for id_, old in known.items():
        if id_ in there:
            continue
        if old.open:
            over = {"open": False, "revision": old.revision + 1}
            yield old.model_copy(update=over), True
        elif any(old.told.values()):
            yield old, False
