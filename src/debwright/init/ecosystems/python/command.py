"""Which command of a project is its service: a library or a tool has none."""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.apps import find_apps
from debwright.init.ecosystems.python.dependencies import normalise
from debwright.init.ecosystems.python.listening import CALLS, METHODS, is_server
from debwright.init.ecosystems.python.modules import Module, argument, literal
from debwright.init.ecosystems.python.packages import top_modules
from debwright.init.ecosystems.python.procfile import read_procfile
from debwright.init.ecosystems.python.programs import RUNS, run_port
from debwright.init.ecosystems.python.readme import Line, commands
from debwright.init.ecosystems.python.start import Start, starts
from debwright.init.hints import guess_port, read_sources
from debwright.model.errors import UsageError

SUBCOMMANDS = ("serve", "server", "runserver", "start", "run", "web", "daemon", "up", "api")
SERVING = re.compile(r"(?:^|[-_.])(?:serve[rd]?|web|api|daemon|worker|start|httpd)(?:$|[-_.])|d$")
"""Names of commands that sound like a service among several."""
_RUNNERS = frozenset({"waitress.serve", "aiohttp.web.run_app", "gunicorn.app.wsgiapp.run",
                      "hypercorn.asyncio.serve", "uvicorn.Server", "uvicorn.run"})  # fmt: skip
_WAITS = frozenset({
    "sleep", "blpop", "brpop", "blmove", "consume", "poll", "wait", "recv", "receive",
    "start_consuming", "listen", "get_message", "run_forever",
})  # fmt: skip
_HOST_PORT = re.compile(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):([1-9]\d{1,4})(?:$|[,/ ])")
_CLIENTS = frozenset({"22", "25", "53", "443", "587", "3306", "5432", "6379", "11211"})
"""Ports that a source names for others' servers more often than for its own."""
_PYTHON, _MAIN = "python", ".__main__"
_DECLARING = frozenset({"add_argument", "add_parser", "option"})


@dataclass(frozen=True, kw_only=True)
class Script:
    """A command that the project installs."""

    name: str
    module: str
    reached: tuple[Module, ...]
    """The project's modules that it may run: its own and those it imports, however far."""

    @property
    def words(self) -> tuple[str, ...]:
        """What starts it; a package that is a program is called by Python (`python -m`)."""
        if self.name != _PYTHON:
            return (self.name,)
        return (_PYTHON, "-m", self.module.removesuffix(_MAIN))

    def is_in(self, line: Line) -> bool:
        """Whether a line of the README begins with it."""
        program = line.words[0].rpartition("/")[2]
        if self.name == _PYTHON:
            return program.startswith(_PYTHON) and line.words[1:3] == self.words[1:]
        return program == self.name

    @property
    def own(self) -> Module | None:
        return next((m for m in self.reached if m.name == self.module), None)


def find_start(
    project: str,
    directory: Path,
    modules: Sequence[Module],
    scripts: Mapping[str, str],
    asked: Collection[str],
) -> Start | None:
    """How the project's service is started; None for a project that does not seem to have one.

    In this order: a Procfile, a command of the project that listens, an application object, a
    package that is a program, a command that works for ever. `scripts` are commands and what they
    call, `asked` the names of the requirements.
    """
    if processes := read_procfile(directory):
        return _cleaned(starts(directory, modules, processes, asked)[0])
    lines = commands(directory)
    ours = [_script(name, target, modules) for name, target in scripts.items()]
    serving = [script for script in ours if listens(script.reached)]
    if serving:
        return _scripted(_likeliest(serving, project), directory, lines, port=True)
    if find_apps(modules) and (start := _application(directory, modules, lines, asked)):
        return start
    packages = [_script(_PYTHON, m.name, modules) for m in modules if _is_program(m, directory)]
    if programs := [script for script in packages if listens(script.reached)]:
        return _scripted(_likeliest(programs, project), directory, lines, port=True)
    if working := [s for s in (*ours, *packages) if s.own and _works_for_ever(s.own)]:
        return _scripted(_likeliest(working, project), directory, lines, port=False)
    return None


def started_by(name: str, target: str, modules: Sequence[Module], directory: Path) -> Start:
    """The command `name` as a service, because a person says so."""
    script = _script(name, target, modules)
    return _scripted(script, directory, commands(directory), port=listens(script.reached))


def listens(modules: Iterable[Module]) -> bool:
    """Whether any of the modules runs what waits for connections: to import it is not enough."""
    return any(_listens(module) for module in modules)


def _listens(module: Module) -> bool:
    if any(name.split(".")[0] in {"http", "socketserver", "xmlrpc"} and is_server(name)
           for name in module.imported):  # fmt: skip
        return True
    called = {name for name, _ in module.calls()}
    if called & (_RUNNERS | CALLS) or any(RUNS.fullmatch(name) for name in called):
        return True
    return any(
        isinstance(node, ast.Attribute) and node.attr in METHODS for node in ast.walk(module.tree)
    )


def _is_program(module: Module, directory: Path) -> bool:
    """Whether it is the `__main__` of a package at the top, which `python -m` runs."""
    package, _, last = module.name.rpartition(".")
    inside = package and "." not in package
    return bool(inside and last == "__main__" and package in top_modules(directory, package))


