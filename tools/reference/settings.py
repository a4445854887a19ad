"""debwright.toml as its model knows it: reference and manual page."""

import json
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from debwright.config import Config
from tools.reference import text

NAME = "debwright.toml"


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a table."""

    name: str
    kind: str
    default: str
    """As it would be written, or what is said in its place."""
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table; `path` is its header without brackets."""

    path: str
    repeated: bool
    meaning: str
    keys: tuple[Key, ...]

    @property
    def header(self) -> str:
        return f"[[{self.path}]]" if self.repeated else f"[{self.path}]"


def bare(kind: Any) -> Any:
    """A type without Annotated and without `| None`."""
    if hasattr(kind, "__metadata__"):
        return bare(kind.__origin__)
    if get_origin(kind) in (Union, types.UnionType):
        rest = [a for a in get_args(kind) if a is not type(None)]
        return bare(rest[0]) if len(rest) == 1 else kind
    return kind


def inner(kind: Any) -> tuple[type[BaseModel] | None, str]:
    """The model a key's tables are of, and how: as one, as a list, or by name."""
    kind = bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, "one"
    arguments = get_args(kind)
    if get_origin(kind) in (list, tuple) and arguments:
        found, _ = inner(arguments[0])
        return found, "list"
    if get_origin(kind) is dict:
        found, _ = inner(arguments[1])
        return found, "named"
    return None, ""


def spoken(kind: Any) -> str:
    """A type in the words of TOML."""
    kind = bare(kind)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{json.dumps(v)}`" for v in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(spoken(a) for a in get_args(kind)))
    arguments = get_args(kind)
    if get_origin(kind) in (list, tuple):
        return f"list of {spoken(arguments[0])}"
    if get_origin(kind) is dict:
        return f"table of {spoken(arguments[1])}"
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return plain.get(kind, getattr(kind, "__name__", str(kind)).lower())


def limits(field: FieldInfo) -> str:
    """The bounds a number or a list has."""
    found = list(field.metadata)
    for part in [field.annotation, *get_args(field.annotation)]:
        found += getattr(part, "__metadata__", ())
    flat = [m for one in found for m in (one, *getattr(one, "metadata", ()))]
    words = []
    for name, word in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to")):
        value = next((v for m in flat if (v := getattr(m, name, None)) is not None), None)
        if value is not None:
            words.append(f"{word} {value:g}" if isinstance(value, int | float) else "")
    return " ".join(w for w in words if w)


def written(field: FieldInfo) -> str:
    """A default as TOML has it."""
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return f"`{json.dumps(value, default=str)}`"


def tables() -> Iterator[Table]:
    """Every table, in the model's order, the top first."""
    yield from _tables(Config.whole(), "", repeated=False, meaning="")


def _tables(model: type[BaseModel], path: str, *, repeated: bool, meaning: str) -> Iterator[Table]:
    keys, below = [], []
    for name, field in model.model_fields.items():
        found, how = inner(field.annotation)
        inside = f"{path}.{name}" if path else name
        if found is None:
            kind = " ".join(filter(None, [spoken(field.annotation), limits(field)]))
            keys.append(
                Key(name=name, kind=kind, default=written(field), meaning=field.description or "")
            )
        else:
            inside += ".NAME" if how == "named" else ""
            below.append((found, inside, how == "list", field.description or ""))
    doc = " ".join((model.__doc__ or "").split())
    yield Table(path=path, repeated=repeated, meaning=meaning or doc, keys=tuple(keys))
    for found, inside, many, said in below:
        yield from _tables(found, inside, repeated=many, meaning=said)


def markdown() -> str:
    """docs/reference/configuration.md."""
    lines = [
        "# debwright.toml",
        "",
        "One file per product, at its root, or `[tool.debwright]` in pyproject.toml. Every key has",
        "a default unless it says *needed*; an empty file is a valid one. What is unknown, or of",
        "the wrong type, is refused with file, line and the nearest known key, and exit code 2.",
        "`debwright plan --json` prints the configuration that counts.",
        "",
    ]
    for table in tables():
        if not table.keys and not table.path:
            continue
        lines += [f"## `{table.header}`" if table.path else "## Outside of any table", ""]
        if table.path:
            lines += [text.wrapped(table.meaning), ""]
        rows = ((f"`{k.name}`", k.kind, k.default, k.meaning) for k in table.keys)
        if table.keys:
            lines += [*text.table(("key", "value", "default", "meaning"), rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def manual() -> str:
    """share/debwright.toml.5."""
    lines = [
        *text.page(NAME, 5, "File Formats", "what debwright builds, and how"),
        ".SH DESCRIPTION",
        text.roff(
            "One file per product, at its root, in TOML; or [tool.debwright] in pyproject.toml. "
            "What is unknown or of the wrong type is refused with file and line."
        ),
    ]
    for table in tables():
        if not table.keys:
            continue
        lines.append(f".SH {text.roff(table.header if table.path else 'OUTSIDE OF ANY TABLE')}")
        if table.path:
            lines.append(text.roff(table.meaning))
        for key in table.keys:
            kind, default = (part.replace("`", "") for part in (key.kind, key.default))
            said = kind if not default else f"{kind}; {_default(default)}"
            lines += text.entries([(key.name, f"({said}) {key.meaning}")])
    lines += [".SH SEE ALSO", ".BR debwright (1)"]
    return "\n".join(lines) + "\n"


def _default(default: str) -> str:
    return default if default == "needed" else f"default {default}"
