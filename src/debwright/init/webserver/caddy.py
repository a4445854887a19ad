"""Caddy: the site of a Caddyfile that gives out files (caddyserver.com, "Caddyfile Concepts")."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.init.model import Guess
from debwright.init.webserver import Taken, moved, ports

PLACES = ("Caddyfile", "caddy/Caddyfile", "docker/Caddyfile", "deploy/Caddyfile", "etc/Caddyfile")
ADDRESS = re.compile(
    r"(?:https?://)?(?:\[[0-9a-f:]+\]|[\w.*-]+|\{\$[^}]+\})?(?::(?P<port>\d{1,5}|\{\$[^}]+\}))?/?,?"
)
ROOT = re.compile(r"(?P<head>\s*root\s+(?:(?:\*|/\S*|@\S+)\s+)?)(?P<path>\S+)(?P<rest>\s*)")
OF_THE_MACHINE = ("tls", "bind", "log", "import", "acme_server")
"""Directives that name certificates, addresses, files of logs and other files."""
PLACEHOLDER = re.compile(r"\{\$[^}:]+\}|\{%|\{\{")


@dataclass(frozen=True)
class Line:
    """A line of a block, and the block that it opens."""

    text: str
    number: int
    block: "tuple[Line, ...] | None" = None

    @property
    def name(self) -> str:
        return (self.text.split() or [""])[0]


def places(directory: Path) -> Iterator[str]:
    yield from (name for name in PLACES if (directory / name).is_file())


def parsed(text: str) -> tuple[Line, ...]:
    """The lines of a Caddyfile, a block as the lines in it. Raises ValueError for a stray brace."""
    stack: list[list[Line]] = [[]]
    heads: list[tuple[str, int]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*", "", raw).strip()
        if line == "}":
            if not heads:
                raise ValueError(f"line {number}")
            inner = tuple(stack.pop())
            head, began = heads.pop()
            stack[-1].append(Line(head, began, inner))
        elif line == "{" or line.endswith(" {"):
            heads.append((line[:-1].rstrip(), number))
            stack.append([])
        elif line:
            stack[-1].append(Line(line, number))
    if heads:
        raise ValueError("the end")
    return tuple(stack[0])


def taken(text: str, place: str, root: str, port: Guess) -> Taken | None:
    """The site of files in `text`, with them below `root`; None where there is none."""
    try:
        top = parsed(text)
    except ValueError:
        return None
    sites = [line for line in top if line.block is not None and line.text[:1] not in ("", "(")]
    if not any(line.block is not None for line in top if line.text) and top:
        # With one site only its braces may be left out.
        rest = tuple(line for line in top if line.text)
        sites = [Line(rest[0].text, rest[0].number, rest[1:])] if rest else []
    chosen = next((s for s in sites if _gives_out(s.block or ())), None)
    if chosen is None or not all(ADDRESS.fullmatch(w) for w in re.split(r",?\s+", chosen.text)):
        return None
    body = chosen.block or ()
    snippets = [line for line in top if line.block is not None and line.text.startswith("(")]
    left: dict[str, None] = {}
    if len(sites) > 1:
        left["its other sites"] = None
    roots = list(_roots(body))
    was = roots[0] if roots else None
    named = {f"({words[1]})" for line in body if (words := line.text.split())[0] == "import"
             and len(words) > 1}  # fmt: skip
    kept = [s for s in snippets if s.text in named]
    lines = list(_kept(body, was, root, left, frozenset(s.text for s in kept)))
    if was is None:
        lines.insert(0, Line(f"root * {root}", 0))
    shared = [Line(s.text, 0, tuple(_kept(s.block or (), was, root, left, frozenset())))
              for s in kept]  # fmt: skip
    found = ports(dict(_ports(chosen)), place)
    site = Line(f":{(found or port).value}", 0, tuple(lines))
    return Taken(
        seen=place, port=found, left_out=tuple(left),
        text=f"# {place} of the project.\n{{\n\tadmin off\n}}\n\n" + _written([*shared, site], 0),
    )  # fmt: skip


def _gives_out(block: Sequence[Line]) -> bool:
    return any(
        line.name in ("file_server", "root") or _gives_out(line.block or ()) for line in block
    )


def _ports(site: Line) -> Iterator[tuple[str, int]]:
    for word in re.split(r",?\s+", site.text):
        match = ADDRESS.fullmatch(word)
        if match and (match["port"] or "").isdecimal():
            yield match["port"], site.number


def _roots(block: Sequence[Line]) -> Iterator[str]:
    """Directories that files are given out of: those of the site come first."""
    for line in block:
        if line.block is None and (match := ROOT.fullmatch(line.text)):
            yield match["path"].strip('"')
    for line in block:
        yield from _roots(line.block or ())


def _kept(
    block: Sequence[Line],
    was: str | None,
    root: str,
    left: dict[str, None],
    snippets: frozenset[str],
) -> Iterator[Line]:
    for line in block:
        words = line.text.split()
        own = line.name == "import" and f"({words[1] if len(words) > 1 else ''})" in snippets
        if (line.name in OF_THE_MACHINE and not own) or PLACEHOLDER.search(line.text):
            left[line.name] = None
        elif line.block is not None:
            yield Line(line.text, 0, tuple(_kept(line.block, was, root, left, snippets)))
        elif (match := ROOT.fullmatch(line.text)) and was is not None:
            path = match["path"].strip('"')
            # Caddy before 2.8 takes the matcher of `root` for granted.
            head = match["head"] if len(match["head"].split()) > 1 else "root * "
            yield Line(f"{head}{_place(path, was, root)}{match['rest']}", 0)
        else:
            yield line


def _place(path: str, was: str, root: str) -> str:
    """Where the package has the files of `path`: one from where Caddy is started is the site's."""
    found = moved(path, was, root)
    if found is None and not path.startswith("/"):
        found = f"{root}/{path.removeprefix('./')}"
    return found or path


def _written(lines: Sequence[Line], depth: int) -> str:
    text = ""
    for line in lines:
        head = "\t" * depth + line.text
        if line.block is None:
            text += f"{head}\n"
        else:
            text += f"{head} {{\n{_written(line.block, depth + 1)}" + "\t" * depth + "}\n"
    return text
