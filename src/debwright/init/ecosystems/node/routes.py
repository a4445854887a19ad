"""Which path a service of Node answers, from its routes and from where its routers are mounted.

Express (`app.use("/api", router)`), Koa and Hono (`route`), Fastify (`register` with a prefix).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from debwright.init.hints import HEALTH_PATH, Source
from debwright.init.model import Guess

ROUTE = re.compile(
    r"""\.(?P<method>get|all|use|route)\(\s*["'`](?P<path>/[\w./-]*)["'`]\s*(?P<more>[,)])"""
)
_MODULE = r"""(?:require\(\s*["'`](?P<required>\.[^"'`]*)["'`]\s*\)|(?P<name>[A-Za-z_$][\w$]*))"""
MOUNT = re.compile(
    rf"""\.(?:use|route)\(\s*(?:["'`](?P<path>/[\w./-]*)["'`]\s*,\s*)?(?:[\w$.]+(?:\([^()]*\))?\s*,\s*)*{_MODULE}"""
    r"""(?:\.routes\(\))?\s*\)"""
)
REGISTER = re.compile(
    rf"""\.register\(\s*{_MODULE}\s*(?:,\s*\{{[^{{}}]*?prefix\s*:\s*["'`](?P<path>/[\w./-]*)["'`])?"""
)
BOUND = re.compile(
    r"""(?:import\s+(?:\*\s+as\s+)?(?P<one>[A-Za-z_$][\w$]*)\s+from\s*|import\s*\{(?P<some>[^}]*)\}\s*from\s*"""
    r"""|(?:const|let|var)\s+(?:(?P<two>[A-Za-z_$][\w$]*)|\{(?P<more>[^}]*)\})\s*=\s*(?:await\s+)?(?:require|import)\()"""
    r"""\s*["'`](?P<from>\.[^"'`]*)["'`]"""
)
STATIC = re.compile(
    r"""express\.static\(|serveStatic|koa-static|@fastify/static|createReadStream\("""
    r"""|url\s*===?\s*["']/["']"""
)
INDEX = ("index.html", "*/index.html", "*/*/index.html")
_DEEP = 5


@dataclass(frozen=True, kw_only=True)
class Route:
    path: str
    seen: str
    sure: bool
    """Whether a handler for GET is there, and not only something that is mounted."""


def health_path(directory: Path, sources: Sequence[Source]) -> Guess:
    """A path that says how the service is, else its first page, else any that it answers."""
    routes = list(_routes(sources))
    named = [r for r in routes if r.sure and HEALTH_PATH.fullmatch(f'"{r.path}"')]
    if named:
        best = min(named, key=lambda r: ("health" not in r.path, r.path.count("/")))
        return Guess(value=best.path, seen=best.seen)
    said = [(s, m) for s in sources for m in HEALTH_PATH.finditer(s.text)]
    if said:
        source, match = min(said, key=lambda item: "health" not in item[1][1])
        return Guess(value=match[1], seen=source.at(match))
    static = any(STATIC.search(s.text) for s in sources)
    first = [r for r in routes if r.path == "/"]
    first.sort(key=lambda r: not r.sure)
    if static and not any(r.sure for r in first) and (page := _page(directory)):
        return Guess(value="/", seen=page)
    others = [] if static else [r for r in routes if r.sure]
    for route in (*first, *others):
        return Guess(value=route.path, seen=route.seen)
    return Guess(value="/", seen=None)


def _page(directory: Path) -> str | None:
    """The first page of the files that are given out."""
    for pattern in INDEX:
        for path in sorted(directory.glob(pattern)):
            place = path.relative_to(directory)
            if "node_modules" not in place.parts and path.is_file():
                return str(place)
    return None


def _routes(sources: Sequence[Source]) -> Iterator[Route]:
    names = {source.name: source for source in sources}
    mounted = dict(_mounts(names))
    for source in sources:
        prefix = _prefix(source.name, mounted)
        for match in ROUTE.finditer(source.text):
            handled = match["method"] in ("get", "all") and match["more"] == ","
            path = f"{prefix}{match['path']}".replace("//", "/")
            path = path.rstrip("/") or "/" if match["path"] == "/" else path
            line = source.text.count("\n", 0, match.start()) + 1
            yield Route(path=path, seen=f"{source.name}:{line}", sure=handled)


def _mounts(names: Mapping[str, Source]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Modules whose routes another one mounts: that one, and below which path."""
    for source in names.values():
        bound = dict(_bound(source, names))
        for pattern in (MOUNT, REGISTER):
            for match in pattern.finditer(source.text):
                if match["required"]:
                    target = _resolved(source.name, match["required"], names)
                else:
                    target = bound.get(match["name"])
                if target and target != source.name:
                    yield target, (source.name, match["path"] or "")


def _bound(source: Source, names: Mapping[str, Source]) -> Iterator[tuple[str, str]]:
    """Names in `source` that stand for other modules of the project."""
    for match in BOUND.finditer(source.text):
        target = _resolved(source.name, match["from"], names)
        if target:
            one = match["one"] or match["two"]
            some = re.split(r"[,\s]+(?:as\s+)?", match["some"] or match["more"] or "")
            yield from ((name, target) for name in (*([one] if one else []), *some) if name)


def _resolved(here: str, said: str, names: Mapping[str, Source]) -> str | None:
    """The file of the project that `here` names, as node and TypeScript look for it."""
    parts: list[str] = []
    for part in (*PurePosixPath(here).parent.parts, *said.split("/")):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    path = "/".join(parts)
    stem = re.sub(r"\.[cm]?js$", "", path)
    ends = (".js", ".mjs", ".cjs", ".ts", ".mts", "/index.js", "/index.ts", "/index.mjs")
    return next((p for p in (path, *(stem + end for end in ends)) if p in names), None)


def _prefix(name: str, mounted: Mapping[str, tuple[str, str]], depth: int = 0) -> str:
    if name not in mounted or depth > _DEEP:
        return ""
    above, path = mounted[name]
    return _prefix(above, mounted, depth + 1) + path.rstrip("/")
