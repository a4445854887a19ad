"""Requests to GitHub's REST API: time limits, rate limits, and what is tried again.

Rules: docs.github.com, "Best practices for using the REST API" and "Rate limits".
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from debwright.github.place import TOKENS, github_token
from debwright.host import process
from debwright.host.deadline import until
from debwright.host.http import CONNECT_SECONDS, client, download, retry_after
from debwright.host.retry import RetryPolicy, Unreachable
from debwright.model.errors import DebwrightError, Evidence, MissingError

API = "https://api.github.com"
API_VERSION = "2022-11-28"
POLICY = RetryPolicy(attempts=5, first_pause=1.0, longest_pause=900.0, seconds=3600.0)
"""A rate limit of GitHub's may last an hour, and is not waited for that long."""
UPLOAD_SECONDS = 600.0
WHOLE_SECONDS = 180.0
"""All of a request of the API, whatever its server does."""
SLOWEST = 50_000
"""Bytes a second below which an upload is given up."""
SAID_LIMIT = 300
PAGE = 100
MOST_PAGES = 100
REPEATABLE = ("GET", "DELETE")
"""Methods of which a second request does what the first did; what is gone already is 404 then."""

Sleep = Callable[[float], None]


class GithubError(DebwrightError):
    """GitHub refused a request."""

    def __init__(self, what: str, *, status: int | None = None, **rest: Any) -> None:
        super().__init__(what, **rest)
        self.status = status


class Unsure(GithubError):
    """A request that may or may not have been done: whoever asked must look before asking again."""


class Limited(GithubError):
    """A rate limit is reached; GitHub wants us to wait."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"GitHub's rate limit is reached: {what}",
            status=429,
            evidence=[Evidence(text=f"it wants {seconds:.0f} more seconds of patience")],
            fix="run the same command again then: it goes on where it stopped",
        )
        self.retry_after = seconds


@dataclass
class Http:
    """Sends requests with the token, and turns refusals into words.

    Reading and removing are tried again after a server's error (5xx) and a broken connection; a
    request that changes something else is not: it raises Unsure. All wait when GitHub asks for it.
    """

    base: str
    token: str
    sleep: Sleep = process.pause
    say: Callable[[str], None] = lambda _: None
    needs: str = "contents: write"
    """The permission that its requests want of the token, for messages."""

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        # Redirections are not followed: the token must not go elsewhere, and only a renamed
        # repository answers with one.
        self._client = self._stack.enter_context(client(follow_redirects=False))

    @classmethod
    def from_environment(cls, **rest: Any) -> Self:
        """GITHUB_API_URL and GITHUB_TOKEN or GH_TOKEN, as GitHub Actions sets them.

        Raises MissingError without a token.
        """
        token = github_token()
        if token is None:
            raise MissingError(
                "there is no token for GitHub",
                cause=f"neither {' nor '.join(TOKENS)} is set",
                fix="export GITHUB_TOKEN=..., with the permission "
                f"`{rest.get('needs', 'contents: write')}`",
            )
        return cls(base=os.environ.get("GITHUB_API_URL", API).rstrip("/"), token=token, **rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
    ) -> httpx.Response:
        """A request below the API's address. Raises GithubError, Unsure or MissingError."""
        return self._send(method, self.base + path, json=json, params=params)

    def pages(
        self, path: str, field: str | None = None, *, most: int = MOST_PAGES, **asked: str
    ) -> Iterator[Any]:
        """The items of a list, page by page; `field` has them where the answer is an object."""
        for page in range(1, most + 1):
            params: dict[str, str | int] = {**asked, "per_page": PAGE, "page": page}
            answer = self.request("GET", path, params=params).json()
            items = answer[field] if field else answer
            yield from items
            if len(items) < PAGE:
                return

    def remove(self, path: str) -> None:
        """Remove what is at `path`; that it is gone already is no error."""
        try:
            self.request("DELETE", path)
        except GithubError as error:
            if error.status != 404:
                raise

    def upload(self, url: str, name: str, path: Path) -> httpx.Response:
        """Send the file `path` as the asset `name` to a release's upload address."""
        api, target = urlsplit(self.base), urlsplit(url)
        if target.scheme not in ("https", api.scheme):
            raise GithubError(f"GitHub names an upload address without TLS: {url}")
        with path.open("rb") as content:
            return self._send(
                "POST", url, params={"name": name}, content=content,
                headers={
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(path.stat().st_size),
                },
                timeout=httpx.Timeout(UPLOAD_SECONDS, connect=CONNECT_SECONDS),
            )  # fmt: skip

    def fetch(self, path: str, target: Path, *, limit: int) -> None:
        """Write what is at `path` to `target`, from wherever GitHub keeps it.

        Its stores are asked without the token. Raises what `request` and `download` raise.
        """
        asked = {"Accept": "application/octet-stream"}
        answer = self._send("GET", self.base + path, headers=asked, elsewhere=True)
        if not answer.is_redirect:
            if len(answer.content) > limit:
                raise GithubError(f"{path} is larger than {limit} bytes")
            target.write_bytes(answer.content)
            return
        place = answer.headers.get("location", "")
        if urlsplit(place).scheme not in ("https", urlsplit(self.base).scheme):
            raise GithubError(f"GitHub keeps {path} at an address without TLS: {place[:200]}")
        with client() as http:
            download(http, place, target, limit=limit)

    def _send(
        self, method: str, url: str, *, elsewhere: bool = False, **options: Any
    ) -> httpx.Response:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": API_VERSION,
            **options.pop("headers", {}),
        }
        what = f"{method} {url.removeprefix(self.base)}"
        content = options.get("content")
        size = int(headers.get("Content-Length", 0))
        seconds = WHOLE_SECONDS + (UPLOAD_SECONDS + size / SLOWEST if size else 0)

        def once() -> httpx.Response:
            if content is not None:
                content.seek(0)
            try:
                with until(time.monotonic() + seconds):
                    answer = self._client.request(method, url, headers=headers, **options)
            except httpx.TransportError as error:
                raise _broken(method, what, str(error) or type(error).__name__) from error
            if answer.status_code >= 500:
                raise _broken(method, what, f"HTTP status {answer.status_code}")
            if (wait := self._limited(answer)) is not None:
                raise Limited(what, wait)
            if not answer.is_success and not (elsewhere and answer.is_redirect):
                raise refusal(what, answer, self.needs)
            if not elsewhere and answer.content and not _is_json(answer):
                raise _broken(method, what, "the answer is no JSON")
            return answer

        return POLICY.run(once, on=(Unreachable, Limited), note=self.say, sleep=self.sleep)

    @staticmethod
    def _limited(answer: httpx.Response) -> float | None:
        """Seconds that GitHub wants us to wait; None when no limit was reached."""
        if answer.status_code not in (403, 429):
            return None
        if (after := retry_after(answer)) is not None:
            return after
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            return max(1.0, float(reset) - time.time() + 1) if reset.isdecimal() else 60.0
        # "If the error is due to a secondary rate limit and says no time, wait at least a minute."
        secondary = "secondary rate limit" in _message(answer).lower()
        return 60.0 if answer.status_code == 429 or secondary else None


