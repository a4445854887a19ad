"""The units of systemd that a project's author wrote, for the package to take over.

They stay as they are, with their user and their hardening. A path is changed where it names what
the package installs elsewhere: the checkout on the author's server, or a virtual environment in it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from debwright.init import unitfile
from debwright.init.model import Health, Unit
from debwright.init.unitfile import Setting

DIRECTORIES = (
    "", "systemd", "systemd/system", "deploy", "deploy/systemd", "deployment", "contrib",
    "contrib/systemd", "packaging", "packaging/systemd", "etc/systemd/system", "init", "etc",
    "scripts", "conf", "config", "dist/systemd", "share/systemd", "resources/systemd",
)  # fmt: skip
KINDS = ("service", "socket", "timer", "path", "target")
NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9:_.-]*@?\.(?:{'|'.join(KINDS)})")
MAX_UNITS = 20
MAX_BYTES = 64 * 1024
EXEC = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost",
        "ExecCondition")  # fmt: skip
# Accounts that every Debian system has (base-passwd) or that systemd makes up itself.
BASE_ACCOUNTS = frozenset({
    "root", "daemon", "bin", "sys", "games", "man", "lp", "mail", "news", "uucp", "proxy",
    "www-data", "backup", "list", "irc", "_apt", "nobody", "adm", "tty", "dialout", "audio",
    "video", "plugdev", "staff", "users", "nogroup", "systemd-journal", "0",
})  # fmt: skip
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
VENV = re.compile(r"(?P<root>/.+?)?/(?:\.?venv|\.?env|virtualenv)/bin/(?P<program>[^/]+)")
CHECKOUTS = ("/opt/", "/srv/", "/home/", "/root/", "/var/www/", "/usr/local/", "/app")
PYTHON = re.compile(r"python3?(?:\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the package installs what the author's units start."""

    programs: Mapping[str, str] = field(default_factory=dict)
    """Names of commands, and the path of each in the package."""
    tree: str = ""
    """The directory that the project's own tree is installed to, if it is."""
    python: str = ""
    """The interpreter that has the project's dependencies, where there is one of its own."""
    variables: str = ""
    """The file of variables that takes the place of one in the author's checkout."""


