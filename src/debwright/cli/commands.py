"""How the command line finds its commands: each is declared in a module of the group's package."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import click

from debwright.model import registry
from debwright.model.errors import UsageError
from debwright.model.fix import Command, Correction
from debwright.model.suites import nearest

EVERYWHERE = (("json", ["--json"]), ("verbose", ["-v", "--verbose"]))
"""Options of debwright itself that may stand behind a command, too: `debwright plan --json`."""


def refusal(problem: click.ClickException, given: Sequence[str]) -> UsageError:
    """click's complaint of the arguments as one of ours; `given` is what was typed."""
    context = getattr(problem, "ctx", None)
    path = context.command_path if context is not None else "debwright"
    fix: str = Command(*path.split(), "--help")
    match problem:
        case click.NoSuchOption(option_name=name, possibilities=[*near]) if near:
            fix = Correction(near[0], wrong=name)
        case click.BadParameter(param=click.Option(type=click.Choice(choices=known)) as option):
            typed = _value_of(option.opts, given)
            if typed is not None and (close := nearest(typed, map(str, known))):
                fix = Correction(close, wrong=typed)
    text = problem.message.rstrip(".")
    if isinstance(problem, click.BadParameter | click.MissingParameter):
        text = problem.format_message().rstrip(".")
    return UsageError(text[:1].lower() + text[1:], fix=fix)


def _value_of(names: Iterable[str], given: Sequence[str]) -> str | None:
    """What was typed as the value of an option that has these names."""
    for name in names:
        for word, after in zip(given, (*given[1:], None), strict=True):
            if word == name:
                return after
            if word.startswith(f"{name}="):
                return word.removeprefix(f"{name}=")
    return None


class Group(click.Group):
    """A group that says which of its commands was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            name = args[0]
            if name.startswith("-"):
                raise
            known = [n for n in self.list_commands(ctx) if not self._hidden(ctx, n)]
            close = nearest(name, known)
            raise UsageError(
                f"there is no command `{name}`",
                cause=f"{ctx.command_path} has {', '.join(known)}",
                fix=Correction(close, wrong=name)
                if close
                else Command(*ctx.command_path.split(), "--help"),
            ) from None

    def _hidden(self, ctx: click.Context, name: str) -> bool:
        command = self.get_command(ctx, name)
        return command is None or command.hidden


class Commands(Group):
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
