"""An event as a message to a chat: the JSON of Slack's incoming webhooks."""

from functools import partial

from pydantic import Field

from debwright.config import values as v
from debwright.host.http import InvalidAddress, NotThere, Refused, ask, client, read
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.host.variables import variable
from debwright.model.errors import DebwrightError, UsageError
from debwright.observe.notify.base import Event, Notifier

SECONDS = 30.0
ANSWER_LIMIT = 1024**2
POLICY = RetryPolicy(attempts=3, first_pause=1.0, seconds=120.0)


class Webhook(Notifier, table="notify.webhook", optional=True):
    """A message to a chat, as Slack, Mattermost and others take it."""

    how = "to the webhook"

    url_env: v.SecretVariable = Field(
        description="Name of the environment variable that holds the URL, which is a secret."
    )

    def send(self, event: Event) -> None:
        """Post it."""
        send_webhook(self, event)


def send_webhook(config: Webhook, event: Event) -> None:
    """Post it. The URL is a secret and is in no message. Raises DebwrightError, MissingError."""
    url, shown = _url(config), f"the address in {config.url_env}"
    try:
        with client(seconds=SECONDS, follow_redirects=False) as http:
            taken = partial(read, limit=ANSWER_LIMIT)
            ask(http, "POST", url, taken, shown=shown, policy=POLICY, json=payload(event))
    except (Unreachable, NotThere, Refused) as error:
        raise DebwrightError(
            f"the webhook of {config.url_env} did not take the message",
            evidence=error.evidence,
            fix=f"check the URL in {config.url_env}",
        ) from None
    except InvalidAddress:
        raise UsageError(
            f"the environment variable {config.url_env} holds no http(s) URL"
        ) from None


def payload(event: Event) -> dict[str, object]:
    """`text` is all that others than Slack need; Slack reads `mrkdwn`."""
    mark = ":package:" if event.kind == "release" else ":x:"
    if event.kind == "alert":
        mark = ":white_check_mark:" if event.resolved else ":warning:"
    text = f"{mark} *{_escaped(event.title)}*"
    if event.url:
        text += f"\n<{_escaped(event.url)}>"
    if event.kind != "release":
        # Within a code block nothing is interpreted, and it cannot be closed from within.
        text += "\n```" + _escaped(event.text).replace("`", "'") + "```"
    return {"text": text, "mrkdwn": True}


def _escaped(text: str) -> str:
    """Slack's three control characters: without them no link, no mention and no @channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _url(config: Webhook) -> str:
    url = variable(config.url_env).strip()
    if not url.startswith(("https://", "http://")) or not url.isprintable() or " " in url:
        raise UsageError(f"the environment variable {config.url_env} holds no http(s) URL")
    return url
