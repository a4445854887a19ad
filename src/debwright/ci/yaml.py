"""Writing YAML with comments: tables, lists, texts, numbers and truth values.

Every text that could be read as something else is written in double quotes with the escapes of
YAML 1.2.2, section 5.7, so that nothing in it can end it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 98

# What every reader of YAML takes for a text: it begins like a word or a path, and has no colon and
# no #, which would make a key or a comment of what follows (YAML 1.2.2, section 7.3.3).
_PLAIN = re.compile(r"(?:[A-Za-z_/$]|\./)[!-\"$-9;-~]*(?: [!-\"$-9;-~]+)*")
# YAML 1.1 knows on, off, yes, no, y and n besides what YAML 1.2 knows.
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])


@dataclass(frozen=True)
class Commented:
    """A value with a comment above it, or behind it in the same line."""

    value: Any
    above: str | None = None
    beside: str | None = None


def render(document: Mapping[str, Any]) -> str:
    """The document as YAML. ValueError for a value that is no table, list or scalar."""
    return "".join(f"{line}\n" for line in _table(document, 0))


def _table(table: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for number, (key, value) in enumerate(table.items()):
        if depth == 0 and number and not isinstance(value, str):
            yield ""
        yield from _entry(f"{indent}{_key(key)}:", value, depth)


def _entry(lead: str, value: Any, depth: int) -> Iterator[str]:
    value, above, beside = _uncommented(value)
    indent = lead[: len(lead) - len(lead.lstrip())]
    yield from (f"{indent}# {line}" for line in (above or "").splitlines())
    if isinstance(value, Mapping) and value:
        yield lead
        yield from _table(value, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield lead
        for item in value:
            yield from _item(item, depth + 1)
    elif _is_block(value):
        yield f"{lead} |"
        yield from (f"{indent}  {line}" for line in str(value).removesuffix("\n").split("\n"))
    else:
        yield f"{lead} {_scalar(value)}" + (f" # {beside}" if beside else "")


def _item(value: Any, depth: int) -> Iterator[str]:
    """An entry of a list; a table's first key stands beside the dash."""
    indent = "  " * depth
    if not isinstance(value, Mapping):
        value, above, beside = _uncommented(value)
        yield from (f"{indent}# {line}" for line in (above or "").splitlines())
        yield f"{indent}- {_scalar(value)}" + (f" # {beside}" if beside else "")
        return
    lines = list(_table(value, depth + 1))
    first = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
    yield from (f"{indent}{line.lstrip()}" for line in lines[:first])
    yield f"{indent}- {lines[first].lstrip()}"
    yield from lines[first + 1 :]


def _uncommented(value: Any) -> tuple[Any, str | None, str | None]:
    if isinstance(value, Commented):
        return value.value, value.above, value.beside
    return value, None, None


def _is_block(value: Any) -> bool:
    """Several lines, each of which a block keeps as it is."""
    return (
        isinstance(value, str)
        and value.endswith("\n")
        and not value.endswith("\n\n")
        and all(re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", x) for x in value[:-1].split("\n"))
    )


def _key(key: str) -> str:
    # `on` is the one key that old readers of YAML take for a truth value; GitHub wants it bare.
    return key if key == "on" else _scalar(key)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if _is_plain(value) else '"' + "".join(map(_escaped, value)) + '"'
    if isinstance(value, Mapping | Sequence) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    raise ValueError(f"{type(value).__name__} cannot be written as YAML here")


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if " " <= character <= "~":
        return character
    number = ord(character)
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
