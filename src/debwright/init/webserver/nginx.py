"""nginx: the server of a configuration that gives out files (nginx.org, "Beginner's Guide")."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.init.model import Guess
from debwright.init.webserver import Taken, moved, ports

PLACES = ("nginx.conf", "nginx/default.conf", "nginx/nginx.conf", "nginx/conf.d/default.conf",
          "default.conf", "conf/nginx.conf", "docker/nginx.conf", "docker/nginx/default.conf",
          "docker/nginx/nginx.conf", ".docker/nginx.conf", "config/nginx.conf",
          "deploy/nginx.conf", "nginx/site.conf", ".nginx/nginx.conf")  # fmt: skip
TOKEN = re.compile(
    r"""\s+|#[^\n]*|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<mark>[{};])"""
    r"""|(?P<word>(?:\$\{\w+\}|\\.|[^\s{};])+)""",
    re.S,
)
PLACEHOLDER = re.compile(r"\$\{?(?:[A-Z][A-Z0-9_]*)\}?|\{\{|<%")
"""What a template has for envsubst, Jinja or ERB to fill in."""
ABOVE = ("map", "upstream", "limit_req_zone", "limit_conn_zone", "geo", "split_clients")
"""Blocks and zones of `http` that a server refers to, and that Debian's own has none of."""
INHERITED = re.compile(
    r"gzip(?:_\w+)?|add_header|expires|etag|charset|error_page|client_max_body_size|autoindex"
)
"""What of `http` may as well be in a server."""
OF_THE_MACHINE = re.compile(
    r"listen|ssl(?:_\w+)?|http2(?:_\w+)?|http3\w*|quic\w*|brotli\w*|zstd\w*|pid|user"
    r"|lua_\w+|\w+_by_lua\w*|more_\w+_headers|passenger\w*|pagespeed"
)
"""Ports, certificates, and directives of modules that Debian's nginx is installed without."""
SNIPPETS = ("mime.types", "fastcgi_params", "fastcgi.conf", "proxy_params", "uwsgi_params")
LOGS = ("access_log", "error_log")
UPSTREAM = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\]|unix:|\$)")


@dataclass(frozen=True)
class Directive:
    name: str
    words: tuple[str, ...]
    line: int
    block: "tuple[Directive, ...] | None" = None


def places(directory: Path) -> Iterator[str]:
    """Files of the project that may be such a configuration, the likeliest first."""
    yield from (name for name in PLACES if (directory / name).is_file())


def parsed(text: str) -> tuple[Directive, ...]:
    """The directives of a configuration. Raises ValueError for one that nginx would refuse."""
    stack: list[list[Directive]] = [[]]
    heads: list[tuple[list[str], int]] = []
    words: list[str] = []
    place, line = 0, 1
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"line {line}")
        place, at = match.end(), line
        line += match[0].count("\n")
        if match["mark"] is None:
            words += [match[0]] if match["string"] or match["word"] else []
        elif match["mark"] == "{":
            heads.append((words, at))
            stack.append([])
            words = []
        elif match["mark"] == ";":
            if not words:
                raise ValueError(f"line {at}")
            stack[-1].append(Directive(words[0], tuple(words[1:]), at))
            words = []
        else:
            if words or not heads:
                raise ValueError(f"line {at}")
            inner = tuple(stack.pop())
            head, began = heads.pop()
            name, *rest = head or [""]
            stack[-1].append(Directive(name, tuple(rest), began, inner))
    if words or heads:
        raise ValueError("the end")
    return tuple(stack[0])


