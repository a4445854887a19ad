"""What is told, and to whom."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from debwright.config import LoadedConfig
from debwright.model.errors import DebwrightError, printable

TEXT_LIMIT = 3000


@dataclass(frozen=True, kw_only=True)
class Event:
    """One piece of news. Its texts may come of logs: they are shown, never interpreted."""

    kind: Literal["release", "failure", "alert"]
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


def tell_everyone(loaded: LoadedConfig, event: Event, say: Callable[[str], None]) -> None:
    """Send the event to all who are configured for it. What cannot be sent is said, not raised."""
    from debwright.observe.notify.email import send_email
    from debwright.observe.notify.webhook import send_webhook

    notify = loaded.config.notify
    if notify.email is not None and event.kind in notify.email.on:
        _try(lambda: send_email(notify.email, event), "by email", say)
    if notify.webhook is not None and event.kind in notify.webhook.on:
        _try(lambda: send_webhook(notify.webhook, event), "to the webhook", say)


def _try(send: Callable[[], None], how: str, say: Callable[[str], None]) -> None:
    try:
        send()
    except DebwrightError as error:
        reason = "; ".join([error.what, *(e.text for e in error.evidence)])
        say(f"nobody was told {how}: {reason}")


def _line(text: str) -> str:
    """A subject: one line of printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
