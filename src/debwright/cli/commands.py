"""How the command line finds its commands: each is declared in a module of the group's package."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import click

from debwright.model import registry

EVERYWHERE = (("json", ["--json"]), ("verbose", ["-v", "--verbose"]))
"""Options of debwright itself that may stand behind a command, too: `debwright plan --json`."""


class Commands(click.Group):
    """A group whose commands are those that the modules of its package declare.

    A module is imported when one of its commands is called, or all are listed: so what a command
    needs beyond its options is imported in its function.
    """

    def __init__(self, *arguments: Any, package: str, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        for module in registry.names(self.package):
            self._take(module)
        return sorted(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in registry.names(self.package):
            self._take(cmd_name)
        if cmd_name not in self.commands:
            self.list_commands(ctx)
        return self.commands.get(cmd_name)

    def _take(self, module: str) -> None:
        for command in _declared(f"{self.package}.{module}"):
            if command is not self and command.name not in self.commands:
                _also_behind(command)
                self.add_command(command)


def _declared(module: str) -> Iterator[click.Command]:
    """The commands a module has at its top; what it imported, or is part of a group, is none."""
    found = [c for c in vars(import_module(module)).values() if isinstance(c, click.Command)]
    inner = {id(c) for group in found if isinstance(group, click.Group)
             for c in group.commands.values()}  # fmt: skip
    for command in found:
        if getattr(command.callback, "__module__", None) == module and id(command) not in inner:
            yield command


def _also_behind(command: click.Command) -> None:
    taken = {text for parameter in command.params for text in parameter.opts}
    for name, texts in EVERYWHERE:
        if not taken & set(texts):
            option = click.Option(
                texts, is_flag=True, hidden=True, expose_value=False, callback=_given(name)
            )
            command.params.append(option)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _also_behind(inner)


def _given(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.obj = replace(context.obj, **{name: True})

    return callback
