"""What JavaScript says about its service: port, address, health path, and files it writes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.node.start import Start
from debwright.init.hints import HEALTH_PATH, MAX_BYTES, Source, guess_port, read_sources
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
PORTS = (
    re.compile(r"""process\.env\.(?:\w*_)?PORT\s*(?:\|\||\?\?)\s*["'`]?(\d{2,5})\b"""),
    re.compile(r"""\.listen\(\s*\{?\s*(?:port\s*:\s*)?["']?(\d{2,5})\b"""),
    re.compile(
        r"""(?i)\b(?:default_?|base_?)?port\s*(?::\s*number\s*)?=\s*[^;\n\d]{0,80}["'`]?(\d{2,5})\b"""
    ),
)
PORT_VARIABLE = re.compile(
    r"""process\.env\.((?:[A-Z]+_)?PORT)\b|process\.env\[["']((?:[A-Z]+_)?PORT)"""
)
HOST_VARIABLE = re.compile(r"""process\.env\.((?:[A-Z]+_)?(?:HOST|BIND|LISTEN_ADDRESS))\b""")
LOOPBACK = re.compile(r"""(?:listen\([^)\n]*|host(?:name)?\s*[:=]\s*)["']127\.0\.0\.1["']""", re.I)
EVERYWHERE = re.compile(r"""(?:listen\([^)\n]*|host(?:name)?\s*[:=]\s*)["']0\.0\.0\.0["']""", re.I)
ROUTE = re.compile(r"""\.(?:get|use|all|route)\(\s*["'`](/[\w./-]*)["'`]""")
STATIC = re.compile(
    r"""express\.static\(|serveStatic|koa-static|@fastify/static|createReadStream\("""
    r"""|url\s*===?\s*["']/["']"""
)
_SET = r"""(?:process\.env\.\w+\s*(?:\|\||\?\?)\s*)?"""
_HERE = r"""(?:path\.(?:join|resolve)\(\s*(?:__dirname|process\.cwd\(\))\s*,\s*)?"""
_FILE = r"""["'`](\.?/?\w[\w./-]*)["'`]"""
_STORES = "Database|DatabaseSync|Low|LowSync|JSONFile|JSONFileSync|Datastore"
WRITES = (
    re.compile(rf"new\s+(?:\w+\.)?(?:{_STORES})\(\s*{_SET}{_HERE}{_FILE}"),
    re.compile(
        rf"(?:writeFile|appendFile|createWriteStream|mkdir)(?:Sync)?\(\s*{_SET}{_HERE}{_FILE}"
    ),
    re.compile(r"""\b(?:dest|storage|filename|database)\s*:\s*["'`](\./[\w./-]+|[\w-]+/)["'`]"""),
)
"""Files and directories that a service makes, relative to where it runs."""


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
        path=_path(sources),
        address="127.0.0.1" if host else _address(sources),
        environment=environment,
        writes=tuple(_writes(directory, sources)),
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
            return match[1]
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
            match = pattern.search(source.text)
            if match and 1 <= int(match[1]) <= 65535:
                return Guess(value=match[1], seen=source.at(match))
    return guess_port(sources, default)


def _path(sources: Sequence[Source]) -> Guess:
    """A path that says how the service is, else its first page, else any that it answers."""
    found = [(s, m) for s in sources for m in HEALTH_PATH.finditer(s.text)]
    if found:
        source, match = min(found, key=lambda item: "health" not in item[1][1])
        return Guess(value=match[1], seen=source.at(match))
    routes = [(s, m) for s in sources for m in ROUTE.finditer(s.text)]
    static = any(STATIC.search(s.text) for s in sources)
    root = next(((s, m) for s, m in routes if m[1] == "/"), None)
    if root is None and routes and not static:
        plain = [(s, m) for s, m in routes if ".get(" in m[0]]
        root = plain[0] if plain else None
    if root is None:
        return Guess(value="/", seen=None)
    return Guess(value=root[1][1], seen=root[0].at(root[1]))


def _address(sources: Sequence[Source]) -> str:
    if any(LOOPBACK.search(s.text) for s in sources):
        return "127.0.0.1"
    return "*" if any(EVERYWHERE.search(s.text) for s in sources) else ""


def _writes(directory: Path, sources: Sequence[Source]) -> list[str]:
    """What is made at the top of the tree; what is there already is the project's own."""
    found: dict[str, None] = {}
    for source in sources:
        for pattern in WRITES:
            for match in pattern.finditer(source.text):
                parts = PurePosixPath(match[1]).parts
                if not parts or parts[0] in ("/", "..", ".") or match[1].startswith("/"):
                    continue
                inner = len(parts) > 1 or match[1].endswith("/") or "mkdir" in match[0]
                name = parts[0] + ("/" if inner or "dest" in match[0] else "")
                if not (directory / parts[0]).exists() and parts[0] not in {"dist", "build"}:
                    found.setdefault(name)
    return list(found)[:10]
