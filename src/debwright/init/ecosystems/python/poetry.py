"""Poetry's own way to write dependencies, as the standard writes them (PEP 508).

https://python-poetry.org/docs/dependency-specification/
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.version import Version

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_OR = re.compile(r"\|\|?")
_RANGE = re.compile(r">=(\d[\d.]*)(?:,<(\d[\d.]*))?")
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
                if narrowed(version := str(table.get("version", "*"))):
                    notes.append(f"of {name} {version} the newest alternative is taken")
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

    Alternatives (`||`) become one range where they meet. The standard has no "or": with a gap
    between them the last one stands, which is the newest.
    """
    alternatives = [_alternative(part.strip()) for part in _OR.split(text)]
    if len(alternatives) == 1 or "" in alternatives:
        return "" if "" in alternatives else alternatives[0]
    return _union(alternatives) or alternatives[-1]


def narrowed(text: str) -> bool:
    """Whether `limits` leaves out what `text` allows."""
    alternatives = [_alternative(part.strip()) for part in _OR.split(text)]
    return len(alternatives) > 1 and "" not in alternatives and not _union(alternatives)


def _alternative(chosen: str) -> str:
    if not _SAFE.fullmatch(chosen.replace("^", "").replace("~", "")):
        return chosen
    parts = [part.strip() for part in re.split(r",|\s+(?=[<>=!~^])", chosen) if part.strip()]
    return ",".join(limit for part in parts if (limit := _limit(part)))


def _union(alternatives: Sequence[str]) -> str:
    """One range for ranges that meet or overlap; empty for others."""
    bounds = []
    for text in alternatives:
        match = _RANGE.fullmatch(text)
        if match is None:
            return ""
        bounds.append((Version(match[1]), Version(match[2]) if match[2] else None))
    bounds.sort(key=lambda pair: pair[0])
    first, end = bounds[0]
    for low, high in bounds[1:]:
        if end is not None and low > end:
            return ""
        end = None if end is None or high is None else max(end, high)
    return f">={first}" + (f",<{end}" if end is not None else "")


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
