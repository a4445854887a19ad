"""The reference of codes, from what checks and modules declare."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import debwright
from debwright.checks import registry
from debwright.model.codes import Code, Codes
from tools.reference import text

TOP = Path(__file__).parents[2]


def declared() -> dict[str, tuple[Code, list[str]]]:
    """Every code, sorted, with the checks that give it, or else the room that does."""
    found: dict[str, tuple[Code, list[str]]] = {}
    for check in registry.every_check():
        for name, code in check.codes.items():
            found.setdefault(name, (code, []))[1].append(check.name)
    for module in walk_packages(debwright.__path__, "debwright."):
        if module.name.endswith("__main__"):
            continue
        for codes in vars(import_module(module.name)).values():
            for name, code in codes.items() if isinstance(codes, Codes) else ():
                found.setdefault(name, (code, [module.name.split(".")[1]]))
    return dict(sorted(found.items()))


def severity(code: Code) -> str:
    """The severity in words; a key of debwright.toml that sets it."""
    said = " or ".join(dict.fromkeys((code.severity, *code.or_else)))
    if code.emulated is not None:
        said += f"; {code.emulated} under an emulator"
    return f"`{code.level}` ({said})" if code.level else said


def markdown() -> str:
    """docs/reference/codes.md."""
    lines = [
        "# Codes of findings",
        "",
        "Each finding has a code that stays the same from version to version. `[checks]` sets the",
        "level of a whole check, `[[waivers]]` accepts one code until a day. A check that cannot",
        "be carried out gives `CHECK/failed`, or `infrastructure/CHECK` where the machine or the",
        "system is at fault.",
        "",
    ]
    area, rows = "", list[tuple[str, ...]]()
    for name, (code, given) in declared().items():
        first = name.split("/")[0]
        if first != area:
            lines += _section(area, rows)
            area, rows = first, []
        rows.append((f"`{name}`", severity(code), code.says, ", ".join(dict.fromkeys(given))))
    return "\n".join([*lines, *_section(area, rows)]).rstrip() + "\n"


def _section(area: str, rows: list[tuple[str, ...]]) -> Iterator[str]:
    if rows:
        yield from (f"## {area}", "")
        yield from text.table(("code", "severity", "says", "given by"), rows)
        yield ""
