"""How each process of an application is started."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.apps import App, find_apps
from debwright.init.ecosystems.python.container import container_process
from debwright.init.ecosystems.python.django import Django
from debwright.init.ecosystems.python.listening import listens
from debwright.init.ecosystems.python.modules import (
    Module,
    assignments,
    literal,
)
from debwright.init.ecosystems.python.procfile import Command, Process
from debwright.init.ecosystems.python.programs import find_programs, run_address, run_port
from debwright.init.hints import guess_port, read_sources
from debwright.model.errors import UsageError
from debwright.model.fix import Command as Remedy


@dataclass(frozen=True, kw_only=True)
class Start:
    """A process: its command, and where it listens."""

    words: tuple[str, ...]
    """`python`, a program's name, or a path below the project first."""
    name: str = ""
    """Empty for the service of the package's own name, else what its unit is called after it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    before: tuple[tuple[str, ...], ...] = ()
    directory: str = ""
    """Below the top of the project."""
    listens: bool = False
    address: str = servers.LOCAL
    port: str = servers.PORT
    seen: str | None = None
    """What says the port."""
    added: tuple[str, ...] = ()
    """Requirements that the project does not name."""
    notes: tuple[str, ...] = ()


def starts(
    directory: Path,
    modules: Sequence[Module],
    processes: Sequence[Process],
    asked: Collection[str],
) -> tuple[Start, ...]:
    """The processes of the application, the one that serves first.

    Raises UsageError when nothing says what there is to start.
    """
    before = [p for p in processes if p.name == "release"]
    named = [p for p in processes if p.name not in ("release", "web")]
    web = next((p for p in processes if p.name == "web"), None)
    web = web or (None if named else container_process(directory, modules))
    found = [_process(p, modules) for p in named]
    first: Start | None = None
    if web is not None and not _is_development(web, modules):
        first = _process(web, modules)
    elif web is not None or not found:
        first = _guessed(directory, modules, asked)
        if web is not None and first is not None:
            why = f"{web.seen} starts a development server: the unit starts {first.words[0]}"
            first = _noted(first, why)
    if first is not None:
        found.insert(0, first)
    if not found:
        raise UsageError(
            "nothing says how the application is started",
            cause="there is no Procfile, no application object of a framework that init knows, "
            'and no main.py or another file with `if __name__ == "__main__":`',
            fix="write a Procfile with a line as `web: gunicorn module:app`",
        )
    steps = tuple(s for p in before for s in (*_words(p.before), p.command.words))
    head = found[0]
    found[0] = _with(head, name="", before=(*steps, *head.before))
    return tuple(found)


MIGRATE = ("python", "manage.py", "migrate", "--noinput")


def django_start(
    django: Django,
    directory: Path,
    modules: Sequence[Module],
    processes: Sequence[Process],
    asked: Collection[str],
) -> tuple[Start, ...]:
    """The processes of a Django project: it is served, and its database is migrated before."""
    real = [p for p in processes if p.name != "web" or not servers.is_development(p.command.words)]
    if any(p.name == "web" for p in real):
        found = list(starts(directory, modules, real, asked))
    else:
        others = [p for p in real if p.name != "release"]
        release = tuple(p.command.words for p in real if p.name == "release")
        served = _with(_django_server(django, modules, asked), before=release)
        found = [served, *(_process(p, modules) for p in others)]
    found = [_with(s, before=tuple(w for w in s.before if "collectstatic" not in w)) for s in found]
    head = found[0]
    if not any("migrate" in word for words in head.before for word in words):
        migrate = ("django-admin", *MIGRATE[2:]) if django.forced else MIGRATE
        found[0] = _with(head, before=(*head.before, migrate))
    return tuple(_with(s, directory=s.directory or django.top) for s in found)


def _django_server(django: Django, modules: Sequence[Module], asked: Collection[str]) -> Start:
    wanted = "asgi" if django.asynchronous else "wsgi"
    apps = [a for a in find_apps(modules) if a.framework.title == "Django"]
    apps.sort(key=lambda a: a.framework.interface != wanted)
    if not apps:
        raise UsageError(
            "the Django project has no wsgi.py and no asgi.py",
            cause="a server for production starts from one of them",
            fix=Remedy("django-admin", "startproject", "NAME"),
        )
    app = apps[0]
    prefix = django.top.replace("/", ".") + "." if django.top else ""
    placed = App(**{**vars(app), "module": app.module.removeprefix(prefix)})
    if django.forced:
        # What it is served by names the author's own settings: Django makes the application.
        made = app.framework.made_by[0]
        module, _, name = made.rpartition(".")
        placed = App(**{**vars(placed), "module": module, "name": name, "factory": True})
    server, added = servers.choose(placed, asked)
    notes = (f"no requirement is a server for production: {server.distribution} was added",)
    return Start(
        words=server.words(placed, servers.LOCAL, servers.PORT), listens=True,
        seen=app.seen, directory=django.top,
        added=(server.distribution,) if added else (), notes=notes if added else (),
    )  # fmt: skip


def _guessed(directory: Path, modules: Sequence[Module], asked: Collection[str]) -> Start | None:
    apps = find_apps(modules)
    if apps and not _own_server(apps[0], modules):
        return _served(apps[0], modules, asked)
    return _script(directory, modules)


def _own_server(app: App, modules: Sequence[Module]) -> bool:
    """Whether running the file is how its framework wants it in production."""
    module = next(m for m in modules if m.name == app.module)
    guard = module.guarded
    return bool(
        app.framework.interface == "aiohttp"
        and any(name == "aiohttp.web.run_app" for name, _ in module.calls(guard or module.tree))
    )


def _served(app: App, modules: Sequence[Module], asked: Collection[str]) -> Start:
    server, added = servers.choose(app, asked)
    port, seen = run_port(modules)
    configured = _gunicorn_bind(modules) if server.name == "gunicorn" else None
    host = servers.LOCAL
    if configured:
        host, port = configured
        seen = "gunicorn.conf.py"
    module = next(m for m in modules if m.name == app.module)
    root, name = import_root(module, modules)
    placed = App(**{**vars(app), "module": name})
    notes = []
    if added:
        notes.append(
            f"{app.seen} has {_article(app.framework.title)} application, and no requirement is a "
            f"server for production: {server.distribution} was added"
        )
    words = server.words(placed, host, port)
    if configured:
        words = tuple(w for w in words if w not in ("--bind", f"{host}:{port}"))
    return Start(
        words=words, directory=root, listens=True, address=host, port=port, seen=seen,
        added=(server.distribution,) if added else (), notes=tuple(notes),
    )  # fmt: skip


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"


def import_root(module: Module, modules: Sequence[Module]) -> tuple[str, str]:
    """The directory that `module` is imported from, and its name there.

    A directory without __init__.py whose files import each other by their bare names is one.
    """
    path = PurePosixPath(module.path)
    if path.parts[0] == "src":
        return "src", module.name
    paths = {m.path for m in modules}
    parent = path.parent
    siblings = {
        m.name.rpartition(".")[2] for m in modules if PurePosixPath(m.path).parent == parent
    }
    tops = {n.partition(".")[0] for n in module.imported}
    if (
        len(path.parts) > 1
        and f"{parent}/__init__.py" not in paths
        and (tops & siblings or module.name.count(".") == len(path.parts) - 1)
        and not any(n.startswith(f"{parent.parts[0]}.") for m in modules for n in m.imported)
    ):
        return str(parent), path.stem
    return "", module.name


def _script(directory: Path, modules: Sequence[Module]) -> Start | None:
    """A file that is a program, started as the file it is."""
    programs = sorted(find_programs(directory, modules))
    if not programs:
        return None
    _, path, words = programs[0]
    port, seen = run_port(modules)
    if seen is None:
        guess = guess_port(read_sources(directory, {".py"}))
        port, seen = guess.value, guess.seen
    others = [p for _, p, _ in programs[1:] if "/" not in p]
    notes = []
    address = run_address(modules)
    if address != servers.LOCAL:
        notes.append(
            f"{seen or path} listens on every address: the service answers everybody who reaches "
            f"this machine, unless the source says {servers.LOCAL}"
        )
    if others:
        notes.append(f"the unit starts {path}; {', '.join(others[:5])} could be started, too")
    return Start(
        words=words, listens=listens(modules), port=port, seen=seen,
        address=address, notes=tuple(notes),
    )  # fmt: skip


def _process(process: Process, modules: Sequence[Module]) -> Start:
    command = process.command
    bound = servers.bound(command.words)
    serves = servers.is_server(command.words) or (process.name == "web" and listens(modules))
    port, address, words, notes = servers.PORT, servers.LOCAL, command.words, list[str]()
    configured = _gunicorn_bind(modules) if "gunicorn" in command.words[0] else None
    if process.shell:
        notes.append(f"{process.seen} needs a shell, which the unit starts")
    if bound or configured:
        address, port = bound or configured or (address, port)
    elif serves and servers.is_server(words):
        words = _bind(words)
    elif serves:
        port, address = run_port(modules)[0], run_address(modules)
    number = port
    if variable := re.fullmatch(r"\$\{(\w+)\}", port):
        number = command.environment.get(variable[1]) or servers.PORT
    if serves and address not in (servers.LOCAL, "::1"):
        notes.append(
            f"{process.seen} binds {address}, and so does the unit: the service answers everybody "
            f"who reaches this machine; with {servers.LOCAL} there only this machine"
        )
    return Start(
        words=words, name=process.name, environment=command.environment,
        before=_words(process.before), directory=command.directory, listens=serves,
        address=address, port=number, seen=process.seen, notes=tuple(notes),
    )  # fmt: skip


def _bind(words: tuple[str, ...]) -> tuple[str, ...]:
    """A server's command line with an address of this machine, which it does not name."""
    place = 3 if words[1:2] == ("-m",) else 1
    program = servers.program_of(words)
    option = {
        "gunicorn": ("--bind", f"{servers.LOCAL}:{servers.PORT}"),
        "hypercorn": ("--bind", f"{servers.LOCAL}:{servers.PORT}"),
        "waitress-serve": (f"--listen={servers.LOCAL}:{servers.PORT}",),
        "daphne": ("-b", servers.LOCAL, "-p", servers.PORT),
        "streamlit": ("--server.address", servers.LOCAL, "--server.port", servers.PORT),
    }.get(program, ("--host", servers.LOCAL, "--port", servers.PORT))
    if program == "streamlit":
        return (*words, *option)
    return (*words[:place], *option, *words[place:])


