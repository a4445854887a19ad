"""The units of an application: one a process, and those that its author wrote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from debwright.init.ecosystems.python import servers
from debwright.init.ecosystems.python.start import Start
from debwright.init.model import Guess, Health, Unit
from debwright.init.unitfile import command_line, split, values
from debwright.init.units import AuthorUnits, Places, author_units


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the package has the application."""

    package: str
    roots: tuple[str, ...] = ()
    """Directories of the tree, apart from its top, that modules are imported from."""

    @property
    def home(self) -> str:
        return f"/usr/lib/{self.package}"

    @property
    def tree(self) -> str:
        return f"{self.home}/app"

    @property
    def python(self) -> str:
        """An interpreter of its own: a link, next to a pyvenv.cfg."""
        return f"{self.home}/bin/python3"

    def command(self, words: Sequence[str], directory: str) -> str:
        """What a unit starts for the words of a command line."""
        program, rest = words[0], list(words[1:])
        module = servers.MODULES.get(program)
        if re.fullmatch(r"python3?(?:\.\d+)?", program):
            head = [self.python]
            if rest and rest[0].endswith(".py") and not rest[0].startswith("/"):
                rest[0] = f"{self.below(directory)}/{rest[0].removeprefix('./')}"
        elif module is not None:
            head = [self.python, "-m", module]
        elif program == "sh":
            head = ["/bin/sh"]
        elif "/" in program or program.endswith((".sh", ".py")):
            path = f"{self.below(directory)}/{program.removeprefix('./')}"
            head = [self.python if program.endswith(".py") else "/bin/sh", path]
        elif program in ("bash", "node", "nginx", "sleep", "echo", "true"):
            head = [f"/usr/bin/{program}"]
        else:
            head = [f"{self.home}/bin/{program}"]
        return command_line([*head, *rest], variables=True)

    def below(self, directory: str) -> str:
        return f"{self.tree}/{directory}" if directory else self.tree


def generated(
    layout: Layout,
    starts: Sequence[Start],
    health: Health | None,
    environment: dict[str, str],
    state: tuple[str, ...],
) -> tuple[Unit, ...]:
    """A unit for each process; what the first one needs before it starts is done once."""
    package, made = layout.package, list[Unit]()
    for start in starts:
        name = f"{package}-{start.name}" if start.name else package
        roots = dict.fromkeys((start.directory, "", *layout.roots))
        made.append(
            Unit(
                name=f"{name}.service",
                command=layout.command(start.words, start.directory),
                health=None if start.name else health,
                before=tuple(layout.command(w, start.directory) for w in start.before),
                environment={
                    "PATH": f"{layout.home}/bin:/usr/local/bin:/usr/bin:/bin",
                    "PYTHONPATH": ":".join(layout.below(root) for root in roots),
                    "PYTHONUNBUFFERED": "1",
                    **environment,
                    **start.environment,
                },
                directory=layout.below(start.directory),
                state=state,
                after=(f"{package}.service",) if start.name and starts[0].before else (),
            )
        )
    return tuple(made)


def authors(layout: Layout, directory: Path, health: Health | None) -> AuthorUnits:
    """The author's units, with paths of the author's server as the package's."""
    places = Places(
        tree=layout.tree, python=layout.python,
        variables=f"/etc/default/{layout.package}",
    )  # fmt: skip
    found = author_units(directory, places)
    if not found.units:
        return found
    first = found.units[0]
    text = first.text or (directory / first.source).read_text("utf-8", "replace")
    commands = values(text, "Service", "ExecStart")
    bound = servers.bound(split(commands[-1])) if commands else None
    if bound and health is not None and re.fullmatch(r"\d+", bound[1]):
        port = Guess(value=bound[1], seen=first.source or first.name)
        health = replace(health, port=port, address=bound[0])
    elif commands and "unix:" in commands[-1]:
        health = None
    if not (first.name.endswith(".service") and first.started):
        return found
    return replace(found, units=(replace(first, health=health), *found.units[1:]))
