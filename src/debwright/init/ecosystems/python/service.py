"""The service of a project: its command, where it says that it is well, its settings."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from debwright.init.ecosystems.python.command import find_start, options_of, started_by
from debwright.init.ecosystems.python.dependencies import normalise, parse
from debwright.init.ecosystems.python.health import find_health, find_path
from debwright.init.ecosystems.python.listening import speaks_http
from debwright.init.ecosystems.python.modules import Module, literal, read_modules
from debwright.init.ecosystems.python.pyproject import Pyproject
from debwright.init.ecosystems.python.settings import Settings, read_settings
from debwright.init.ecosystems.python.start import Start
from debwright.init.ecosystems.python.tried import commands_to_try
from debwright.init.model import Answers, Guess, Health, Question, Unit, Written
from debwright.init.unitfile import command_line
from debwright.init.units import AuthorUnits, Places, author_units
from debwright.model.errors import Evidence, UsageError

NONE = "none"
SAID = "[tool.debwright.service] in pyproject.toml"
_VARIABLE = re.compile(r"(?:[A-Z0-9]+_)*(?:CONFIG|CONF|SETTINGS)(?:_(?:FILE|PATH))?")


@dataclass(frozen=True, kw_only=True)
class Service:
    """What is known of the service, wherever its programs will be."""

    package: str
    start: Start | None
    health: Health | None
    authors: AuthorUnits
    environment: Mapping[str, str]
    settings: Settings | None = None
    before: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    """Commands with an option that ends them, where there is no service to be watched."""
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Variables with any random text, for the unit that is ours."""
        return self.settings.secrets if self.settings else ()

    @property
    def files(self) -> tuple[Written, ...]:
        """/etc/default/PACKAGE, where the service reads variables."""
        if self.settings is None or not self.settings.text:
            return ()
        return (Written(path=f"debian/{self.package}.default", text=self.settings.text),)

    @property
    def added(self) -> tuple[str, ...]:
        """Requirements of the start command that the project does not name."""
        return self.start.added if self.start else ()

    def units(self, program: Callable[[Sequence[str]], Sequence[str]]) -> tuple[Unit, ...]:
        """The units of the package; `program` says what words a command is on its system."""
        if self.authors.units or self.start is None:
            return self.authors.units
        unit = Unit(
            name=f"{self.package}.service",
            command=command_line(program(self.start.words), variables=True),
            health=self.health,
            environment={**self.environment, **self.start.environment},
            before=(*self.before, *(command_line(program(w)) for w in self.start.before)),
        )
        return (unit,)


def find_service(directory: Path, package: str, found: Pyproject, answers: Answers) -> Service:
    """What starts the project, by its units, its README and its source. Raises UsageError."""
    modules = read_modules(directory)
    asked = {f"{normalise(r.name)}{extra}" for r in parse(found.requirements)
             for extra in ("", *(f"[{e}]" for e in r.extras))}  # fmt: skip
    start = find_start(found.name, directory, modules, found.scripts, asked)
    questions: list[Question] = []
    if start is None and found.scripts:
        which = _which(found, next(iter(found.scripts)) if found.said else NONE)
        questions.append(which)
        if (name := which.answered(answers)) != NONE:
            start = started_by(name, found.scripts[name], modules, directory)
    if (url := found.said.get("health_url")) is not None:
        health: Health | None = _said(url)
        asking: list[Question] = []
    else:
        path = find_path(directory, modules)
        http = path.seen is not None or speaks_http(_inside(found, modules))
        health, asking = find_health(start, path, found.name, answers, http=http)
    places = Places(programs={name: f"/usr/bin/{name}" for name in found.scripts},
                    variables=f"/etc/default/{package}")  # fmt: skip
    authors = author_units(directory, places, health)
    environment, before, start = _configured(package, found, modules, start)
    settings = None
    if start is not None and not authors.units:
        settings = read_settings(directory, _inside(found, modules), package, answers)
    return Service(
        package=package, start=start, health=health, authors=authors, environment=environment,
        settings=settings, before=before,
        tried=() if start else commands_to_try(found.scripts, modules),
        # With units of the author's nobody has to say what is started, and where it listens.
        questions=() if authors.units else (
            *questions, *(settings.questions if settings else ()), *asking
        ),
        notes=(*(start.notes if start and not authors.units else ()), *authors.notes,
               *(settings.notes if settings else ())),
    )  # fmt: skip


def _inside(found: Pyproject, modules: Sequence[Module]) -> list[Module]:
    """The modules that are installed, as far as that is known: not those of tools next to them."""
    top = found.module.partition(".")[0]
    inside = [m for m in modules if m.name.partition(".")[0] == top]
    return inside or list(modules)


def _which(found: Pyproject, default: str) -> Question:
    return Question(
        name="service",
        text=f"Which command of {found.name} is a service that has to run all the time?",
        default=default,
        choices=(NONE, *found.scripts),
    )


def _said(url: object) -> Health:
    match = re.fullmatch(
        r"http://(?:127\.0\.0\.1|localhost|\[::1\]):(\d{1,5})(/[^\s\"'\\]*)", str(url)
    )
    if match is None or not 1 <= int(match[1]) <= 65535:
        raise UsageError(
            "[tool.debwright.service] health_url is not an address of this machine with a port",
            evidence=[Evidence(text=f"health_url = {url!r}"[:200], file="pyproject.toml")],
            fix='health_url = "http://127.0.0.1:8000/health"',
        )
    port = Guess(value=str(int(match[1])), seen=SAID)
    return Health(port=port, path=Guess(value=match[2], seen=SAID))


def _configured(
    package: str, found: Pyproject, modules: Sequence[Module], start: Start | None
) -> tuple[dict[str, str], tuple[str, ...], Start | None]:
    """How the service finds its settings in /etc: by a variable, an option, or a link."""
    if start is None or not found.config_files:
        return {}, (), start
    name = PurePosixPath(found.config_files[0]).name
    place = f"/etc/{package}/{name}"
    if variable := next(_variables(modules, name), None):
        return {variable: place}, (), start
    texts = set(_texts(modules))
    if start.words[0] in found.scripts and "--config" in options_of(modules):
        return {}, (), replace(start, words=(*start.words, "--config", place))
    if place not in texts and texts & {name, f"./{name}"}:
        # It is read where the service runs.
        return {}, (f"/usr/bin/ln -sfn {place} /var/lib/{package}/{name}",), start
    return {}, (), start


def _variables(modules: Sequence[Module], name: str) -> Iterator[str]:
    """Variables of the environment that name the file of settings."""
    for module in modules:
        for full, call in module.calls():
            if full not in ("os.environ.get", "os.getenv") or not call.args:
                continue
            variable = literal(call.args[0])
            default = literal(call.args[1]) if len(call.args) > 1 else None
            fits = default is None or PurePosixPath(str(default)).name == name
            if isinstance(variable, str) and _VARIABLE.fullmatch(variable) and fits:
                yield variable


def _texts(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            value: Any = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
            if isinstance(value, str):
                yield value