def taken(text: str, place: str, root: str, port: Guess) -> Taken | None:
    """The server of files in `text`, with them below `root`; None where there is none."""
    try:
        top = parsed(text)
    except ValueError:
        return None
    http = next((d.block for d in top if d.name == "http" and d.block is not None), None)
    around = http if http is not None else top
    servers = [d for d in around if d.name == "server" and d.block is not None]
    chosen = next((s for s in servers if _roots(s.block or ())), None)
    chosen = chosen or next((s for s in servers if not _answers_itself(s.block or ())), None)
    if chosen is None or chosen.block is None:
        return None
    was = _site_root(chosen.block)
    left: dict[str, None] = {}
    if len(servers) > 1:
        left["its other servers"] = None
    # What a server says itself takes the place of what it would inherit.
    said = {d.name for d in chosen.block}
    inherited = [
        d for d in around
        if http is not None and INHERITED.fullmatch(d.name) and d.name not in said
    ]  # fmt: skip
    body = list(_kept([*inherited, *chosen.block], was, root, left))
    found = ports(dict(_listened(chosen.block)), place)
    number = (found or port).value
    listens = [Directive("listen", (number,), 0), Directive("listen", (f"[::]:{number}",), 0)]
    if not any(d.name == "root" for d in body):
        listens.append(Directive("root", (root,), 0))
    above = [d for d in around if d.name in ABOVE]
    head = f"# {place} of the project; /etc/nginx/sites-enabled has a link to this file.\n"
    return Taken(
        seen=place, port=found, left_out=tuple(left),
        text=head + _written([*above, Directive("server", (), 0, (*listens, *body))], 0),
    )  # fmt: skip


def _listened(block: Sequence[Directive]) -> Iterator[tuple[str, int]]:
    for item in block:
        if item.name == "listen" and item.words and "ssl" not in item.words:
            match = re.fullmatch(r"(?:.*:)?(\d{2,5})", item.words[0])
            if match:
                yield match[1], item.line


def _roots(block: Sequence[Directive]) -> list[str]:
    """Directories that files are given out of."""
    found = []
    for item in block:
        if item.name in ("root", "alias") and item.words:
            found.append(item.words[0].strip("\"'"))
        found += _roots(item.block or ()) if item.name == "location" else []
    return found


def _site_root(block: Sequence[Directive]) -> str:
    """That of the server, else of its `location /`, else the first; empty where there is none."""
    for item in block:
        if item.name == "root" and item.words:
            return item.words[0].strip("\"'")
    for item in block:
        if item.name == "location" and item.words == ("/",) and (found := _roots(item.block or ())):
            return found[0]
    return next(iter(_roots(block)), "")


def _answers_itself(block: Sequence[Directive]) -> bool:
    """Whether a server asks another one, or sends people elsewhere."""
    return any(
        d.name.endswith("_pass") or d.name == "return" or _answers_itself(d.block or ())
        for d in block
    )


def _kept(
    block: Sequence[Directive], was: str, root: str, left: dict[str, None]
) -> Iterator[Directive]:
    for item in block:
        if _of_the_machine(item):
            if item.name != "listen":
                left[item.name] = None
        elif item.name in ("root", "alias") and item.words:
            new = moved(item.words[0].strip("\"'"), was, root) if was else None
            yield replace(item, words=(new,)) if new else item
        elif item.block is not None:
            inner = tuple(_kept(item.block, was, root, left))
            if any(d.name.endswith("_pass") and _of_the_machine(d) for d in item.block):
                left[f"{item.name} {' '.join(item.words)}"] = None
                left.pop(next(d.name for d in item.block if d.name.endswith("_pass")), None)
            else:
                yield replace(item, block=inner)
        else:
            yield item


def _of_the_machine(item: Directive) -> bool:
    if OF_THE_MACHINE.fullmatch(item.name) or any(PLACEHOLDER.search(w) for w in item.words):
        return True
    first = item.words[0].strip("\"'") if item.words else ""
    if item.name == "return":
        return any(word.startswith("https://$") for word in item.words)
    if item.name == "include":
        return first.removeprefix("/etc/nginx/") not in SNIPPETS
    if item.name in LOGS:
        there = first == "off" or first.startswith(("/var/log/nginx/", "/dev/", "syslog:"))
        return not there or (item.name == "access_log" and len(item.words) > 1)
    return item.name == "proxy_pass" and not UPSTREAM.match(first)


def _written(items: Sequence[Directive], depth: int) -> str:
    lines = []
    for item in items:
        head = "    " * depth + " ".join([item.name, *item.words])
        if item.block is None:
            lines.append(f"{head};\n")
        else:
            lines.append(f"{head} {{\n{_written(item.block, depth + 1)}{'    ' * depth}}}\n")
    return "".join(lines)