def _works_for_ever(module: Module) -> bool:
    """Whether it has a loop without an end that waits for something."""
    for node in ast.walk(module.tree):
        endless = isinstance(node, ast.While) and bool(literal(node.test))
        if endless and any(
            isinstance(inner, ast.Attribute) and inner.attr in _WAITS for inner in ast.walk(node)
        ):
            return True
    return any(name.rpartition(".")[2] in ("run_forever", "start_consuming", "run_polling")
               for name, _ in module.calls())  # fmt: skip


def _script(name: str, target: str, modules: Sequence[Module]) -> Script:
    module = target.partition(":")[0].strip()
    by_name = {m.name: m for m in modules}
    reached: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        current = waiting.pop()
        found = by_name.get(current)
        if found is None or current in reached:
            continue
        reached[current] = found
        # `from package import thing` names a module or what is in one.
        waiting += [n for full in found.imported for n in (full, full.rpartition(".")[0])]
    return Script(name=name, module=module, reached=tuple(reached.values()))


def _likeliest(scripts: Sequence[Script], project: str) -> Script:
    own = normalise(project)

    def rank(script: Script) -> tuple[bool, bool]:
        name = script.words[-1]
        return normalise(name) != own, not SERVING.search(name)

    return min(scripts, key=rank)


def _scripted(script: Script, directory: Path, lines: Sequence[Line], *, port: bool) -> Start:
    said = [line for line in lines if script.is_in(line)]
    words = list(script.words)
    if subcommand := _subcommand(script, said):
        words.append(subcommand)
    if not port:
        return Start(words=tuple(words), seen=None)
    bound = next((b for line in said if (b := servers.bound(line.words))), None)
    number, seen = _port(script, directory)
    address = _address(script.reached)
    if "--host" in options_of(script.reached):
        words += ["--host", servers.LOCAL]
        address = servers.LOCAL
    if bound and any(word.startswith("--port") for line in said for word in line.words):
        number, seen = bound[1], said[0].seen
        words += ["--port", number]
    return Start(words=tuple(words), listens=True, port=number, seen=seen, address=address)


def _subcommand(script: Script, said: Sequence[Line]) -> str:
    known = options_of(script.reached)
    place = len(script.words)
    for line in said:
        if line.words[place : place + 1] and line.words[place] in SUBCOMMANDS:
            return line.words[place]
    return next((name for name in SUBCOMMANDS if name in known), "")


def options_of(modules: Iterable[Module]) -> frozenset[str]:
    """Options and subcommands that are declared with argparse, click or typer."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {n for d in node.decorator_list for n in _decorated(d, node.name)}
            elif isinstance(node, ast.Call) and _last(node.func) in _DECLARING:
                found |= {v for a in node.args if isinstance(v := literal(a), str)}
    return frozenset(found)


def _decorated(decorator: ast.expr, function: str) -> list[str]:
    call = decorator if isinstance(decorator, ast.Call) else None
    target = call.func if call else decorator
    if not isinstance(target, ast.Attribute) or target.attr != "command":
        return []
    name = literal(argument(call, "name", 0)) if call else None
    return [name if isinstance(name, str) else function.replace("_", "-")]


def _last(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else ""


def _port(script: Script, directory: Path) -> tuple[str, str | None]:
    number, seen = run_port(script.reached)
    if seen is not None:
        return number, seen
    for find in (_option_default, _literal_address):
        for module in script.reached:
            for port, node in find(module):
                if 1 <= int(port) <= 65535:
                    return port, module.at(node)
    reached = {module.path for module in script.reached}
    found = guess_port([s for s in read_sources(directory, {".py"}) if s.name in reached])
    if found.value in _CLIENTS:
        return "8080", None
    return found.value, found.seen


def _option_default(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Defaults of options and of variables that are called for a port."""
    for full, call in module.calls():
        texts = [v for a in call.args if isinstance(v := literal(a), str)]
        given = next((k.value for k in call.keywords if k.arg == "default"), None)
        if any(text.lower().endswith("port") for text in texts[:3]):
            if full in ("os.environ.get", "os.getenv") and len(call.args) > 1:
                given = call.args[1]
            value = literal(given)
            if isinstance(value, int | str) and re.fullmatch(r"[1-9]\d{1,4}", str(value)):
                yield str(value), call


def _literal_address(module: Module) -> Iterator[tuple[str, ast.AST]]:
    """Addresses of this machine with a port, as `localhost:5232`."""
    for node in ast.walk(module.tree):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and (match := _HOST_PORT.match(value)):
            yield match[1], node


def _address(modules: Iterable[Module]) -> str:
    """`*` when everything that is listened on is every address."""
    found = {
        value
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(value := node.value, str)
    }
    everywhere = bool(found & {"0.0.0.0", "::"})  # noqa: S104 - read in a source, not bound
    return "*" if everywhere and not found & {"127.0.0.1", "localhost", "::1"} else servers.LOCAL


def _application(
    directory: Path, modules: Sequence[Module], lines: Sequence[Line], asked: Collection[str]
) -> Start | None:
    try:
        start = _cleaned(starts(directory, modules, (), asked)[0])
    except UsageError:
        return None
    if not servers.is_server(start.words):
        return None
    for line in lines:
        bound = servers.bound(line.words)
        if servers.is_server(line.words) and bound and start.seen is None:
            words = tuple(
                re.sub(rf"(^|:){start.port}$", rf"\g<1>{bound[1]}", word) for word in start.words
            )
            return replace(start, words=words, port=bound[1], seen=line.seen)
    return start


def _cleaned(start: Start) -> Start:
    """Without the directory of a source tree, from which an installed project is not started."""
    return replace(start, directory="")
