"""Where a program listens, as its source says it: patterns of a language, tried in their order.

A pattern has the group `value` for what is listened on (`:8080`, `127.0.0.1:8080`, `8080`), or
`host` and `port`; `env` for a variable that decides it. Nothing is run: these are guesses.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from debwright.init.hints import Source, guess_health_path
from debwright.init.model import Guess, Health

HOST = r"(?:\[[0-9a-fA-F:]*\]|[A-Za-z0-9.-]*)"
"""What may stand before the colon of an address, for a language's patterns."""
VALUE = rf"(?P<value>{HOST}:\d{{2,5}})"
VARIABLE = r"[A-Z0-9_]*(?:PORT|ADDR|LISTEN|BIND)[A-Z0-9_]*"
"""A variable of the environment that says where to listen."""
OTHERS = r"(?!(?:5432|3306|6379|27017|9092|4222|5672|9200|2379|11211|25|465|587|53|389|22)\b)"
"""No port at which programs ask others: databases, queues, mail."""
_VALUE = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:]*\]|[A-Za-z0-9.-]*):)?(?P<port>\d{2,5})", re.ASCII)
_EVERYWHERE = {"", "0.0.0.0", "[::]", "::", "[::0]", "*", "UNSPECIFIED"}  # noqa: S104 - read in a source, not bound
_DEFAULT = "8080"


@dataclass(frozen=True, kw_only=True)
class Language:
    """How a language's programs say where they listen."""

    listens: re.Pattern[str]
    """Found in a program that waits for connections."""
    serves: re.Pattern[str]
    """Found in one that answers HTTP."""
    addresses: tuple[re.Pattern[str], ...]
    """The surest first."""
    hosts: tuple[re.Pattern[str], ...]
    """Group `host`: an address that stands apart from its port."""
    variable: re.Pattern[str]
    """Group `env`: a variable of the environment that names the port or the address."""
    routes: re.Pattern[str]
    """Group `path`: a path that is answered to GET."""
    loops: re.Pattern[str]
    """Found in a program without a port that works for ever."""
    subcommand: re.Pattern[str]
    """Group `name`: the command of a program that makes it serve."""
    settings: re.Pattern[str]
    """Groups `flag` and `value`: an option whose default is a file of settings."""
    embeds: re.Pattern[str]
    """Found in a line that takes files into the program itself."""
    version_flag: re.Pattern[str]
    help_flag: re.Pattern[str]
    dashes: bool = False
    """Whether an option is called as its variable, with dashes for underscores."""
    anywhere: str = "*"
    """Where programs listen that name a port and no address."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where a program listens, and what it must be given for that."""

    port: Guess
    address: str
    """As ports of debwright.toml are written; empty when the source does not say it."""
    path: Guess | None
    """Where it answers HTTP; None for another protocol."""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def health(self) -> Health | None:
        """Whom to ask, when it answers HTTP."""
        if self.path is None:
            return None
        return Health(port=self.port, path=self.path, address=self.address)


def find_listener(
    sources: Sequence[Source], language: Language, *, port: Guess | None = None
) -> Listener | None:
    """Where the program made of `sources` listens, None when it does not.

    `port` is what stands elsewhere, as in a Dockerfile, for a source that does not say it.
    """
    if not any(language.listens.search(s.text) for s in sources):
        return None
    http = any(language.serves.search(s.text) for s in sources)
    path = _path(sources, language) if http else None
    for source, match in _matches(sources, language.addresses):
        found = _address(match)
        if found is not None:
            host, number = found
            address = written_address(host) if host is not None else _host(sources, language)
            return Listener(
                port=Guess(value=number, seen=_at(source, match)), address=address, path=path
            )
    guessed = port or Guess(value=_DEFAULT, seen=None)
    for source, match in _matches(sources, [language.variable]):
        if "PORT" in match["env"]:
            seen = Guess(value=guessed.value, seen=guessed.seen or _at(source, match))
            return Listener(
                port=seen, address=_host(sources, language), path=path,
                environment={match["env"]: seen.value},
            )  # fmt: skip
    return Listener(port=guessed, address=_host(sources, language), path=path)


def _matches(
    sources: Sequence[Source], patterns: Sequence[re.Pattern[str]]
) -> Iterator[tuple[Source, re.Match[str]]]:
    for pattern in patterns:
        for source in sources:
            for match in pattern.finditer(source.text):
                yield source, match


def _address(match: re.Match[str]) -> tuple[str | None, str] | None:
    """Host (None when it stands elsewhere) and port."""
    groups = match.groupdict()
    host, port = groups.get("host"), groups.get("port")
    if port is None:
        value = _VALUE.fullmatch(groups.get("value") or "")
        if value is None:
            return None
        host, port = value["host"], value["port"]
    if not 1 <= int(port) <= 65535:
        return None
    return (re.sub(r"\s*,\s*", ".", host) if host is not None else None), str(int(port))


def _host(sources: Sequence[Source], language: Language) -> str:
    for _, match in _matches(sources, language.hosts):
        return written_address(re.sub(r"\s*,\s*", ".", match["host"]))
    return language.anywhere


def written_address(host: str) -> str:
    """An address of a source as debwright.toml has it; a name other than localhost is not one."""
    if host in _EVERYWHERE:
        return "*"
    if host in ("localhost", "127.0.0.1", "LOCALHOST"):
        return "127.0.0.1"
    if host in ("[::1]", "::1"):
        return "[::1]"
    return host if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host) else ""


def _path(sources: Sequence[Source], language: Language) -> Guess:
    """The path for health, else the top where it is answered, else the first that is."""
    found = guess_health_path(sources)
    if found.seen is not None:
        return found
    routes = [
        Guess(value=match["path"], seen=_at(source, match, "path"))
        for source, match in _matches(sources, [language.routes])
        if re.fullmatch(r"/[A-Za-z0-9._/-]*", match["path"])
    ]
    return next((r for r in routes if r.value == "/"), routes[0] if routes else found)


def _at(source: Source, match: re.Match[str], group: str = "") -> str:
    names = match.groupdict()
    start = match.start(group) if group else match.start("port" if names.get("port") else "value" if names.get("value") else 0)  # noqa: E501 # fmt: skip
    return f"{source.name}:{source.text.count(chr(10), 0, start) + 1}"
