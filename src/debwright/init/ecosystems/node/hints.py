"""What JavaScript says about its service: port, address, health path, and files it writes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.node.routes import health_path
from debwright.init.ecosystems.node.start import Start
from debwright.init.ecosystems.node.writes import elsewhere, written
from debwright.init.hints import MAX_BYTES, Source, guess_port, read_sources
from debwright.init.model import Guess

SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
FOR_DEVELOPERS = frozenset(
    {"debug", "demo", "dev", "e2e", "bench", "benchmark", "benchmarks", "fixtures", "website"}
)
LISTENS = re.compile(
    r"""\.listen\(|createServer\(|\bserve\(\s*[{(]|new\s+(?:WebSocketServer|WebSocket\.Server|Server)\("""
)
FRAMEWORKS: Mapping[str, int] = {
    "next": 3000, "nuxt": 3000, "nitro": 3000, "express": 3000, "fastify": 3000, "koa": 3000,
    "@hapi/hapi": 3000, "hapi": 3000, "hono": 3000, "@nestjs/core": 3000, "restify": 8080,
    "polka": 3000, "micro": 3000, "sails": 1337, "@adonisjs/core": 3333,
    "@feathersjs/feathers": 3030, "json-server": 3000, "socket.io": 3000, "ws": 8080,
    "connect": 3000, "h3": 3000, "@strapi/strapi": 1337, "ghost": 2368, "moleculer-web": 3000,
    "probot": 3000,
}  # fmt: skip
"""Packages that make a service, and the port that their documentation uses."""
OTHERS = (
    r"(?!\w*(?:DB|DATABASE|SQL|MARIA|PG|POSTGRES|REDIS|MONGO|SMTP|MAIL|RABBIT|AMQP|KAFKA|ELASTIC|MQTT"
    r"|MEMCACHE|LDAP|FTP|SSH|REMOTE|PROXY|UPSTREAM|STATSD|METRICS|DEBUG|CLIENT|FRONTEND|INFLUX|NATS"
    r"|CONSUL|MINIO|S3|SEARCH|QUEUE|BROKER|PUBLIC|EXTERNAL)\w*_)"
)
"""Not before names of variables that say where another service is."""
PORTS = (
    re.compile(rf"""process\.env\.{OTHERS}(?:\w*_)?PORT\s*(?:\|\||\?\?)\s*["'`]?(\d{{2,5}})\b"""),
    re.compile(r"""\.listen\(\s*\{?\s*(?:port\s*:\s*)?["']?(\d{2,5})\b"""),
    re.compile(
        r"""(?i)\b(?:default_?|base_?)?port\s*(?::\s*number\s*)?=\s*"""
        rf"""(?!process\.env\.(?!{OTHERS}))[^;\n\d]{{0,80}}["'`]?(\d{{2,5}})\b"""
    ),
)
PORT_VARIABLE = re.compile(
    rf"""process\.env\.({OTHERS}(?:[A-Z]+_)?PORT)\b|process\.env\[["']({OTHERS}(?:[A-Z]+_)?PORT)"""
)
HOST_VARIABLE = re.compile(
    rf"""process\.env\.({OTHERS}(?:[A-Z]+_)?(?:HOST|BIND|LISTEN_ADDRESS))\b"""
)
OF_OTHERS = frozenset({3306, 5432, 6379, 27017, 25, 465, 587, 1883, 5672, 9200, 11211, 1433})
"""Ports of databases and the like, which a source names to reach them."""
LOOPBACK = re.compile(r"""(?:listen\([^)\n]*|host(?:name)?\s*[:=]\s*)["']127\.0\.0\.1["']""", re.I)
EVERYWHERE = re.compile(r"""(?:listen\([^)\n]*|host(?:name)?\s*[:=]\s*)["']0\.0\.0\.0["']""", re.I)


@dataclass(frozen=True, kw_only=True)
class Hints:
    listens: bool
    """Whether it takes connections."""
    port: Guess
    path: Guess
    address: str
    """Where it listens: `127.0.0.1`, `*`, or empty where nothing says so."""
    environment: Mapping[str, str]
    """Variables that it reads its port and address from."""
    elsewhere: Mapping[str, str]
    """Variables that get a place of the service's state, and its name there."""
    writes: tuple[str, ...]
    """Files, and directories with a slash at the end, that it makes next to its source."""


def read(directory: Path, start: Start | None, dependencies: Sequence[str]) -> Hints:
    """Look through the scripts below `directory`, those first that are started."""
    sources = _sorted(_sources(directory, start), start)
    framework = next((name for name in FRAMEWORKS if name in dependencies), None)
    port = _port(sources, start, FRAMEWORKS.get(framework or "", 3000))
    variable = _first(sources, PORT_VARIABLE)
    host = _first(sources, HOST_VARIABLE)
    environment = {}
    if variable or (framework in {"next", "nuxt", "nitro"}):
        environment[variable or "PORT"] = port.value
    if host:
        environment[host] = "127.0.0.1"
    return Hints(
        listens=framework is not None or any(LISTENS.search(s.text) for s in sources),
        port=port,
        path=health_path(directory, sources),
        address="127.0.0.1" if host else _address(sources),
        environment=environment,
        elsewhere=elsewhere(sources),
        writes=written(directory, sources, start),
    )


def _sources(directory: Path, start: Start | None) -> list[Source]:
    """The scripts of the project, and what is started, whatever its name ends with."""
    found = [
        source for source in read_sources(directory, set(SUFFIXES))
        if PurePosixPath(source.name).parts[0] not in FOR_DEVELOPERS
    ]  # fmt: skip
    path = directory / start.script if start and start.script else None
    known = {source.name for source in found}
    inside = path is not None and path.resolve().is_relative_to(directory.resolve())
    if path is not None and inside and path.is_file() and start and start.script not in known:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
        found.append(Source(name=str(start.script), text=text))
    return found


def _sorted(sources: Sequence[Source], start: Start | None) -> list[Source]:
    """The script that is started comes first, then those at the top, then what is deeper."""
    script = start.script if start else None
    stem = PurePosixPath(script).stem if script else ""
    return sorted(
        sources,
        key=lambda s: (s.name != script, PurePosixPath(s.name).stem != stem, s.name.count("/")),
    )


def _first(sources: Sequence[Source], pattern: re.Pattern[str]) -> str | None:
    for source in sources:
        if match := pattern.search(source.text):
            return next(group for group in match.groups() if group)
    return None


def _port(sources: Sequence[Source], start: Start | None, default: int) -> Guess:
    words = list(start.words) if start else []
    for option, value in pairwise(words):
        if option in ("-p", "--port", "-P") and value.isdecimal():
            return Guess(value=value, seen=start.seen if start else None)
    said = start.environment.get("PORT", "") if start else ""
    if start and said.isdecimal():
        return Guess(value=said, seen=start.seen)
    for source in sources:
        for pattern in PORTS:
            for match in pattern.finditer(source.text):
                if 1 <= int(match[1]) <= 65535 and int(match[1]) not in OF_OTHERS:
                    return Guess(value=match[1], seen=source.at(match))
    found = guess_port(sources, default)
    return Guess(value=str(default), seen=None) if int(found.value) in OF_OTHERS else found


def _address(sources: Sequence[Source]) -> str:
    if any(LOOPBACK.search(s.text) for s in sources):
        return "127.0.0.1"
    return "*" if any(EVERYWHERE.search(s.text) for s in sources) else ""
