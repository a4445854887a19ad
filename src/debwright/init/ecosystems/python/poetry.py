"""Poetry's own way to write dependencies, as the standard writes them (PEP 508).

https://python-poetry.org/docs/dependency-specification/
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_SAFE = re.compile(r"[A-Za-z0-9.*+!<>=~, -]*")


def requirements(dependencies: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Requirements of [tool.poetry.dependencies], and notes on those that are left out."""
    found: list[str] = []
    notes: list[str] = []
    for name, said in dependencies.items():
        if name.lower() == "python":
            continue
        for one in said if isinstance(said, list) else [said]:
            table = one if isinstance(one, Mapping) else {"version": one}
            if table.get("optional") is True:
                notes.append(f"{name} is optional in pyproject.toml and is left out")
            elif address := table.get("git") or table.get("url") or table.get("path"):
                found.append(f"{name} @ {address}")
            else:
                found.append(_requirement(name, table))
    return found, notes


def _requirement(name: str, table: Mapping[str, Any]) -> str:
    extras = [str(e) for e in table.get("extras", [])]
    markers = list(_markers(table))
    return (
        name
        + (f"[{','.join(extras)}]" if extras else "")
        + limits(str(table.get("version", "*")))
        + (f"; {' and '.join(markers)}" if markers else "")
    )


def _markers(table: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(python := table.get("python"), str):
        for limit in filter(None, limits(python).split(",")):
            operator, version = re.fullmatch(r"([<>=!~]+)(.*)", limit.strip()).groups()  # type: ignore[union-attr]
            variable = "python_full_version" if version.count(".") > 1 else "python_version"
            yield f"{variable} {operator} '{version}'"
    if isinstance(platform := table.get("platform"), str):
        yield f"sys_platform == '{platform}'"
    if isinstance(markers := table.get("markers"), str):
        yield f"({markers})"


def limits(text: str) -> str:
    """`^1.2` as `>=1.2,<2`: what poetry's constraints allow, as the standard has it.

    Of alternatives (`||`) the last one stands, which is the newest.
    """
    chosen = text.rsplit("||", maxsplit=1)[-1].strip()
    if not _SAFE.fullmatch(chosen.replace("^", "").replace("~", "")):
        return chosen
    parts = [part.strip() for part in re.split(r",|\s+(?=[<>=!~^])", chosen) if part.strip()]
    return ",".join(limit for part in parts if (limit := _limit(part)))


def _limit(part: str) -> str:
    if part == "*":
        return ""
    if part.startswith("^"):
        return _below(part[1:], _caret(part[1:]))
    if part.startswith("~") and not part.startswith("~="):
        numbers = _numbers(part[1:])
        return _below(part[1:], [*numbers[:-1], numbers[-1] + 1] if len(numbers) < 3 else
                      [numbers[0], numbers[1] + 1])  # fmt: skip
    if part[0].isdigit():
        return f"=={part}"
    return re.sub(r"\s+", "", re.sub(r"^=(?!=)", "==", part))


def _caret(version: str) -> list[int]:
    """The first version that is not compatible: the leftmost number that is not 0, raised."""
    numbers = _numbers(version)
    place = next((n for n, number in enumerate(numbers) if number), len(numbers) - 1)
    return [*numbers[:place], numbers[place] + 1]


def _below(version: str, end: list[int]) -> str:
    return f">={version.strip()},<{'.'.join(map(str, end))}"


def _numbers(version: str) -> list[int]:
    found = _NUMBERS.match(version.strip())
    return [int(n) for n in found[0].split(".")] if found else [0]
