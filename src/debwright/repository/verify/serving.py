"""Waiting until a server has what was brought to its store."""

import time
from collections.abc import Callable
from urllib.parse import quote

from pydantic import ValidationError

from debwright.host import process
from debwright.host.http import client
from debwright.model.errors import DebwrightError, Evidence
from debwright.repository.model import PublicationRecord

PAUSE_SECONDS = 10.0
RECORD = "publication.json"
RECORD_LIMIT = 16 * 1024**2


def wait_until_served(
    url: str,
    wanted: PublicationRecord,
    *,
    seconds: float,
    say: Callable[[str], None],
    pause: Callable[[float], None] = process.pause,
) -> None:
    """Return when `url` serves the publication `wanted`. Raises DebwrightError when time is up."""
    deadline = time.monotonic() + seconds
    told = False
    while True:
        found = _served(url)
        if found == wanted:
            return
        there = found if isinstance(found, str) else f"publication {found.number}"
        if time.monotonic() >= deadline:
            raise DebwrightError(
                f"{url} does not serve publication {wanted.number}",
                evidence=[Evidence(text=f"there: {there}")],
                cause="the server needs more time, serves another place, or a cache is between",
                fix="debwright repo served, once more; on GitHub see the settings of Pages",
            )
        if not told:
            say(f"{url} has {there}; waiting for publication {wanted.number}")
            told = True
        pause(min(PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


def _served(url: str) -> PublicationRecord | str:
    """The record that the server gives, or in words what it gives instead."""
    import httpx

    # A cache that keys by the address must not answer with what it had.
    address = f"{url.rstrip('/')}/{RECORD}?{quote(str(time.time_ns()))}"
    try:
        with client(seconds=30.0) as http, http.stream("GET", address) as answer:
            if not answer.is_success:
                return f"HTTP status {answer.status_code}"
            data = b""
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > RECORD_LIMIT:
                    return f"a {RECORD} that is too large"
        return PublicationRecord.model_validate_json(data)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    except ValidationError:
        return f"a {RECORD} of something else"
