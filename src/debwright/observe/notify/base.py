"""A piece of news, and what every way of sending it has.

A way is a module here that declares a Notifier: its table of debwright.toml, which sends itself.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pydantic import Field

from debwright.config import LoadedConfig
from debwright.config.section import Section
from debwright.model.errors import DebwrightError, printable

TEXT_LIMIT = 3000
When = Literal["release", "failure", "alert"]
_ALL: list[When] = list(get_args(When))


@dataclass(frozen=True, kw_only=True)
class Event:
    """One piece of news. Its texts may come from logs: they are shown, never interpreted."""

    kind: When
    title: str
    text: str
    url: str | None = None
    resolved: bool = False
    """Of an alert: it is over."""

    @classmethod
    def released(cls, package: str, version: str, url: str, *, draft: bool) -> "Event":
        what = "waits as a draft for somebody to publish it" if draft else "is released"
        return cls(
            kind="release", title=_line(f"{package} {version} {what}"),
            text=f"{package} {version} {what}.", url=url,
        )  # fmt: skip

    @classmethod
    def failed(cls, package: str, version: str, why: str) -> "Event":
        text = printable(why)
        if len(text) > TEXT_LIMIT:
            text = text[:TEXT_LIMIT] + "\n..."
        return cls(
            kind="failure", title=_line(f"{package} {version} could not be released"), text=text
        )

    @classmethod
    def alert(cls, title: str, why: str, *, resolved: bool) -> "Event":
        return cls(
            kind="alert", title=_line(("resolved: " if resolved else "") + title),
            text=printable(why)[:TEXT_LIMIT], resolved=resolved,
        )  # fmt: skip


class Notifier(Section):
    """One way of sending news."""

    how: ClassVar[str]
    """As in `nobody was told by email`."""

    on: list[When] = Field(
        _ALL, min_length=1, description="What is sent: releases, failures, alerts."
    )

    @abstractmethod
    def send(self, event: Event) -> None:
        """Send it. Raises DebwrightError; no message of it holds a secret."""


def notifiers(loaded: LoadedConfig, kind: When) -> Iterator[tuple[str, Notifier]]:
    """The configured ways that want news of this kind, by name."""
    for name, table in loaded.config.given_below("notify").items():
        if isinstance(table, Notifier) and kind in table.on:
            yield name, table


def tell_everyone(loaded: LoadedConfig, event: Event, say: Callable[[str], None]) -> None:
    """Send the event to all who are configured for it. What cannot be sent is said, not raised."""
    for _, notifier in notifiers(loaded, event.kind):
        try:
            notifier.send(event)
        except DebwrightError as error:
            reason = "; ".join([error.what, *(e.text for e in error.evidence)])
            say(f"nobody was told {notifier.how}: {reason}")


def _line(text: str) -> str:
    """A subject: one line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
