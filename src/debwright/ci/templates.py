"""Templates of what providers read: files that look like the YAML or the script they become.

`[[ value ]]` writes a value as a whole scalar of YAML (a word of a shell, in a script), quoted so
that nothing in it can end it. Two filters are for values elsewhere: `part` for a part of a text,
which only letters, digits and ._/+- can be, and `expression` for text of the template itself.
Lines that begin with `#%` are statements; what stands in `[# #]` is not written.
"""

import re
from collections.abc import Callable
from typing import Any

from jinja2 import BaseLoader, Environment, PackageLoader, StrictUndefined

from debwright.model.errors import UsageError

PART = re.compile(r"[A-Za-z0-9._/+-]*")

# What every reader of YAML takes for a text: it begins like a word or a path, and has no colon and
# no #, which would make a key or a comment of what follows (YAML 1.2.2, section 7.3.3).
_PLAIN = re.compile(r"(?:[A-Za-z_/$]|\./)[!-\"$-9;-~]*(?: [!-\"$-9;-~]+)*")
# YAML 1.1 knows on, off, yes, no, y and n, too.
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])


class Written(str):
    """Text that is written as it is."""

    __slots__ = ()


def scalar(value: object) -> str:
    """`value` as one scalar of YAML, texts with the escapes of YAML 1.2.2, section 5.7.

    Raises UsageError for what is no text, number or truth value.
    """
    if isinstance(value, Written):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        # What nobody gave says so itself, here.
        raise UsageError(f"{str(value)[:80]!r} is no value of a workflow")
    if "${{" in value:
        raise UsageError(
            f"{value[:80]!r} would be evaluated where workflows run", fix="leave ${{ out of it"
        )
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return '"' + "".join(map(_escaped, value)) + '"'


def shell_word(value: object) -> str:
    """`value` as one word of a POSIX shell."""
    return value if isinstance(value, Written) else "'" + str(value).replace("'", "'\\''") + "'"


def part(value: str) -> Written:
    """`value`, if it means the same in YAML, in a shell and in an expression; else UsageError."""
    if PART.fullmatch(value) is None:
        raise UsageError(
            f"{value[:80]!r} cannot be a part of a workflow",
            fix="letters, digits and any of ._/+- are fine",
        )
    return Written(value)


class Templates:
    """The templates in the directory `templates` of a package, or texts."""

    def __init__(self, package: str | None = None, **globals_: Any) -> None:
        loader = PackageLoader(package) if package else None
        self._yaml = _environment(scalar, loader, globals_)
        self._script = _environment(shell_word, loader, globals_)

    def render(self, name: str, **values: Any) -> str:
        """The file of the template `NAME.j2`; a name that ends with .sh is a script."""
        environment = self._script if name.endswith(".sh") else self._yaml
        return environment.get_template(f"{name}.j2").render(values)

    def render_yaml(self, text: str, **values: Any) -> str:
        """The YAML of a template that is given as text."""
        return self._yaml.from_string(text).render(values)


def _environment(
    written: Callable[[object], str], loader: BaseLoader | None, globals_: dict[str, Any]
) -> Environment:
    # What autoescape does for HTML, `finalize` does for YAML and for scripts.
    environment = Environment(  # noqa: S701
        loader=loader,
        undefined=StrictUndefined,
        finalize=written,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        variable_start_string="[[",
        variable_end_string="]]",
        line_statement_prefix="#%",
    )
    environment.filters.update(part=part, expression=Written)
    environment.globals.update(globals_)
    return environment


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
