"""Requests over HTTP: time limits, size limits, and what is tried again."""

import contextlib
import email.utils
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from debwright import __version__
from debwright.host import process, usage
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import DebwrightError, Evidence

if TYPE_CHECKING:
    import ssl

    import httpx

T = TypeVar("T")

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
CHUNK = 1 << 16
USER_AGENT = f"debwright/{__version__}"
POLICY = RetryPolicy()
IDENTITY = {"Accept-Encoding": "identity"}
"""For files, which are wanted as they are: digests are of what the server has."""


class NotThere(DebwrightError):
    """The server says that there is no such file (404, 410)."""


class InvalidAddress(DebwrightError):
    """The address cannot be asked."""


class Refused(DebwrightError):
    """The server answered with another status than success."""

    def __init__(self, what: str, *, status: int, **rest: Any) -> None:
        super().__init__(what, **rest)
        self.status = status


@contextlib.contextmanager
def client(
    *, seconds: float = READ_SECONDS, follow_redirects: bool = True
) -> Iterator["httpx.Client"]:
    """An HTTP client that never waits for ever; `seconds` are those without an answer.

    How long a whole request may take is said by `deadline.until` around it, as `ask` does.
    """
    import httpx

    from debwright.host import deadline

    with httpx.Client(
        timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        headers={"User-Agent": USER_AGENT}, follow_redirects=follow_redirects, verify=_trust(),
    ) as opened:  # fmt: skip
        deadline.limit(opened)
        yield opened


def answers(address: str, seconds: float = 4.0) -> bool:
    """Whether anything answers at `address`, by the proxies of the environment, in time."""
    import httpx

    from debwright.host.deadline import until

    try:
        # Its headers are answer enough: what follows may be long.
        with (
            until(time.monotonic() + seconds),
            client(seconds=seconds) as http,
            http.stream("GET", address),
        ):
            return True
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False


def _trust() -> "ssl.SSLContext":
    """Trust whom this machine trusts, as apt and git do; where it trusts nobody, httpx's list."""
    import ssl

    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def ask(
    http: "httpx.Client", method: str, url: str, take: Callable[["httpx.Response"], T], *,
    policy: RetryPolicy = POLICY, shown: str | None = None,
    note: Callable[[str], None] = lambda _: None,
    sleep: Callable[[float], None] = process.pause, **options: Any,
) -> T:  # fmt: skip
    """What `take` makes of the answer, which it has to read.

    All attempts together take at most `policy.seconds`, whatever the server does. A server's error
    (5xx), 429 and a broken connection are tried again; Retry-After counts. Raises NotThere, Refused
    for another status, Unreachable when the last attempt failed, too, InvalidAddress, and
    DebwrightError when the time is over. `shown` is the address in messages.
    """
    import httpx

    from debwright.host.deadline import until

    shown = url if shown is None else shown
    end = time.monotonic() + policy.seconds

    def once() -> T:
        try:
            with until(end), http.stream(method, url, **options) as answer:
                _look(answer, shown)
                return take(answer)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            # Its text may repeat the address.
            why = str(error) if shown == url else "it is no http(s) address"
            raise InvalidAddress(f"{shown} cannot be fetched: {why}") from None
        except (httpx.TransportError, httpx.TooManyRedirects) as error:
            if time.monotonic() >= end:
                raise _too_slow(shown, f"more than {policy.seconds:g} s went by") from error
            said = str(error) if shown == url else ""
            raise _unreachable(shown, said or type(error).__name__) from error

    return policy.run(once, note=note, sleep=sleep)


def _look(answer: "httpx.Response", shown: str) -> None:
    evidence = [Evidence(text=f"HTTP status {answer.status_code}")]
    if answer.status_code in (404, 410):
        raise NotThere(f"{shown} is not there", evidence=evidence)
    if answer.status_code >= 500 or answer.status_code == 429:
        raise _unreachable(shown, evidence[0].text, retry_after(answer))
    if not answer.is_success:
        raise Refused(f"{shown} cannot be fetched", status=answer.status_code, evidence=evidence)


def _too_slow(shown: str, said: str) -> DebwrightError:
    return DebwrightError(
        f"{shown} takes too long",
        evidence=[Evidence(text=said)],
        cause="the server, or the network, is too slow",
        fix="try again later",
    )


def _unreachable(shown: str, said: str, after: float | None = None) -> Unreachable:
    return Unreachable(
        f"{shown} cannot be fetched",
        retry_after=after,
        evidence=[Evidence(text=said)],
        cause="the server, or the network, does not answer",
        fix="try again later",
    )


def retry_after(answer: "httpx.Response") -> float | None:
    """Seconds that the answer asks us to wait (RFC 9110, Retry-After: a number or a date)."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return None


def download(
    http: "httpx.Client", url: str, target: Path, *, limit: int, policy: RetryPolicy = POLICY,
    sleep: Callable[[float], None] = process.pause,
) -> int:  # fmt: skip
    """Write what is at `url` to `target`; the number of bytes.

    Raises what `ask` raises, and DebwrightError for more than `limit` bytes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + policy.seconds

    def take(answer: "httpx.Response") -> int:
        with target.open("wb") as file:
            return write(answer, file, limit=limit, end=end, shown=url)

    return ask(http, "GET", url, take, policy=policy, sleep=sleep, headers=IDENTITY)


def write(answer: "httpx.Response", file: BinaryIO, *, limit: int, end: float, shown: str) -> int:
    """Write an answer of at most `limit` bytes; the number of bytes.

    At `end` of the monotonic clock it is given up, since a server may send a byte a minute.
    """
    total = 0
    # As they come: pieces of a size of their own would be waited for, however long that takes.
    for chunk in answer.iter_raw():
        process.go_on()
        total += len(chunk)
        if total > limit:
            raise DebwrightError(
                f"{shown} is larger than {limit} bytes", fix="allow more with --max-mb"
            )
        if time.monotonic() > end:
            raise _too_slow(shown, f"{total} bytes came")
        file.write(chunk)
    usage.fetched(total)
    return total


def read(answer: "httpx.Response", *, limit: int) -> bytes:
    """The answer's content. Raises DebwrightError when it has more than `limit` bytes."""
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > limit:
            host = urlsplit(str(answer.url)).hostname
            raise DebwrightError(f"{host} gave an answer of more than {limit} bytes")
    return bytes(content)
