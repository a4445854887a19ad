"""Services that are compiled programs: their units, the files they read, and how to try them.

The same for every language that compiles to one program; a `Language` says how its sources read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from debwright.init import unitfile
from debwright.init.dockerfile import Dockerfile
from debwright.init.hints import Source
from debwright.init.listening import Language, Listener, find_listener, written_address
from debwright.init.model import Guess, Health, Override, Unit
from debwright.init.units import AuthorUnits, Places, author_units
from debwright.source.make import project_files

# Directories that programs read while they run, by custom.
_ASSETS = frozenset({
    "assets", "conf", "data", "html", "i18n", "locales", "migrations", "public", "static",
    "templates", "views", "web", "www",
})  # fmt: skip
_LITERAL = re.compile(r'"(?:\./)?(?P<top>[A-Za-z0-9_-]+)(?:/[^"\s]*)?"')
STATIC = {"Static-Built-Using": "${misc:Static-Built-Using}"}
"""Which sources are linked in (deb-control(5) of dpkg 1.21.3 and newer)."""
_TOLD = re.compile(
    r"(?i:(?:addr|listen|bind|http|host)[\w-]*[= ]\"?(?P<host>[\w.]*|\[[0-9a-f:]*\]):"
    r"|port[= ]\"?)(?P<port>\d{2,5})\b"
)
"""An address or a port among arguments (`--listen :80`) and variables (`PORT=80`)."""
_WORD = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Native:
    """A project of compiled programs."""

    directory: Path
    package: str
    language: Language
    docker: Dockerfile
    programs: Mapping[str, Sequence[Source]]
    """The sources that each program is made of, by its name."""


@dataclass(frozen=True, kw_only=True)
class NativeUnits:
    """What the services of a project need."""

    units: tuple[Unit, ...] = ()
    accounts: tuple[str, ...] = ()
    config_files: tuple[str, ...] = ()
    install: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()


@dataclass
class _Made:
    units: list[Unit] = field(default_factory=list)
    config_files: dict[str, None] = field(default_factory=dict)
    install: dict[tuple[str, str], None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def native_units(native: Native) -> NativeUnits:
    """The author's units, else one for each program that waits for connections or works on and on.

    Other programs are commands, which are tried with what they say they understand.
    """
    made = _Made()
    listeners = {
        name: find_listener(sources, native.language, port=native.docker.port)
        for name, sources in native.programs.items()
    }
    authors = _authors(native, listeners)
    if authors.units:
        return NativeUnits(
            units=authors.units, accounts=authors.accounts, notes=authors.notes,
            smoke=tuple(_smoke(native)),
        )  # fmt: skip
    for name in sorted(listeners, key=lambda n: (listeners[n] is None, n != native.package)):
        listener, sources = listeners[name], native.programs[name]
        if listener is not None or _works(sources, native.language):
            made.units.append(_unit(native, name, sources, listener, made))
    return NativeUnits(
        units=tuple(made.units),
        config_files=tuple(made.config_files),
        install=tuple(made.install),
        notes=tuple(made.notes),
        smoke=tuple(_smoke(native)),
    )


def _authors(native: Native, listeners: Mapping[str, Listener | None]) -> AuthorUnits:
    """The units that the author wrote, the first with the health of the program that it starts."""
    places = Places(programs={name: f"/usr/bin/{name}" for name in native.programs})
    found = author_units(native.directory, places)
    if not found.units or not found.units[0].name.endswith(".service"):
        return found
    first = found.units[0]
    text = first.text or (native.directory / first.source).read_text(errors="replace")
    command = " ".join(unitfile.values(text, "Service", "ExecStart"))
    started = next(
        (n for n in native.programs if re.search(rf"(?:^|/){re.escape(n)}\b", command)), ""
    )
    listener = listeners.get(started)
    if listener is None or listener.health is None:
        return found
    said = [command, *unitfile.values(text, "Service", "Environment")]
    health = _told(listener.health, said, first.source or first.name)
    return replace(found, units=(replace(first, health=health), *found.units[1:]))


def _told(health: Health, said: Sequence[str], file: str) -> Health:
    """Where the program listens when its unit says so: an address among arguments and variables."""
    for text in said:
        if match := _TOLD.search(text):
            host, port = match["host"], match["port"]
            address = health.address if host is None else written_address(host)
            return replace(health, port=Guess(value=port, seen=file), address=address)
    return health


def _works(sources: Sequence[Source], language: Language) -> bool:
    """Whether a program without a port goes on for ever, as a worker does."""
    return any(language.loops.search(s.text) for s in sources)


def _unit(
    native: Native, name: str, sources: Sequence[Source], listener: Listener | None, made: _Made
) -> Unit:
    arguments = [*_arguments(native, name, sources, made), *_settings(native, sources, made)]
    directory = _assets(native, sources, made)
    health = listener.health if listener else None
    if health is not None and native.docker.path is not None and health.path.seen is None:
        health = Health(port=health.port, path=native.docker.path, address=health.address)
    if listener is not None and health is None:
        made.notes.append(
            f"{name} listens on port {listener.port.value} and does not speak HTTP: the service is "
            "looked at without a health URL"
        )
    return Unit(
        name=f"{name}.service",
        command=" ".join([f"/usr/bin/{name}", *arguments]),
        health=health,
        environment=dict(listener.environment) if listener else {},
        directory=directory,
    )


def _arguments(native: Native, name: str, sources: Sequence[Source], made: _Made) -> Iterator[str]:
    """From the Dockerfile, else the subcommand that serves."""
    said = native.docker.arguments(name)
    if said and all(_WORD.fullmatch(word) and not word.startswith("/") for word in said):
        made.notes.append(f"{name} is started as in the Dockerfile: {name} {' '.join(said)}")
        yield from said
        return
    for source in sources:
        if match := native.language.subcommand.search(source.text):
            yield match["name"].lower()
            return


def _settings(native: Native, sources: Sequence[Source], made: _Made) -> Iterator[str]:
    """The option that names a file of settings, where the project has that file."""
    top = native.directory.resolve()
    for source in sources:
        for match in native.language.settings.finditer(source.text):
            relative = match["value"].removeprefix("./")
            path = (top / relative).resolve()
            if _WORD.fullmatch(relative) and path.is_relative_to(top) and path.is_file():
                made.config_files[relative] = None
                option = (
                    match["flag"].replace("_", "-") if native.language.dashes else match["flag"]
                )
                yield from (f"--{option}", f"/etc/{native.package}/{path.name}")
                return


def _assets(native: Native, sources: Sequence[Source], made: _Made) -> str:
    """Where the program must run to find what it reads by relative paths; empty for its state."""
    named = {
        match["top"]
        for source in sources
        for line in source.text.splitlines()
        if not native.language.embeds.search(line)
        for match in _LITERAL.finditer(line)
    }
    embedded = {
        part
        for source in sources
        for line in source.text.splitlines()
        if native.language.embeds.search(line)
        for part in re.findall(r"[A-Za-z0-9_-]+", line)
    }
    found = sorted(
        d for d in (named & _ASSETS) - embedded
        if (native.directory / d).is_dir() and not (native.directory / d).is_symlink()
    )  # fmt: skip
    if not found:
        return ""
    place = f"/usr/share/{native.package}"
    made.install |= {(directory, place.lstrip("/")): None for directory in found}
    made.notes.append(f"the service runs in {place}, where it finds {', '.join(found)}")
    return place


def _smoke(native: Native) -> Iterator[str]:
    for name, sources in native.programs.items():
        text = "\n".join(s.text for s in sources)
        if native.language.version_flag.search(text):
            yield f"{name} --version"
        elif native.language.help_flag.search(text):
            yield f"{name} --help"


def has_vendor(directory: Path, file: str) -> bool:
    """Whether vendor/ is a part of the sources, by a file in it whose name ends so.

    One that git ignores does not go into a source package.
    """
    if not (directory / "vendor").is_dir():
        return False
    return any(n.startswith("vendor/") and n.endswith(file) for n in project_files(directory))


def mark_crossed(mark: str) -> str:
    """A command of debian/rules that makes the file `mark` when it builds for another machine."""
    made = f"{{ mkdir -p $(dir {mark}) && touch {mark}; }}"
    return f"[ $(DEB_BUILD_ARCH) = $(DEB_HOST_ARCH) ] || {made}"


def linked(package: str, sources: str) -> Override:
    """The field of STATIC: the sources of the packages that the words `sources` of a shell name.

    Left empty, and so left out, where dpkg is older than 1.22: lintian of those suites does not
    know the field.
    """
    query = "dpkg-query -W -f='$${db:Status-Abbrev}$${source:Package} (= $${source:Version})\\n'"
    listed = f"{query} {sources} 2>/dev/null | sed -n 's/^ii //p' | sort -u | paste -sd,"
    newer = "dpkg --compare-versions $$(dpkg-query -W -f='$${Version}' dpkg) ge 1.22"
    return Override(
        target="execute_before_dh_gencontrol",
        why="What is linked in: this says of which sources it is (policy 7.8).",
        commands=(
            f'from=$$({newer} && {listed}); echo "misc:Static-Built-Using=$$from" '
            f">> debian/{package}.substvars",
        ),
    )
