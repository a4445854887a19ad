"""What a unit should not have logged: secrets, and that it is a server for development.

Everything is looked at that the unit has logged in this boot, whatever its priority.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from debwright.checks.engine import packaged
from debwright.checks.engine.reading import texts
from debwright.checks.engine.secret_patterns import entropy, search
from debwright.checks.engine.session import Session
from debwright.checks.engine.units import triggered
from debwright.config import Service
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.results import Evidence, Finding, Severity

LOG_BYTES = 2 * 1024**2
"""Of the log that is read, from its beginning: passwords are made at a first start."""
_FILES = 60
_LINE = 4096
"""Characters of a line that may be a setting."""
_MOST = 5
_SHOWN = 300

CODES = Codes(
    {
        "journal/secret": Code(
            ERROR,
            "The log holds a key, a token, or a value that the configuration calls a secret; a "
            "warning for what only looks like one.",
            or_else=(WARNING,),
        ),
        "journal/development-server": Code(
            ERROR,
            "The service says that it is a server for development; a warning for a mode of it.",
            or_else=(WARNING,),
        ),
    }
)

_KEYWORD = r"(?:pass(?:word|wd|phrase)|secret(?:[_-]?key)?|token|(?:api|access|auth)[_-]?key)"
# NAME = value as configuration has it, Environment= of units included; a comment is none.
_SETTING = re.compile(
    rf"(?i)^(?!\s*[#;]).*?(?P<name>[a-z0-9_.-]{{0,60}}{_KEYWORD})[\"']?\s{{0,4}}(?::|=>?)\s{{0,4}}"
    r"[\"']?(?P<value>[^\s\"',;#]{8,200})"
)
# The same in a sentence, or in a URL.
_SPOKEN = re.compile(
    rf"(?i)\b{_KEYWORD}[\"']?(?: (?:is|(?:has been |was )?set to):?\s|\s?[:=]\s?)[\"'`]?"
    r"(?P<value>[A-Za-z0-9+/=_.~-]{12,200})"
)
_HINT = re.compile(r"(?i)pass|secret|token|key")
_NO_SECRET = re.compile(
    r"(?i)^/|^[a-z]+://|example|change.?me|placeholder|your|x{4,}|\*{2,}|^[a-z]+(?:[-_.][a-z]+)*$"
    r"|^[0-9.:-]+$|^\$|^%|^<|^\{|\.(?:conf|key|pem|json|txt|ya?ml|sock|service)$|^sha\d"
)

_DEVELOPMENT: tuple[tuple[re.Pattern[str], str, Severity], ...] = tuple(
    (re.compile(expression), whose, severity)
    for expression, whose, severity in (
        (r"This is a development server\. Do not use it in a production", "Flask or Django", ERROR),
        (r"^Starting development server at https?://", "Django", ERROR),
        (r"\bPHP \d[\d.]* Development Server \(https?://", "PHP", ERROR),
        (r"(?i)\b(?:do not|don't|never|not (?:meant|intended|suitable|recommended)) "
         r".{0,40}\b(?:in|for) production\b", "", WARNING),
        (r"^\s*\* Debugger is active!", "Werkzeug", ERROR),
        (r"\[GIN-debug\] \[WARNING\] Running in \"debug\" mode", "Gin", WARNING),
        (r"=> Rails [\d.]+ application starting in development\b", "Rails", WARNING),
        (r"\bHosting environment: Development\b", "ASP.NET", WARNING),
        (r"\bVITE v[\d.]+ +ready in \d+", "Vite", ERROR),
        (r"\[webpack-dev-server\] ", "webpack", ERROR),
    )
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A value of the configuration that its name calls a secret."""

    name: str
    value: str
    file: str


def findings(session: Session, service: Service) -> list[Finding]:
    """What the service's log should not hold."""
    units = [service.unit]
    if behind := triggered(session.unit(service.unit)):
        units.append(behind)
    lines = [line for unit in units for line in _log(session, unit)]
    known = configured(_configuration(session, units)) if lines else []
    session.secrets |= {secret.value for secret in known if any(secret.value in x for x in lines)}
    return [*_secrets(service, lines, known), *_development(service, lines)]


