"""The kinds of values a configuration may hold, each with what it accepts.

A value ends up in command lines, in apt's sources and in Release files, so each kind says what
it may contain. A validator raises `refused`, whose context carries what was expected and what
to write instead.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from debwright.config.section import Secret
from debwright.model.fix import Command

_MIRROR_SCHEMES = ("http", "https", "file", "copy", "mirror+http", "mirror+https", "mirror+file")
_UNIT_SUFFIX = re.compile(r"\.(service|socket|timer|target|path)$")


def refused(message: str, *, expected: str, fix: str | None = None) -> PydanticCustomError:
    """The error a validator raises; both hints travel in its context."""
    # Braces are placeholders in pydantic's templates, so the text is never the template.
    context = {"message": message, "expected": expected, "fix": fix}
    return PydanticCustomError("refused", "{message}", context)


def matching(pattern: str, expected: str) -> AfterValidator:
    """A text that matches `pattern` wholly; `expected` says so in words."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if compiled.fullmatch(value) is None:
            raise refused(f"{quoted(value)} is not acceptable", expected=expected)
        return value

    return AfterValidator(check)


def quoted(value: object, limit: int = 80) -> str:
    """`value` as it would be written in TOML, shortened."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _one_line(value: str) -> str:
    if not value.strip() or any(not c.isprintable() for c in value):
        raise refused(
            f"{quoted(value)} is not acceptable",
            expected="a text of one line, not empty, without control characters",
        )
    return value


def _script(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise refused(
            f"{quoted(value)} is not acceptable", expected="a shell command that is not empty"
        )
    return value


def _environment_value(value: str) -> str:
    if any(not c.isprintable() and c not in "\t" for c in value):
        raise refused(
            f"{quoted(value)} is not acceptable",
            expected="a value of one line, without control characters",
        )
    return value


def _http_url(value: str) -> str:
    expected = "a URL that begins with http:// or https:// and names a host"
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises ValueError unless it is one
    except ValueError:
        usable = False
    if not usable or not _is_plain(value):
        fix = f'write "http://{value}"' if re.match(r"[\w.-]+(:\d+)?(/|$)", value) else None
        raise refused(f"{quoted(value)} is not an http(s) URL", expected=expected, fix=fix)
    return value


def _mirror(value: str) -> str:
    scheme, colon, rest = value.partition("://")
    if not (colon and scheme in _MIRROR_SCHEMES and rest) or not _is_plain(value):
        raise refused(
            f"{quoted(value)} is not a mirror",
            expected=f"a URL that begins with one of {', '.join(_MIRROR_SCHEMES)} and ://",
        )
    return value


def _is_plain(value: str) -> bool:
    return value.isascii() and all(c.isprintable() and c != " " for c in value)


def _apt_source(value: str) -> str:
    if not re.match(r"deb(-src)? ", _one_line(value)):
        raise refused(
            f"{quoted(value)} is not an apt source",
            expected="one line of sources.list, which begins with `deb ` (sources.list(5))",
        )
    return value


def _unit(value: str) -> str:
    """A unit's name as in systemd.unit(5); without a suffix it is a service, as for systemctl."""
    name = value if _UNIT_SUFFIX.search(value) else f"{value}.service"
    if len(name) > 255 or re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", name, re.ASCII) is None:
        raise refused(
            f"{quoted(value)} is not a systemd unit",
            expected="a unit's name, as greeter.service",
        )
    return name


@dataclass(frozen=True)
class Port:
    """Where a service is expected to listen."""

    address: str
    number: int
    protocol: str

    @classmethod
    def parse(cls, text: str) -> "Port":
        """`127.0.0.1:8080/tcp`, `[::1]:53/udp` or `*:80/tcp`; raises ValueError."""
        match = re.fullmatch(r"(\*|\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]{1,5})/(tcp|udp)", text)
        if match is None or not 0 < int(match[2]) < 65536:
            raise ValueError(text)
        address = match[1]
        if address.startswith("["):
            ipaddress.IPv6Address(address[1:-1])
        elif address != "*":
            ipaddress.IPv4Address(address)
        return cls(address.strip("[]"), int(match[2]), match[3])


def _port(value: str) -> str:
    try:
        Port.parse(value)
    except ValueError:
        number = re.fullmatch(r"(?:(?:localhost)?:)?([0-9]{1,5})(?:/tcp)?", value)
        raise refused(
            f"{quoted(value)} is not a port",
            expected="ADDRESS:PORT/PROTOCOL with tcp or udp, as 127.0.0.1:8080/tcp, "
            "[::1]:53/udp or *:80/tcp",
            fix=f'write "127.0.0.1:{number[1]}/tcp"' if number else None,
        ) from None
    return value


def _fingerprint(value: str) -> str:
    plain = value.replace(" ", "").upper()
    if re.fullmatch(r"[0-9A-F]{40}", plain) is None:
        raise refused(
            f"{quoted(value)} is not a fingerprint",
            expected="the 40 hexadecimal digits of an OpenPGP key's fingerprint; "
            "a short key id can be forged",
            fix=Command("debwright", "keys", "list"),
        )
    return plain


