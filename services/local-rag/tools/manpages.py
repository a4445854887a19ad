"""Write the manual page of the command and its bash completion, from the command itself.

    python tools/manpages.py           # writes those in share/
    python tools/manpages.py --check   # exits with status 1 when one of them is out of date

They are kept in the repository, since a package is also built on machines that cannot run the
program (a cross build). Format: man(7), as checked by `man --warnings`.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import BashComplete

from local_rag.cli import main as command

NAME = "local-rag"
SHARE = Path(__file__).resolve().parents[1] / "share"
# Exit codes are said by the command's own epilog; the rest is not the command's to know.
ENVIRONMENT = {
    "LOCAL_RAG_URL": "Address of the running service, as --url.",
    "LOCAL_RAG_TOKEN_FILE": "File that holds the token, as --token-file.",
    "LOCAL_RAG_TOKEN": "The token itself.",
    "LOCAL_RAG_CONFIG": "A configuration file, read after the others.",
    "LOCAL_RAG__SECTION__KEY": "One setting, as LOCAL_RAG__SERVER__PORT=8081; the last word.",
}
FILES = {
    "/etc/local-rag/config.yaml": "Configuration of the machine; see local-rag-config(5).",
    "~/.config/local-rag/config.yaml": "Configuration of the user.",
    "/var/lib/local-rag": "The index, uploaded files and models of the installed service.",
    "/usr/share/local-rag/models": "Models that came with packages.",
}


def escape(text: str) -> str:
    """Return text so that roff shows it as it is; hyphens can be copied as minus signs."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def paragraphs(text: str | None) -> Iterator[str]:
    """Yield the paragraphs of a help text, each on one line."""
    for part in re.split(r"\n\s*\n", (text or "").replace("\b", "").strip()):
        if part.strip():
            yield " ".join(part.split())


def options(context: click.Context, *, top: bool = False) -> Iterator[str]:
    """Yield each option with what it does."""
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        # Arguments without a word of their own are said by the usage line, --help once at the top.
        if record is not None and record[1] and (top or parameter.name != "help"):
            yield from (".TP", f".B {escape(record[0])}", escape(" ".join(record[1].split())))


def leaves(context: click.Context, path: str) -> Iterator[tuple[str, click.Context]]:
    """Yield every command that is no group, with the words that call it."""
    group = context.command
    if not isinstance(group, click.Group):
        yield path, context
        return
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if found is not None:
            inner = click.Context(found, info_name=name, parent=context)
            yield from leaves(inner, f"{path} {name}")


def commands(context: click.Context) -> Iterator[str]:
    """Yield one section part for each command."""
    for path, found in leaves(context, ""):
        usage = " ".join(found.command.collect_usage_pieces(found))
        yield f".SS {escape(path.strip())} {escape(usage)}"
        said = [*paragraphs(found.command.help), *paragraphs(found.command.epilog)]
        for number, part in enumerate(said):
            yield from ([".PP"] if number else [])
            yield escape(part)
        yield from options(found)


def table(entries: dict[str, str]) -> Iterator[str]:
    """Yield names with their meaning."""
    for name, meaning in entries.items():
        yield from (".TP", f".B {escape(name)}", escape(meaning))


def manual() -> str:
    """Return the manual page."""
    context = click.Context(command, info_name=NAME)
    summary, *rest = paragraphs(command.help)
    lines = [
        '.\\" Written by tools/manpages.py; change the command, not this.',
        f'.TH {NAME.upper()} 1 "" "{NAME}" "User Commands"',
        ".SH NAME",
        f"{escape(NAME)} \\- {escape(summary[0].lower() + summary[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        f".B {escape(NAME)}",
        escape("[OPTIONS] COMMAND [ARGS]..."),
        ".SH DESCRIPTION",
        escape(
            "local-rag answers questions from documents of its user, with models that run on the "
            "same machine. The command serve is the service; the others talk to it."
        ),
        *(escape(part) for part in rest),
        ".SH OPTIONS",
        *options(context, top=True),
        ".SH COMMANDS",
        *commands(context),
        ".SH EXIT STATUS",
        *(escape(p.removeprefix("Exit codes: ")) for p in paragraphs(command.epilog)),
        ".SH ENVIRONMENT",
        *table(ENVIRONMENT),
        ".SH FILES",
        *table(FILES),
        ".SH SEE ALSO",
        ".BR local\\-rag\\-config (5),",
        ".BR systemctl (1),",
        ".BR journalctl (1)",
    ]
    return "\n".join(lines) + "\n"


def completion() -> str:
    """Return what `eval` of bash_source would run; it asks the program at each Tab."""
    complete = BashComplete(command, {}, NAME, "_LOCAL_RAG_COMPLETE")
    # click's own source() starts bash to look at its version; what is written here is for others.
    body = complete.source_template % complete.source_vars()
    return f"# bash completion for {NAME}; written by tools/manpages.py\n{body.strip()}\n"


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; say what is old")
    args = parser.parse_args(argv)
    old = []
    for path, text in (
        (SHARE / f"{NAME}.1", manual()),
        (SHARE / f"{NAME}.bash-completion", completion()),
    ):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            old.append(path)
            if not args.check:
                path.write_text(text, encoding="utf-8")
    if args.check and old:
        names = ", ".join(path.name for path in old)
        print(f"out of date: {names}; run: python tools/manpages.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