def _log(session: Session, unit: str) -> list[str]:
    command = shlex.join(
        ["journalctl", "--no-pager", "--quiet", "--boot", "--output=cat", *session.logged_by(unit)]
    )
    done = session.system.run(
        ["sh", "-c", f"{command} | head --bytes={LOG_BYTES}"],
        check=False, timeout=session.patience(60),
    )  # fmt: skip
    return done.output.splitlines()


def _configuration(session: Session, units: Iterable[str]) -> Iterator[tuple[str, str]]:
    """File and content of what the packages have below /etc, and of the units themselves."""
    shipped = packaged.shipped(session)
    created = session.created()
    paths = {p for p in (*shipped, *created) if p.startswith("/etc/")}
    ours = {p for p in paths if not p.startswith(("/etc/ssl/", "/etc/alternatives/", "/etc/rc"))}
    ours |= {u["FragmentPath"] for u in session.units([*units]).values() if u.get("FragmentPath")}
    yield from texts(session, sorted(ours)[:_FILES])


def configured(files: Iterable[tuple[str, str]]) -> list[Secret]:
    """The values that the files call secrets, and that are none of a manual."""
    return [
        Secret(name=found["name"], value=found["value"], file=path)
        for path, text in files
        for line in text.splitlines()
        if _HINT.search(line) and len(line) < _LINE
        and (found := _SETTING.match(line)) is not None and _is_one(found["value"])
    ]  # fmt: skip


def _is_one(value: str) -> bool:
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return mixed and not _NO_SECRET.search(value) and entropy(value.encode()) >= 2.5


def _secrets(service: Service, lines: list[str], known: list[Secret]) -> Iterator[Finding]:
    text = "\n".join(lines)
    data = text.encode()
    said: set[str] = set()
    for match in list(search(data))[:_MOST]:
        value = match.value.decode("utf-8", "replace")
        said.add(value)
        yield _found(
            service, f"the log of {service.unit} holds {match.pattern.what}", match.redacted(),
            None if match.pattern.certain else WARNING,
        )  # fmt: skip
    for secret in known:
        if secret.value in said or secret.value not in text:
            continue
        said.add(secret.value)
        yield _found(
            service,
            f"the log of {service.unit} holds the value of {secret.name}, which {secret.file} "
            "calls a secret",
            _line_with(lines, secret.value),
        )
    for line in lines:
        for spoken in _SPOKEN.finditer(line):
            value = spoken["value"]
            new = not any(value in s or s in value for s in said)
            if len(said) < _MOST and new and _is_random(value):
                said.add(value)
                yield _found(
                    service, f"the log of {service.unit} seems to hold a secret",
                    _line_with(lines, value), WARNING,
                )  # fmt: skip


def _is_random(value: str) -> bool:
    return _is_one(value) and entropy(value.encode()) >= 3.0


def _line_with(lines: list[str], value: str) -> str:
    line = next((one for one in lines if value in one), "")
    return line.replace(value, f"{value[:2]}... ({len(value)} characters, not shown)")[:_SHOWN]


def _found(service: Service, what: str, shown: str, severity: Severity | None = None) -> Finding:
    return CODES.found(
        "journal/secret",
        what,
        evidence=(Evidence(text=shown, file=f"journal of {service.unit}"),),
        fix="do not log it: members of adm and systemd-journal read the journal, and it is kept "
        "and sent elsewhere. A password made at the first start belongs into a file of mode 0600",
        severity=severity,
    )


def _development(service: Service, lines: list[str]) -> Iterator[Finding]:
    for expression, whose, severity in _DEVELOPMENT:
        line = next((one for one in lines if expression.search(one)), None)
        if line is None:
            continue
        what = f"runs a server of {whose} for development" if whose else "is not for production"
        yield CODES.found(
            "journal/development-server",
            f"{service.unit} {what if whose else f'says that something of it {what}'}",
            evidence=(Evidence(text=line.strip()[:_SHOWN], file=f"journal of {service.unit}"),),
            fix="start it by a server made for production (gunicorn or uvicorn for Python, php-fpm "
            "for PHP, the built files for JavaScript), and switch its debugging off",
            severity=severity,
        )
        return  # one line says it