def _broken(method: str, what: str, said: str) -> DebwrightError:
    """The error of a request that was not answered as it should be."""
    if method not in REPEATABLE:
        return Unsure(
            f"GitHub did not answer as it should: {what}", evidence=[Evidence(text=said)],
            fix="run the same command again: it goes on where it stopped",
        )  # fmt: skip
    return Unreachable(
        f"GitHub cannot be reached: {what}", evidence=[Evidence(text=said)],
        cause="GitHub, or the network, is out of order",
        fix="look at githubstatus.com, then run the same command again",
    )  # fmt: skip


def refusal(what: str, answer: httpx.Response, needs: str) -> GithubError:
    """A refusal in words; never with a header of the request."""
    evidence = [Evidence(text=f"HTTP status {answer.status_code}: {_message(answer)}")]
    causes = {
        401: ("the token is wrong or has expired", "export GITHUB_TOKEN=... with a valid one"),
        403: (
            "the token may not do this",
            f"give it `{needs}` (in a workflow: permissions:)",
        ),
        404: (
            "there is no such thing, or the token may not see it",
            "check release.repository and what the token may do",
        ),
    }
    cause, fix = causes.get(answer.status_code, (None, None))
    if answer.is_redirect:
        cause, fix = "the repository was renamed", "set release.repository to its new name"
    return GithubError(
        f"GitHub refused: {what}", status=answer.status_code, evidence=evidence, cause=cause,
        fix=fix,
    )  # fmt: skip


def _is_json(answer: httpx.Response) -> bool:
    """Whether GitHub has answered, and not a proxy or a login page in its place."""
    try:
        answer.json()
    except ValueError:
        return False
    return True


def _message(answer: httpx.Response) -> str:
    try:
        data = answer.json()
    except ValueError:
        return answer.text[:SAID_LIMIT]
    if not isinstance(data, dict):
        return ""
    errors = [e for e in data.get("errors") or () if isinstance(e, dict)]
    wanted = ("field", "code", "message")
    parts = [str(data.get("message", ""))]
    parts += [" ".join(str(error[k]) for k in wanted if k in error) for error in errors]
    return "; ".join(p for p in parts if p)[:SAID_LIMIT]
