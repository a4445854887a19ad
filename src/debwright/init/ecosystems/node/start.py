"""The command that starts a project of Node: from its Procfile, its scripts, or what is there."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.unitfile import command_line, split

MAIN = ("server.js", "app.js", "index.js", "main.js", "server.mjs", "app.mjs", "index.mjs",
        "src/server.js", "src/app.js", "src/index.js", "src/main.js", "bin/www")  # fmt: skip
RUNNERS = ("npm", "yarn", "pnpm", "bun")
DEVELOPERS = frozenset(
    {"babel-node", "ts-node", "ts-node-dev", "tsx", "swc-node", "esno", "vite-node", "jiti", "esr"}
)
"""Programs that run sources as they are written, while one works on them."""
WATCHERS = ("nodemon", "node-dev", "supervisor", "pm2-runtime", "forever")
"""They start node again when a file changes or it ends; systemd does the latter."""
BUILDERS = frozenset({
    "tsc", "webpack", "rollup", "esbuild", "swc", "babel", "rimraf", "del-cli", "eslint", "vite",
    "parcel", "tsup", "prettier", "cpx", "copyfiles", "rm", "mkdir", "cp",
})  # fmt: skip
DEV_SERVERS = frozenset({
    "vite", "react-scripts", "parcel", "webpack-dev-server", "webpack", "vue-cli-service", "ng",
    "astro", "gatsby", "eleventy", "live-server", "serve", "http-server", "snowpack", "docusaurus",
    "vitepress", "vuepress", "browser-sync", "lite-server",
})  # fmt: skip
"""Programs that show a site to its developer, or give out files: no service of its own."""
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.S)
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}?")
_DEEP = 6


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a unit starts; the first word is `node`, or the name of an installed program."""

    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    seen: str
    """Where it is said, as `scripts.start of package.json`."""
    guessed: bool = False
    """Whether it is only a file with a name that such files have."""
    dropped: tuple[str, ...] = ()
    """What stood before it and is done by the build, or not at all."""

    @property
    def program(self) -> str:
        return PurePosixPath(self.words[0]).name

    @property
    def shows_a_site(self) -> bool:
        return self.program in DEV_SERVERS

    def command(self, tree: str) -> str:
        """The line for ExecStart=, with the project below `tree`."""
        words = list(self.words)
        if words[0] == "node":
            words[0] = "/usr/bin/node"
            script = next((n for n, w in enumerate(words[1:], 1) if not w.startswith("-")), None)
            if script is not None:
                words[script] = str(PurePosixPath(tree, words[script]))
        elif "/" in words[0]:
            words[0] = str(PurePosixPath(tree, words[0]))
        else:
            words[0] = f"{tree}/node_modules/.bin/{words[0]}"
        return command_line(words, variables=True)

    @property
    def script(self) -> str | None:
        """The file that node is given, from the top of the project."""
        if self.words[0] != "node":
            return None
        found = next((w for w in self.words[1:] if not w.startswith("-")), None)
        return str(PurePosixPath(found)) if found else None


def find_start(directory: Path, package: Mapping[str, Any]) -> Start | None:
    """The project's own command; None where nothing says one."""
    scripts = scripts_of(package)
    if web := _procfile(directory):
        return _read(web, scripts, "Procfile")
    for name in ("start:prod", "start:production", "serve:prod", "start", "serve"):
        if (text := scripts.get(name)) and (found := _read(text, scripts, f"scripts.{name}")):
            return found
    named = _named(package)
    for file in (*named, *MAIN):
        if _there(directory, file, scripts):
            return Start(words=("node", file), seen=file, guessed=file not in named)
    return None


def scripts_of(package: Mapping[str, Any]) -> dict[str, str]:
    said = package.get("scripts")
    pairs = said.items() if isinstance(said, Mapping) else ()
    return {k: v for k, v in pairs if isinstance(k, str) and isinstance(v, str)}


def _named(package: Mapping[str, Any]) -> list[str]:
    main = package.get("main")
    return [str(PurePosixPath(main))] if isinstance(main, str) and main else []


def _there(directory: Path, file: str, scripts: Mapping[str, str]) -> bool:
    if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
        return False
    if (directory / file).is_file():
        return True
    return "build" in scripts and PurePosixPath(file).parts[0] in {"dist", "build", "lib", "out"}


def _procfile(directory: Path) -> str | None:
    path = directory / "Procfile"
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 64 * 1024:
        return None
    found = dict(re.findall(r"^(\w+):\s*(.+)$", path.read_text("utf-8", "replace"), re.M))
    return found.get("web") or found.get("worker")


def _read(text: str, scripts: Mapping[str, str], seen: str, depth: int = 0) -> Start | None:
    """The last command of a script, with scripts that it calls followed; None: not understood."""
    parts = [p.strip() for p in re.split(r"&&|;", text) if p.strip()]
    if not parts or depth > _DEEP or re.search(r"[|<>`]|\$\(", parts[-1].replace("||", "")):
        return None
    words = split(VARIABLE.sub(lambda m: m[2] or f"${{{m[1]}}}", parts[-1].rstrip("& ")))
    environment: dict[str, str] = {}
    while words:
        if words[0] in ("cross-env", "env", "exec", "npx", "dotenv", "--"):
            words = words[1:]
        elif match := ASSIGNMENT.fullmatch(words[0]):
            environment[match[1]] = match[2]
            words = words[1:]
        else:
            break
    if not words:
        return None
    dropped = tuple(p for p in parts[:-1] if not _builds(p, scripts))
    program = PurePosixPath(words[0]).name
    if program in RUNNERS and (name := _script_of(words, scripts)):
        found = _read(scripts[name], scripts, f"scripts.{name}", depth + 1)
        return found and Start(
            words=found.words, environment={**environment, **found.environment}, seen=found.seen,
            dropped=(*dropped, *found.dropped),
        )  # fmt: skip
    if program in WATCHERS or words[:2] == ["pm2", "start"]:
        rest = [w for w in words[1:] if w != "start"]
        words = _without_watching(rest)
    if program == "nodejs":
        words[0] = "node"
    return Start(words=tuple(words), environment=environment, seen=seen, dropped=dropped)


def _without_watching(words: list[str]) -> list[str]:
    """What a watcher starts: its own options take a value."""
    rest: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif not rest and word in ("--watch", "-w", "--ext", "-e", "--ignore", "-i", "--delay"):
            skip = True
        elif rest or not word.startswith("-"):
            rest.append(word)
    # Without a name they start what `main` of package.json says, as node does with a directory.
    return rest if rest[:1] == ["node"] else ["node", *(rest or ["."])]


def _script_of(words: list[str], scripts: Mapping[str, str]) -> str | None:
    for word in words[1:]:
        if word in scripts:
            return word
    return None


def _builds(command: str, scripts: Mapping[str, str]) -> bool:
    """Whether a command only makes what the package's build has made."""
    words = [w for w in _words(command) if not ASSIGNMENT.fullmatch(w) and w != "npx"]
    if not words:
        return True
    if words[0] in RUNNERS:
        name = _script_of(words, scripts)
        return name is not None and name.startswith(("build", "prebuild", "clean", "compile"))
    return PurePosixPath(words[0]).name in BUILDERS or "build" in words[1:2]


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
