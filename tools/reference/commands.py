"""The command line as its parser knows it: reference, manual page and completion."""

from collections.abc import Iterator

import click

from debwright.cli.app import cli
from debwright.cli.completion import script
from debwright.model.errors import ExitCode
from tools.reference import text

NAME = "debwright"
HELP = ["-h", "--help"]
ENVIRONMENT = {
    "XDG_CACHE_HOME": "The cache of roots and downloads is debwright/ below it; default: ~/.cache.",
    "GITHUB_TOKEN": "The token of `debwright release`, unless release.token_env names another.",
    "GITHUB_API_URL": "GitHub's interface, for GitHub Enterprise; set on its runners.",
    "UV_DEFAULT_INDEX": "The package index a wheelhouse comes from, as uv reads it.",
    "NO_COLOR": "No colours on a terminal.",
    "DEBWRIGHT_DEBUG": "Show the traceback of a mistake of debwright's own.",
}
FILES = {
    "debwright.toml": "The configuration; see debwright.toml(5).",
    "dist/": "All results: packages, logs, reports, and apt/, the repository.",
    "~/.cache/debwright": "Roots, layers, downloads, compiled wheels.",
}
INTRODUCTION = (
    "debwright builds a service's packages for several targets in clean roots, installs each on "
    "a freshly booted system, waits until the service is healthy, and only then publishes it."
)


def leaves(context: click.Context, path: str) -> Iterator[tuple[str, click.Context]]:
    """Every command that is no group, with the words that call it."""
    group = context.command
    if not isinstance(group, click.Group):
        yield path, context
        return
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if found is not None and not found.hidden:
            inner = click.Context(found, info_name=name, parent=context, help_option_names=HELP)
            yield from leaves(inner, f"{path} {name}")


def usage(context: click.Context) -> str:
    return " ".join(context.command.collect_usage_pieces(context))


def options(context: click.Context, *, top: bool = False) -> Iterator[tuple[str, str]]:
    """Each option with what it does; --help is said once, at the top."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and (top or "--help" not in parameter.opts):
            yield record


def _all() -> tuple[click.Context, list[tuple[str, click.Context]]]:
    context = click.Context(cli, info_name=NAME, help_option_names=HELP)
    return context, list(leaves(context, NAME))


def markdown() -> str:
    """docs/reference/cli.md."""
    top, found = _all()
    lines = [
        "# Commands",
        "",
        f"`{NAME} [OPTIONS] COMMAND [ARGS]...`",
        "",
        *(part for p in text.paragraphs(cli.help) for part in (text.wrapped(p), "")),
        *text.table(("option", "meaning"), ((f"`{o}`", m) for o, m in options(top, top=True))),
        "",
        "## Exit codes",
        "",
        *text.table(("code", "meaning"), _codes()),
        "",
    ]
    for path, context in found:
        lines += [f"## {path}", "", f"`{path} {usage(context)}`", ""]
        lines += [p for q in text.paragraphs(context.command.help) for p in (text.wrapped(q), "")]
        if rows := [(f"`{o}`", m) for o, m in options(context)]:
            lines += [*text.table(("option", "meaning"), rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _codes() -> list[tuple[str, str]]:
    return [(str(code.value), code.meaning) for code in ExitCode]


def manual() -> str:
    """share/debwright.1."""
    top, found = _all()
    summary, *rest = text.paragraphs(cli.help)
    short = summary[0].lower() + summary[1:].rstrip(".")
    lines = [
        *text.page(NAME, 1, "User Commands", short),
        ".SH SYNOPSIS",
        f".B {NAME}",
        text.roff("[OPTIONS] COMMAND [ARGS]..."),
        ".SH DESCRIPTION",
        text.roff(INTRODUCTION),
    ]
    for part in rest:
        lines += [".PP", text.roff(part)]
    lines += [".SH OPTIONS", *text.entries(options(top, top=True)), ".SH COMMANDS"]
    for path, context in found:
        lines.append(f".SS {text.roff(f'{path} {usage(context)}'.removeprefix(NAME + ' '))}")
        for number, part in enumerate(text.paragraphs(context.command.help)):
            lines += [".PP"] if number else []
            lines.append(text.roff(part))
        lines += text.entries(options(context))
    lines += [".SH EXIT STATUS", *text.entries(_codes())]
    lines += [".SH ENVIRONMENT", *text.entries(ENVIRONMENT.items())]
    lines += [".SH FILES", *text.entries(FILES.items())]
    lines += [".SH SEE ALSO", ".BR debwright.toml (5),", ".BR dpkg\\-buildpackage (1),"]
    lines += [".BR systemd\\-nspawn (1)"]
    return "\n".join(lines) + "\n"


def completion() -> str:
    """share/debwright.bash-completion: it asks the program at each Tab."""
    return f"# bash completion for {NAME}; written by tools/reference\n{script('bash')}"
