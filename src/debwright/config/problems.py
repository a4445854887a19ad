"""Turns what pydantic says of a configuration into what a person can act on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from debwright.config.locate import KeyPath
from debwright.config.section import Problem, Raw, Section, is_single, may_be_single, section_in
from debwright.config.values import quoted
from debwright.model.targets import nearest

_TYPES = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list in square brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "finite_number": "a finite number",
}
_RANGES = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_NO_SUCH_KEY = {
    "network": "leave it out: a build never has a network; fetch what it needs beforehand",
    "tool": "in debwright.toml tables stand at the top: [targets], not [tool.debwright.targets]",
}


def dotted(path: Sequence[str | int]) -> str:
    """The path as a person would write it: `waivers[0].until`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text


def from_validation(
    error: ValidationError, model: type[Section], document: Raw | None = None
) -> list[Problem]:
    """A problem for each key of `model` pydantic refused, in its order, at most one for each.

    The paths are those of `document`, which may have one table where the model has a list.
    """
    found: dict[KeyPath, Problem] = {}
    for details in error.errors(include_url=False):
        path = _written(tuple(p for p in details["loc"] if p != "[key]"), document)
        found.setdefault(path, _problem(model, path, details))
    return list(found.values())


def _written(path: KeyPath, document: Raw | None) -> KeyPath:
    """The path without the numbers of tables that stand alone in the document."""
    here: Any = document
    found: list[str | int] = []
    for part in path:
        if isinstance(here, dict) and isinstance(part, int):
            continue
        found.append(part)
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            here = None
    return tuple(found)


def _problem(model: type[Section], path: KeyPath, details: ErrorDetails) -> Problem:
    kind, value = details["type"], details["input"]
    context: Mapping[str, Any] = details.get("ctx", {})
    name = dotted(path)
    if kind == "extra_forbidden":
        return _unknown_key(model, path)
    if kind == "missing":
        return Problem(
            path=path,
            what=f"{_table(path[:-1])} has no `{path[-1]}`",
            expected=f"expected: {_description(model, path)}",
            fix=f"add `{path[-1]} = ...` to {_table(path[:-1])}",
        )
    if kind == "refused":
        return Problem(
            path=path,
            what=f"{name}: {context['message']}",
            expected=f"expected: {context['expected']}",
            fix=context["fix"] or f"correct {name}: {_description(model, path)}",
        )
    if kind == "literal_error":
        return _not_a_choice(path, value, str(context["expected"]))
    if kind in _TYPES:
        expected = f"{name} must be {_TYPES[kind]}"
        return Problem(
            path=path,
            what=f"{name} is {_type_of(value)}",
            expected=expected,
            fix=_retyped(path, kind, value) or f"write {_TYPES[kind]}: {_description(model, path)}",
        )
    if kind in _RANGES:
        key, words = _RANGES[kind]
        expected = f"{words} {context[key]:g}"
        what = f"{name} = {quoted(value)} is out of range"
    elif kind in ("too_short", "string_too_short"):
        expected, what = "at least one entry or character", f"{name} is empty"
    else:
        expected, what = details["msg"], f"{name} = {quoted(value)} is not acceptable"
    return Problem(
        path=path, what=what, expected=f"expected: {expected}", fix=f"write {expected} for {name}"
    )


def _unknown_key(model: type[Section], path: KeyPath) -> Problem:
    key, table = str(path[-1]), path[:-1]
    section = _section_at(model, table)
    known = tuple(section.model_fields) if section else ()
    return Problem(
        path=path,
        what=f"unknown key `{key}` in {_table(table)}" if table else f"unknown key `{key}`",
        expected=f"{_table(table)} knows {', '.join(known)}",
        fix=_replacement(model, key, known, table) or f"remove `{key}`",
    )


def _replacement(
    model: type[Section], key: str, known: Sequence[str], table: KeyPath
) -> str | None:
    plain = key.lower().replace("-", "_")
    if close := nearest(plain, known, cutoff=0.7):
        return f"write `{close}`"
    if key in _NO_SUCH_KEY:
        return _NO_SUCH_KEY[key]
    elsewhere = {str(path[-1]): path for path in _all_keys(model) if path[:-1] != table}
    if close := nearest(plain, elsewhere, cutoff=0.8):
        place = elsewhere[close][:-1]
        return f"write `{close}` in {_table(place)}" if place else f"write `{close}` at the top"
    if close := nearest(plain, known, cutoff=0.5):
        return f"write `{close}`"
    return None


def _not_a_choice(path: KeyPath, value: object, expected: str) -> Problem:
    choices = re.findall(r"'([^']*)'", expected)
    close = nearest(value.lower(), choices, cutoff=0.4) if isinstance(value, str) else None
    return Problem(
        path=path,
        what=f"{dotted(path)} = {quoted(value)} is not one of its values",
        expected=f"expected: {expected.replace(chr(39), chr(34))}",
        fix=f'write "{close}"' if close else f'write "{choices[0]}"',
    )


def _type_of(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def _retyped(path: KeyPath, kind: str, value: object) -> str | None:
    """The same value written as the type it should have, where that is plain."""
    key = "" if isinstance(path[-1], int) else f"{path[-1]} = "
    if kind == "list_type" and isinstance(value, str):
        return f"write `{key}[{quoted(value)}]`"
    if kind == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write `{key}"{value}"`'
    if isinstance(value, str):
        number = re.fullmatch(r"\d{1,9}" if kind == "int_type" else r"\d{1,9}(\.\d{1,9})?", value)
        if kind == "bool_type" and value.lower() in ("true", "false"):
            return f"write `{key}{value.lower()}`, without quotes"
        if kind in ("int_type", "float_type") and number:
            return f"write `{key}{value}`, without quotes"
    return None


def _table(path: Sequence[str | int]) -> str:
    if path and isinstance(path[-1], int):
        return f"[[{dotted(path[:-1])}]]"
    return f"[{dotted(path)}]" if path else "the configuration"


def _description(model: type[Section], path: Sequence[str | int]) -> str:
    keys = [p for p in path if isinstance(p, str)]
    while keys:
        section = _section_at(model, keys[:-1])
        if section and (field := section.model_fields.get(keys[-1])):
            return field.description or ""
        keys.pop()
    return ""


def _section_at(model: type[Section], path: Sequence[str | int]) -> type[Section] | None:
    current = model
    parts = list(path)
    while parts:
        part = parts.pop(0)
        field = current.model_fields.get(str(part))
        nested = section_in(field.annotation) if field else None
        if field is None or nested is None:
            return None
        current = nested
        listed = get_origin(field.annotation) is list
        if not is_single(field.annotation) and parts and isinstance(parts[0], int) is listed:
            parts.pop(0)  # the index or the name of the entry
    return current


def _all_keys(section: type[Section], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in section.model_fields.items():
        yield (*prefix, name)
        nested = section_in(field.annotation)
        # A waiver's or a suite's keys are no place to send a stray key to.
        if nested and may_be_single(field):
            yield from _all_keys(nested, (*prefix, name))
