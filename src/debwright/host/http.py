"""Getting files over HTTP: with time limits, size limits and a few more attempts."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from debwright import __version__
from debwright.host import usage
from debwright.model.errors import DebwrightError, Evidence, MissingError

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 4
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CHUNK = 1 << 16
USER_AGENT = f"debwright/{__version__}"


class NotThere(DebwrightError):
    """The server says that there is no such file (404, 410)."""


@contextlib.contextmanager
def client() -> Iterator["httpx.Client"]:
    """An HTTP client that follows redirections and never waits for ever."""
    import httpx

    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    headers = {"User-Agent": USER_AGENT}
    with httpx.Client(timeout=timeout, headers=headers, follow_redirects=True) as opened:
        yield opened


def download(http: "httpx.Client", url: str, target: Path, *, limit: int) -> int:
    """Write what is at `url` to `target`; the number of bytes.

    A server's error (5xx), 429 and a broken connection are tried again. Raises NotThere,
    DebwrightError for more than `limit` bytes or another refusal, MissingError when the server
    cannot be reached.
    """
    import httpx

    last: Exception | str = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            usage.retried()
            time.sleep(0.5 * 2 ** (attempt - 1))
        try:
            with http.stream("GET", url) as answer:
                if answer.status_code < 500 and answer.status_code != 429:
                    _refuse(answer, url)
                    return _write(answer, url, target, limit)
                last = f"HTTP status {answer.status_code}"
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            last = str(error) or type(error).__name__
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise DebwrightError(f"{url} cannot be fetched: {error}") from error
    raise MissingError(
        f"{url} cannot be fetched",
        evidence=[Evidence(text=str(last))],
        cause="the server, or the network, does not answer",
        fix="try again later",
    )


def _refuse(answer: "httpx.Response", url: str) -> None:
    if answer.status_code in (404, 410):
        raise NotThere(f"{url} is not there", evidence=[_status(answer)])
    if answer.status_code != 200:
        raise DebwrightError(f"{url} cannot be fetched", evidence=[_status(answer)])


def _status(answer: "httpx.Response") -> Evidence:
    return Evidence(text=f"HTTP status {answer.status_code}")


def _write(answer: "httpx.Response", url: str, target: Path, limit: int) -> int:
    total = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in answer.iter_bytes(CHUNK):
            total += len(chunk)
            if total > limit:
                raise DebwrightError(
                    f"{url} is larger than {limit} bytes", fix="allow more with --max-mb"
                )
            file.write(chunk)
    usage.fetched(total)
    return total
