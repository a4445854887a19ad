"""What a service of Node writes next to its source, which is read-only once it is installed."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.node.paths import TOP, Script, path_at
from debwright.init.ecosystems.node.start import Start
from debwright.init.hints import Source

_STORES = "Database|DatabaseSync|Low|LowSync|JSONFile|JSONFileSync|Datastore"
WRITES = (
    (re.compile(rf"\b(?:{_STORES})\("), False),
    (re.compile(r"\b(?:writeFile|appendFile|createWriteStream|outputFile)(?:Sync)?\("), False),
    (re.compile(r"\b(?:mkdir|ensureDir)(?:Sync)?\("), True),
    (re.compile(r"\bdest\s*:\s*(?=[\"'`\w])"), True),
    (re.compile(r"\b(?:storage|filename|database)\s*:\s*(?=[\"'`]|path\.)"), False),
)
"""Where an expression begins that names a file, or a directory, that is made."""
SETTING = re.compile(
    r"process\.env\.(\w*(?:DATA|DB|DATABASE|UPLOADS?|STORAGE|CACHE|LOGS?)_?"
    r"(?:DIR|PATH|FILE|FOLDER|LOCATION)\w*)"
    r"\s*(?:\|\||\?\?)"
)
"""A variable whose default is such a path."""
DATABASE = re.compile(r"[\w.-]+\.(?:db|sqlite3?)")
DATA = re.compile(rf"{DATABASE.pattern}|[\w.-]+\.log")
MENTIONED = re.compile(
    r"(?=[\"'`](?:\.|sqlite:|file:)[^\"'`\n]*\.(?:db|sqlite3?)[\"'`])"
    r"|(?=\b(?:path\.)?(?:join|resolve)\()"
)
ADDRESS = re.compile(r"(?:sqlite:|file:)(?://)?(?=[^/]|/<top>)")
FOR_THE_BUILD = frozenset({"scripts", "tools", "tasks", "gulp"})
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
BUILT = ("dist", "build", "lib", "out", ".next", ".output")
MAX_FOUND = 10
WRITABLE = (f"{TOP}/", "/var/lib/", "/tmp/", "/dev/", "/run/", "/usr/")  # noqa: S108
"""Where a path is not the state of a service, or is the author's own choice of it."""


def written(directory: Path, sources: Sequence[Source], start: Start | None) -> tuple[str, ...]:
    """Files, and directories with a slash at the end, from the top of the project.

    What is there already is the project's own.
    """
    found: dict[str, None] = {}
    for source in sources:
        if source.name.split("/")[0] in FOR_THE_BUILD or ".config." in source.name:
            continue
        script = Script(text=source.text, here=f"{TOP}/{_run_from(source.name, start)}")
        for path, is_directory in _paths(script):
            name = _outermost(directory, path, is_directory)
            if name is not None:
                found.setdefault(name)
    # A directory has what is in it.
    folders = [name for name in found if name.endswith("/")]
    names = [n for n in found if not any(n != f and n.startswith(f) for f in folders)]
    return tuple(names[:MAX_FOUND])


def elsewhere(sources: Sequence[Source]) -> dict[str, str]:
    """Variables whose default is a place that the service may not write to, as `/data/app.db`.

    Each with the last part of its default, and a slash for a directory.
    """
    found: dict[str, str] = {}
    for source in sources:
        script = Script(text=source.text, here=f"{TOP}/{source.name}")
        for match in SETTING.finditer(script.text):
            path = path_at(script, match.end()) or ""
            name = path.rstrip("/").rpartition("/")[2]
            if path.startswith("/") and not path.startswith(WRITABLE) and SAFE.fullmatch(name):
                found.setdefault(match[1], name + ("/" if _is_directory(match[1], path) else ""))
    return found


def _is_directory(variable: str, path: str) -> bool:
    return "DIR" in variable or "FOLDER" in variable or not PurePosixPath(path).suffix


def _run_from(name: str, start: Start | None) -> str:
    """The script that is run for a source: what src/ has in TypeScript is built to dist/."""
    path = PurePosixPath(name)
    script = PurePosixPath(start.script) if start and start.script else None
    typed = path.suffix in (".ts", ".mts", ".cts")
    if typed and script and script.parts[0] in BUILT and path.parts[0] == "src":
        return str(PurePosixPath(script.parts[0], *path.parts[1:]))
    return name


def _paths(script: Script) -> Iterator[tuple[str, bool]]:
    for pattern, is_directory in WRITES:
        for match in pattern.finditer(script.text):
            path = path_at(script, match.end())
            if path:
                yield path, is_directory or path.endswith("/")
    for match in SETTING.finditer(script.text):
        path = path_at(script, match.end())
        if path:
            yield path, _is_directory(match[1], path)
    for match in MENTIONED.finditer(script.text):
        path = path_at(script, match.start())
        if path and DATABASE.fullmatch(PurePosixPath(path).name):
            yield path, False


def _outermost(directory: Path, path: str, is_directory: bool) -> str | None:
    """The first part of a path below the project that is not there yet; None for another path."""
    relative = ADDRESS.sub("", path).removeprefix(f"{TOP}/").removeprefix("./").rstrip("/")
    if not SAFE.fullmatch(relative) or ".." in relative.split("/"):
        return None
    parts = relative.split("/")
    for number in range(1, len(parts) + 1):
        place = "/".join(parts[:number])
        built = number == 1 and parts[0] in BUILT
        if built and len(parts) == 1:
            return None
        if not built and not (directory / place).exists():
            if number < len(parts) or is_directory:
                return f"{place}/"
            # The build, too, makes files in directories that are there.
            return place if number == 1 or DATA.fullmatch(parts[-1]) else None
    return None
