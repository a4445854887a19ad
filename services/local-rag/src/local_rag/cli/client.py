"""The command's side of the HTTP interface, with errors that say what to do next."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import httpx

from local_rag.cli import output
from local_rag.cli.output import Exit
from local_rag.core.errors import ConfigError, RagError

API = "/api/v1"
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
# The service answers a question in its own time; only silence is an error.
STREAM_TIMEOUT = httpx.Timeout(None, connect=5.0, read=120.0)
LONG_TIMEOUT = httpx.Timeout(None, connect=5.0)


class CommandError(click.ClickException):
    """An error shown as a sentence, its hint and its evidence; never as a traceback."""

    exit_code = Exit.FAILED

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.body = body

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click's
        """Print to standard error."""
        output.say(output.text("error: ", "bold red"), self.message, stderr=True)
        if self.hint:
            output.say(output.text("  try: ", "bold"), self.hint, stderr=True)
        for field in (self.body or {}).get("details", {}).get("fields", [])[:5]:
            output.say(f"  {field.get('field')}: {field.get('problem')}", stderr=True)


class WrongUsage(CommandError):
    """The command or the configuration is wrong."""

    exit_code = Exit.USAGE


class Unreachable(CommandError):
    """Nobody answers."""

    exit_code = Exit.UNREACHABLE


class ServiceError(CommandError):
    """The service answered with an error; `status` is the HTTP one."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        details = body.get("details") or {}
        self.status = status
        self.code = str(details.get("code", ""))
        super().__init__(
            str(body.get("error") or f"the service answered with status {status}"),
            hint=details.get("hint"),
            body=body,
        )


class Client:
    """Calls the running service. Close it, or use it as a context manager."""

    def __init__(
        self, url: str, token: str | None = None, *, doubt: Callable[[], object] | None = None
    ) -> None:
        """Take an address; `doubt` is called when nobody answers, to raise RagError with why."""
        self.url = url.rstrip("/")
        self._doubt = doubt
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        # Proxies of the environment are for the internet; the service is here. Without TLS the
        # certificates of all authorities need not be read, which takes longer than most answers.
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=_TIMEOUT,
            trust_env=False,
            verify=self.url.startswith("https:"),
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        accept: tuple[int, ...] = (),
        timeout: httpx.Timeout = _TIMEOUT,
        **options: Any,
    ) -> Any:
        """Send one request and return the JSON of its answer.

        Raises ServiceError for a status of 400 and above that is not in `accept`, and
        CommandError when nobody answers.
        """
        try:
            response = self._http.request(method, API + path, timeout=timeout, **options)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.is_error and response.status_code not in accept:
            raise ServiceError(response.status_code, _body(response))
        if response.status_code == 204 or (response.status_code in accept and not response.content):
            return None
        if not response.headers.get("content-type", "").startswith("application/json"):
            raise ServiceError(response.status_code, _foreign(response))
        return _body(response)

    def mcp(self, message: bytes) -> dict[str, Any] | None:
        """Hand a message of the Model Context Protocol on; returns the answer, None for none.

        Raises ServiceError for an error that is none of the protocol, and CommandError.
        """
        headers = {"Content-Type": "application/json"}
        try:
            response = self._http.post(
                "/mcp", content=message, headers=headers, timeout=LONG_TIMEOUT
            )
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if response.status_code == 202:
            return None
        answer: dict[str, Any] = _body(response)
        if response.is_error and "jsonrpc" not in answer:
            raise ServiceError(response.status_code, answer)
        return answer

    def events(self, path: str, body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """Send a request and yield the server-sent events of its answer."""
        headers = {"Accept": "text/event-stream"}
        try:
            with self._http.stream(
                "POST", API + path, json=body, headers=headers, timeout=STREAM_TIMEOUT
            ) as response:
                if response.is_error:
                    response.read()
                    raise ServiceError(response.status_code, _body(response))
                yield from parse_events(response.iter_lines())
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def download(self, path: str, target: Path, sha256: str) -> int:
        """Write the body of an answer to a file next to its name, then rename; returns bytes.

        Raises CommandError, and leaves what has that name as it is, when the checksum is wrong.
        """
        digest = hashlib.sha256()
        partial = target.with_name(f".{target.name}.part")
        try:
            with self._http.stream("GET", API + path, timeout=LONG_TIMEOUT) as response:
                if response.is_error:
                    response.read()
                    raise ServiceError(response.status_code, _body(response))
                # It may hold the texts of private documents, like the index it is a copy of.
                handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "wb") as stream:
                    for block in response.iter_bytes(1 << 20):
                        digest.update(block)
                        stream.write(block)
                    stream.flush()
                    os.fsync(stream.fileno())
                    count = stream.tell()
            if digest.hexdigest() != sha256:
                raise CommandError(f"{target} was damaged on its way", hint="fetch it again")
            partial.replace(target)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return count

    def _unreachable(self, error: httpx.HTTPError) -> CommandError:
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            try:
                if self._doubt is not None:
                    self._doubt()
            except RagError as reason:
                return translate(reason)
            return Unreachable(
                f"no service answers at {self.url} ({_reason(error)})",
                hint="systemctl status local-rag, or start one with: local-rag serve "
                "(another address: --url)",
            )
        if isinstance(error, httpx.TimeoutException):
            return Unreachable(
                f"the service at {self.url} did not answer in time",
                hint="local-rag status --verbose",
            )
        return Unreachable(
            f"the connection to {self.url} broke off ({_reason(error)})",
            hint="journalctl -u local-rag -n 50",
        )


def parse_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, data) for each server-sent event; comments are skipped."""
    name, data = "message", []
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield name, json.loads("\n".join(data))
            name, data = "message", []


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return _foreign(response)


def _foreign(response: httpx.Response) -> dict[str, Any]:
    return {
        "error": f"status {response.status_code}, and no answer this command understands",
        "details": {"hint": f"is {response.url.copy_with(path='/', query=None)} really local-rag?"},
    }


def _reason(error: httpx.HTTPError) -> str:
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause) or "no reason"


def translate(error: RagError) -> CommandError:
    """Return the command's error for one of the library's."""
    kind = WrongUsage if isinstance(error, ConfigError) else CommandError
    return kind(error.message, hint=error.hint)
