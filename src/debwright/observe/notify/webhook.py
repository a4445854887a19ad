"""An event as a message to a chat: the JSON of Slack's incoming webhooks."""

import os

from debwright.config.notify import Webhook
from debwright.host.http import CONNECT_SECONDS, USER_AGENT
from debwright.model.errors import DebwrightError, Evidence, MissingError, UsageError
from debwright.observe.notify.event import Event

ATTEMPTS = 3
SECONDS = 30.0


def send_webhook(config: Webhook | None, event: Event) -> None:
    """Post it. The URL is a secret and is in no message. Raises DebwrightError, MissingError."""
    import time

    import httpx

    assert config is not None
    url = _url(config)
    said = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(float(attempt))
        try:
            answer = httpx.post(
                url, json=payload(event), timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS),
                headers={"User-Agent": USER_AGENT},
            )  # fmt: skip
        except httpx.InvalidURL:
            # Its text may repeat the URL.
            raise UsageError(
                f"the environment variable {config.url_env} holds no http(s) URL"
            ) from None
        except httpx.TransportError as error:
            said = type(error).__name__
            continue
        if answer.is_success:
            return
        said = f"HTTP status {answer.status_code}"
        if answer.status_code < 500 and answer.status_code != 429:
            break
    raise DebwrightError(
        f"the webhook of {config.url_env} did not take the message",
        evidence=[Evidence(text=said)],
        fix=f"check the URL in {config.url_env}",
    )


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
    url = os.environ.get(config.url_env, "").strip()
    if not url:
        raise MissingError(f"the environment variable {config.url_env} is not set")
    if not url.startswith(("https://", "http://")) or not url.isprintable() or " " in url:
        raise UsageError(f"the environment variable {config.url_env} holds no http(s) URL")
    return url