def _gunicorn_bind(modules: Sequence[Module]) -> tuple[str, str] | None:
    """`bind` of gunicorn.conf.py, which gunicorn reads in the directory where it starts."""
    for module in modules:
        if module.path != "gunicorn.conf.py":
            continue
        for name, value in assignments(module.tree.body):
            text = literal(value)
            if name == "bind" and isinstance(text, str):
                return servers.bound(("gunicorn", "--bind", text))
    return None


def _is_development(process: Process, modules: Sequence[Module]) -> bool:
    words = process.command.words
    if servers.is_development(words):
        return True
    # `python app.py`, where app.py calls Flask's own app.run.
    script = words[1] if len(words) > 1 and words[0].startswith("python") else words[0]
    module = next((m for m in modules if m.path == script.removeprefix("./")), None)
    if module is None:
        return False
    apps = [a for a in find_apps(modules) if a.framework.title in ("Flask", "Bottle", "Dash")]
    return bool(apps) and any(n.endswith(".run") for n, _ in module.calls())


def _words(commands: Sequence[Command]) -> tuple[tuple[str, ...], ...]:
    return tuple(c.words for c in commands)


def _noted(start: Start, note: str) -> Start:
    return _with(start, notes=(*start.notes, note))


def _with(start: Start, **values: object) -> Start:
    return Start(**{**vars(start), **values})
