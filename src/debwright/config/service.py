"""[service] and [[service]]: units that must start, and how each is asked whether it is well."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

from debwright.config import values as v
from debwright.config.section import Problem, Raw, Section

_SOCKET_PATH_LIMIT = 107
"""Bytes of a socket's path (unix(7))."""
# What a remote shell would make something of is in neither.
_SOCKET_PATH = re.compile(r"/[A-Za-z0-9_./:@+,=-]+")
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_URLS = (
    "http://, https://, http+unix://%2Frun%2Fdemo.sock/PATH, tcp://HOST:PORT or "
    "unix:///run/demo.sock"
)
_KINDS = ("url", "command", "notify", "journal")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a health URL leads: to a host and port, or to a socket of the system's files."""

    http: bool
    secure: bool = False
    host: str = "localhost"
    port: int | None = None
    socket: str | None = None
    """Absolute path of a Unix socket (unix(7))."""

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises ValueError for what is no health URL."""
        parts = urlsplit(url)
        if parts.hostname and _HOST.fullmatch(parts.hostname) is None:
            raise ValueError(url)
        if parts.scheme in {"http", "https"} and parts.hostname:
            secure = parts.scheme == "https"
            return cls(http=True, secure=secure, host=parts.hostname, port=parts.port)
        if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path.strip("/"):
            return cls(http=False, host=parts.hostname, port=parts.port)
        if parts.scheme == "http+unix":
            return cls(http=True, socket=_socket(unquote(parts.netloc)))
        if parts.scheme == "unix" and not parts.netloc:
            return cls(http=False, socket=_socket(unquote(parts.path)))
        raise ValueError(url)


def _socket(path: str) -> str:
    fits = _SOCKET_PATH.fullmatch(path) is not None and ".." not in path.split("/")
    if not fits or len(path.encode()) > _SOCKET_PATH_LIMIT:
        raise ValueError(path)
    return path


def _health_url(value: str) -> str:
    expected = f"a URL that begins with {_URLS}"
    try:
        Address.parse(value)
        usable = value.isascii() and all(c.isprintable() and c != " " for c in value)
        secret = urlsplit(value).username is not None and "+unix" not in value
    except ValueError:
        usable, secret = False, False
    if secret:
        hidden = re.sub(r"//[^/]*@", "//", value)
        raise v.refused(
            f"{v.quoted(hidden)} came with a user and a password, which reports would show",
            expected="a URL without them: they stand in a file of their own",
            fix=f'write `probe = {{ url = "{hidden}", credentials = "FILE" }}` instead, FILE with '
            "one line USER:PASSWORD",
        )
    if not usable:
        fix = f'write "http://{value}"' if re.match(r"[\w.-]+(:\d+)?(/|$)", value) else None
        raise v.refused(
            f"{v.quoted(value)} is no http(s) URL, and none of a socket", expected=expected, fix=fix
        )
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise v.refused(
            f"{v.quoted(value)} is not a pattern: {error}",
            expected="an extended regular expression (grep(1), -E)",
        ) from None
    return value


def _instance(value: str) -> str:
    stem, suffix = value.rpartition(".")[::2]
    if stem.endswith("@"):
        raise v.refused(
            f"{v.quoted(value)} is a template, of which nothing runs",
            expected="one of its instances, which the packages or a test start",
            fix=f'write "{stem}main.{suffix}", for the instance `main`',
        )
    return value


HealthUrl = Annotated[str, AfterValidator(_health_url)]
Pattern = Annotated[v.Line, AfterValidator(_pattern)]
Instance = Annotated[v.Unit, AfterValidator(_instance)]
Exposure = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


class Probe(Section):
    """How a service is asked whether it is well: by one of url, command, notify and journal."""

    url: HealthUrl | None = Field(
        None,
        description="It answers there, as seen from inside: http:// or https:// (with any "
        "certificate), http+unix://%2Frun%2Fdemo.sock/PATH, tcp://HOST:PORT or "
        "unix:///run/demo.sock. Of the last two a connection is enough, where neither `send` nor "
        "`expect` is given.",
    )
    status: int = Field(200, ge=100, le=599, description="HTTP status of the answer.")
    expect: str | None = Field(
        None,
        min_length=1,
        description="Text that must occur in the answer: the body, what comes over the socket, "
        "the command's output, or the unit's status text (sd_notify(3), STATUS=).",
    )
    send: str | None = Field(
        None, min_length=1, description="What is sent first, over tcp:// or unix://."
    )
    credentials: v.Line | None = Field(
        None,
        description="A file with one line USER:PASSWORD for HTTP's basic authentication. A "
        "relative path is next to this file; an absolute one is in the system, as the package "
        "has made it. Neither is shown anywhere.",
    )
    command: v.Script | None = Field(
        None, description="Run in the system with `sh -c`; it must end with status 0."
    )
    user: v.UserName | None = Field(
        None, description="The user that the command is run as; root without it."
    )
    notify: bool = Field(
        False, description="Whether the unit itself must say READY=1 (Type=notify, sd_notify(3))."
    )
    journal: Pattern | None = Field(
        None,
        description="Extended regular expression (grep(1), -E) of a line that the unit logs "
        "once it is up.",
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        kinds = [kind for kind in _KINDS if raw.get(kind)]
        if len(kinds) != 1:
            said = f"says {' and '.join(kinds)}" if kinds else "says nothing to ask"
            yield Problem(
                path=(kinds[1],) if kinds else (),
                what=f"the probe {said}",
                expected=f"exactly one of {', '.join(_KINDS)}",
                fix="remove all but one" if kinds else 'add `command = "..."`, or another of them',
            )
            return
        url = raw.get("url")
        web = isinstance(url, str) and url.startswith("http")
        for keys, fits, of in (
            (("status", "credentials"), web, "an http URL"),
            (("send",), isinstance(url, str) and not web, "tcp:// or unix://"),
            (("user",), kinds == ["command"], "a command"),
            (("expect",), kinds != ["journal"], "another probe than journal"),
        ):
            for key in keys:
                if key in raw and not fits:
                    yield Problem(
                        path=(key,),
                        what=f"`{key}` has no effect with {kinds[0]}",
                        expected=f"`{key}` together with {of}",
                        fix=f"remove `{key}`",
                    )

    @property
    def said(self) -> str:
        """What is asked, for messages."""
        if self.command is not None:
            return f"`{self.command}`"
        if self.journal is not None:
            return f"a line of the journal like {self.journal!r}"
        return self.url or "READY=1"


class Service(Section):
    """A unit that must start, answer and stop on a booted root of every target."""

    unit: Instance = Field(description="Its systemd unit; `.service` may be left out.")
    scope: Literal["system", "user"] = Field(
        "system",
        description="Whether it is a unit of the system, or one of each user (systemctl --user), "
        "which a login starts.",
    )
    health_url: HealthUrl | None = Field(
        None,
        description="URL that answers once the service is up, as seen from inside, of any kind "
        "that `probe.url` knows; without one and without a probe, its unit's state and log say so.",
    )
    expect_status: int = Field(
        200, ge=100, le=599, description="HTTP status the health URL must answer with."
    )
    expect_body: str | None = Field(
        None, min_length=1, description="Text that must occur in the health URL's answer."
    )
    probe: Probe | None = Field(
        None, description="How the unit is asked whether it is well, in place of health_url."
    )
    start_seconds: v.Seconds = Field(
        30, description="Seconds the service may take until it is healthy."
    )
    memory_mb: v.Megabytes | None = Field(
        None, description="Megabytes (10^6 bytes) it may use at most once it is healthy."
    )
    exposure: Exposure | None = Field(
        None, description="Exposure level it may have, instead of `limits.exposure`."
    )
    pages: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Paths or URLs on the server of the health URL that must be answered "
        "without an error, in addition to `/` and what that links to.",
    )
    smoke: list[v.Script] = Field(
        [],
        description="Commands run on the booted system with `sh -c` once the service is healthy; "
        "each must exit with status 0.",
    )
    user: v.UserName | None = Field(None, description="The user its processes must run as.")
    ports: Annotated[list[v.PortText], AfterValidator(v.no_repeats)] = Field(
        [],
        description="Where it must listen, and nowhere else: ADDRESS:PORT/PROTOCOL, as "
        "127.0.0.1:8080/tcp, [::1]:53/udp or *:80/tcp. Not looked at when empty.",
    )
    stop_seconds: v.Seconds = Field(15, description="Seconds it may take to stop.")
    steady_seconds: v.Pause = Field(
        8, description="Seconds it must have run without a crash after installation."
    )
    must_restart: bool = Field(
        False,
        description="Whether a unit that stays down after a crash is an error even if it has no "
        "Restart=.",
    )
    writes: Annotated[list[v.Line], AfterValidator(v.no_repeats)] = Field(
        [],
        description="fnmatch patterns of absolute paths it may create while it runs, in "
        "addition to its packaged directories and those of StateDirectory= and its like.",
    )

    @classmethod
    def contradictions(cls, raw: Raw) -> Iterator[Problem]:
        for key in ("expect_status", "expect_body"):
            if key in raw and "health_url" not in raw:
                yield Problem(
                    path=(key,),
                    what=f"service.{key} has no effect without service.health_url",
                    expected="the URL whose answer is to be looked at",
                    fix='add `health_url = "http://..."` to [service]',
                )
        if "probe" in raw and "health_url" in raw:
            yield Problem(
                path=("health_url",),
                what="service.health_url and service.probe both say how the unit is asked",
                expected="one of the two",
                fix="remove `health_url`, or write it as `probe.url`",
            )

    @property
    def asked(self) -> Probe | None:
        """How it is asked, however that is written; None: by its unit's state and log."""
        if self.health_url is None:
            return self.probe
        return Probe(url=self.health_url, status=self.expect_status, expect=self.expect_body)