def _below(value: str) -> str:
    parts = value.split("/")
    if value.startswith("/") or any(p in ("", ".", "..") for p in parts) or not _is_plain(value):
        raise refused(
            f"{quoted(value)} is not acceptable",
            expected="a relative path that stays below dist/, as apt or debian/stable",
        )
    return value


def _date(value: Any) -> Any:
    # A datetime is a date to Python; here it would hide a mistake.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return date.fromisoformat(value)
    except ValueError:
        pass  # the 31st of February and the like: refused below
    raise refused(
        f"{quoted(str(value))} is not a date",
        expected="the last day on which it counts, as 2027-01-31",
        fix="write it as YYYY-MM-DD",
    )


def _auto_or_bool(value: Any) -> Any:
    # A literal type alone would take 1 for true.
    if isinstance(value, bool) or value == "auto":
        return value
    raise refused(
        f"{quoted(value)} is not one of its values",
        expected='"auto", true or false',
        fix='write "auto"',
    )


def no_repeats(values: list[str]) -> list[str]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise refused(
                f"{quoted(value)} is listed twice",
                expected="each value once",
                fix=f"remove one {quoted(value)}",
            )
    return values


def environment_names(reserved: dict[str, str]) -> Callable[[dict[str, str]], dict[str, str]]:
    """A check of the names of variables; `reserved` maps those debwright sets to what to do."""

    def check(values: dict[str, str]) -> dict[str, str]:
        for name in values:
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) is None:
                raise refused(
                    f"{quoted(name)} is not a variable's name",
                    expected="letters, digits and underscores, not beginning with a digit",
                )
            if name in reserved:
                raise refused(
                    f"{name} is set by debwright itself",
                    expected="variables of the package's own build",
                    fix=reserved[name],
                )
        return values

    return check


Line = Annotated[str, AfterValidator(_one_line)]
Script = Annotated[str, AfterValidator(_script)]
EnvironmentValue = Annotated[str, AfterValidator(_environment_value)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Mirror = Annotated[str, AfterValidator(_mirror)]
AptSource = Annotated[str, AfterValidator(_apt_source)]
Unit = Annotated[str, AfterValidator(_unit)]
PortText = Annotated[str, AfterValidator(_port)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
PathBelowDist = Annotated[str, AfterValidator(_below)]
Day = Annotated[date, BeforeValidator(_date)]
AutoOrBool = Annotated[Literal["auto", True, False], BeforeValidator(_auto_or_bool)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Growth = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Megabytes = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[int, Field(ge=1, le=24 * 3600)]
Pause = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]

TagPrefix = Annotated[
    str,
    matching(
        r"(?:[A-Za-z0-9_][A-Za-z0-9_./+-]{0,63})?",
        "what a release tag begins with, as v or greeter/v: letters, digits and ._/+-",
    ),
]
Component = Annotated[
    str,
    matching(r"[a-z0-9][a-z0-9.+-]*(/[a-z0-9.+-]+)*", "an archive component's name, as main"),
]
CodenameSuffix = Annotated[
    str, matching(r"[a-z0-9.+-]{0,32}", "lower-case letters, digits and .+- only")
]
UserName = Annotated[
    str,
    matching(r"[a-z_][a-z0-9_.-]{0,31}", "a system user's name, as greeter or _greeter"),
]
VariableName = Annotated[
    str,
    matching(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable, not its value"),
]
SecretVariable = Annotated[VariableName, Secret()]
TagName = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9.+_/-]*", "a lintian tag's name, as no-manual-page")
]
FindingCode = Annotated[
    str,
    matching(
        r"[a-z0-9*][a-z0-9_.*+-]*(/[A-Za-z0-9_.*+-]+)*",
        "a finding's code as the report shows it, as lintian/no-manual-page",
    ),
]
PackageName = Annotated[
    str, matching(r"[a-z0-9][a-z0-9+.-]+", "a Debian package's name (Debian Policy 5.6.1)")
]
Profile = Annotated[
    str, matching(r"[a-z0-9][a-z0-9.+-]*", "a build profile's name, as nodoc or pkg.greeter.lean")
]
BuildOption = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_-]*(=[^\s,]+)?",
        "one option of DEB_BUILD_OPTIONS (Debian Policy 4.9.1), as nocheck or parallel=2",
    ),
]
Address = Annotated[
    str, matching(r"[^\s@<>,;:\"()\\]+@[A-Za-z0-9.-]+", "a mail address, as releases@example.org")
]
HostName = Annotated[
    str,
    matching(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9a-fA-F:]+", "the name of a host"),
]
PythonVersion = Annotated[
    str, matching(r"3\.\d{1,2}(\.\d{1,2})?", "a version of Python 3, as 3.12 or 3.12.3")
]
GlibcVersion = Annotated[str, matching(r"2\.\d{1,2}", "a version of the C library, as 2.39")]
IssueLabel = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9 :._/-]{0,49}", "an issue's label, as debwright-alert")
]
GithubRepository = Annotated[
    str,
    matching(
        r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}",
        "owner/name of a repository, as example/greeter",
    ),
]