@dataclass(frozen=True, kw_only=True)
class AuthorUnits:
    units: tuple[Unit, ...] = ()
    """The one to watch comes first: a service that is enabled, else a socket or a timer."""
    accounts: tuple[str, ...] = ()
    """Users that they run as and that a Debian system does not have."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Found:
    path: str
    text: str

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def enabled(self) -> bool:
        return bool(unitfile.values(self.text, "Install", "WantedBy")) or bool(
            unitfile.values(self.text, "Install", "RequiredBy")
            or unitfile.values(self.text, "Install", "Also")
        )


def author_units(directory: Path, places: Places, health: Health | None = None) -> AuthorUnits:
    """The units in the places where projects keep them; `health` is the first service's.

    A unit with the same name as an earlier one is left out, and so are users' units.
    """
    found = list(_find(directory))
    notes: list[str] = []
    started_by = _activated(found)
    units = []
    for item in sorted(found, key=lambda f: _rank(f, started_by)):
        text = unitfile.changed(item.text, partial(_moved, item, places, notes))
        notes += _missing(item, started_by)
        units.append(
            Unit(
                name=item.name,
                source="" if text.strip() != item.text.strip() else item.path,
                text=text if text.strip() != item.text.strip() else "",
                started=item.enabled or item.name not in started_by,
            )
        )
    if units and health is not None and units[0].name.endswith(".service") and units[0].started:
        units[0] = Unit(**{**vars(units[0]), "health": health})
    return AuthorUnits(
        units=tuple(units), accounts=tuple(_accounts(found)), notes=tuple(dict.fromkeys(notes))
    )


def _find(directory: Path) -> Iterator[_Found]:
    top, names = directory.resolve(), set[str]()
    for place in DIRECTORIES:
        folder = directory / place
        if not folder.is_dir() or not folder.resolve().is_relative_to(top):
            continue
        for path in sorted(folder.iterdir()):
            if not NAME.fullmatch(path.name) or path.name in names or len(names) >= MAX_UNITS:
                continue
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if "[" in text:
                names.add(path.name)
                yield _Found(path=str(path.relative_to(directory)), text=text)


def _activated(found: list[_Found]) -> Mapping[str, str]:
    """Services that another unit starts, and that unit (systemd.timer(5), systemd.socket(5))."""
    started: dict[str, str] = {}
    for item in found:
        stem, _, kind = item.name.rpartition(".")
        if kind in ("timer", "path", "socket"):
            section, key = kind.capitalize(), "Service" if kind == "socket" else "Unit"
            said = unitfile.values(item.text, section, key)
            started[said[-1] if said else f"{stem}.service"] = item.name
    return started


def _rank(item: _Found, started_by: Mapping[str, str]) -> tuple[int, str]:
    kind = item.name.rpartition(".")[2]
    if kind == "service" and item.name not in started_by:
        return (0 if item.enabled else 3), item.name
    return {"socket": 1, "timer": 2, "path": 2}.get(kind, 4), item.name


def _moved(item: _Found, places: Places, notes: list[str], setting: Setting) -> str | None:
    """What a path that the package installs elsewhere becomes there."""
    if setting.section != "Service":
        return None
    root = next(iter(unitfile.values(item.text, "Service", "WorkingDirectory")), "").strip("\"'-~")
    new = None
    if setting.key in EXEC:
        new = _command(setting.value, root, places)
    elif setting.key == "WorkingDirectory" and places.tree and _is_checkout(root):
        new = places.tree
    elif setting.key == "EnvironmentFile" and _in(setting.value.lstrip("-"), root):
        new = f"-{places.variables}" if places.variables else None
    if new is not None and new != setting.value:
        notes.append(
            f"{item.path}:{setting.line}: {setting.key}= names {setting.value.split()[0]}, which "
            f"the package has elsewhere; debian/ has {new.split()[0]}"
        )
    return new


def _command(command: str, root: str, places: Places) -> str | None:
    """A command line whose program, or whose arguments, are where the package has them."""
    prefix = re.match(r"[@:+!-]*", command)
    mark = prefix[0] if prefix else ""
    program, _, rest = command[len(mark) :].partition(" ")
    name = PurePosixPath(program).name
    venv = VENV.fullmatch(program)
    if venv:
        root = venv["root"] or root
    if PYTHON.fullmatch(name) and places.python and (venv or _in(program, root)):
        new = places.python
    elif name in places.programs and not program.startswith(("/usr/bin/", "/usr/sbin/")):
        new = places.programs[name]
    elif venv and places.python:
        new = f"{places.python} -m {name.replace('-', '_')}"
    elif places.tree and _in(program, root):
        new = places.tree + program[len(root) :]
    else:
        new = program
    if places.tree and _is_checkout(root):
        rest = re.sub(rf"(?<![\w/]){re.escape(root.rstrip('/'))}(?=/|\s|$)", places.tree, rest)
    return f"{mark}{new} {rest}".rstrip()


def _is_checkout(root: str) -> bool:
    """Whether a directory is where an author keeps the tree, and none of a system's own."""
    return root.startswith(CHECKOUTS)


def _in(path: str, root: str) -> bool:
    return _is_checkout(root) and path.startswith(root.rstrip("/") + "/")


def _missing(item: _Found, started_by: Mapping[str, str]) -> Iterator[str]:
    if not item.name.endswith(".service"):
        return
    user = unitfile.values(item.text, "Service", "User")
    dynamic = unitfile.values(item.text, "Service", "DynamicUser")
    if not user and not (dynamic and dynamic[-1].lower() in {"yes", "true", "1", "on"}):
        yield f"{item.path} has neither User= nor DynamicUser=: it runs as root"
    hardening = {"ProtectSystem", "NoNewPrivileges", "PrivateTmp", "ProtectHome"}
    if not hardening & {s.key for s in unitfile.settings(item.text)}:
        yield (
            f"{item.path} has no ProtectSystem=, ProtectHome=, PrivateTmp= or NoNewPrivileges=: "
            "systemd-analyze security names what else could be kept from it"
        )
    if not item.enabled and item.name not in started_by and "@" not in item.name:
        yield f"{item.path} has no [Install]: nothing starts it when the system boots"


def _accounts(found: list[_Found]) -> list[str]:
    users = {
        user
        for item in found
        if not any(v.lower() in {"yes", "true", "1", "on"}
                   for v in unitfile.values(item.text, "Service", "DynamicUser"))
        for user in unitfile.values(item.text, "Service", "User")[-1:]
    }  # fmt: skip
    return sorted(u for u in users if ACCOUNT.fullmatch(u) and u not in BASE_ACCOUNTS)
