"""Ranges of versions as npm writes them (node-semver, "Ranges"), against the node of a suite."""

import re
from collections.abc import Iterator

Version = tuple[int, int, int]

_PARTIAL = r"[v=\s]*(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.+-]*)?"
_COMPARATOR = re.compile(rf"(>=|<=|>|<|=|\^|~>?|)\s*{_PARTIAL}")
_HYPHEN = re.compile(rf"\s*{_PARTIAL}\s+-\s+{_PARTIAL}\s*")
_LAST: Version = (10**9, 0, 0)


def version(text: str) -> Version:
    """The three numbers of `18.20.4`."""
    numbers = [int(n) for n in re.findall(r"\d+", text)[:3]]
    return (*numbers, 0, 0, 0)[:3]  # type: ignore[return-value]


def allows(wanted: str, have: str) -> bool:
    """Whether the range `wanted` has the version `have`; what is no range allows everything."""
    ranges = [list(_bounds(part)) for part in wanted.split("||")]
    if not any(ranges):
        return True
    found = version(have)
    return any(bounds and all(low <= found < high for low, high in bounds) for bounds in ranges)


def _bounds(part: str) -> Iterator[tuple[Version, Version]]:
    """The lowest version that each comparator allows, and the first one above."""
    if match := _HYPHEN.fullmatch(part):
        low, _ = _span(match.groups()[:3])
        _, high = _span(match.groups()[3:])
        yield low, high
        return
    if not part.strip():
        yield (0, 0, 0), _LAST
        return
    for match in _COMPARATOR.finditer(part):
        yield _comparator(match[1], match.groups()[1:4])


def _comparator(sign: str, parts: tuple[str | None, ...]) -> tuple[Version, Version]:
    low, above = _span(parts)
    nothing = (0, 0, 0)
    known: dict[str, tuple[Version, Version]] = {
        ">=": (low, _LAST),
        ">": (above, _LAST),
        "<": (nothing, low),
        "<=": (nothing, above),
        "^": (low, _caret(low, above)),
        "~": (low, _tilde(low, above)),
        "~>": (low, _tilde(low, above)),
    }
    return known.get(sign, (low, above))


def _tilde(low: Version, above: Version) -> Version:
    """`~` allows what changes the last number only, or the second where there is but one."""
    return above if above[2] == 0 else (low[0], low[1] + 1, 0)


def _span(parts: tuple[str | None, ...]) -> tuple[Version, Version]:
    """What a version with or without its last numbers stands for: `18` is all of 18."""
    known = []
    for part in parts:
        if part is None or not part.isdecimal():
            break
        known.append(int(part))
    if not known:
        return (0, 0, 0), _LAST
    padded = (*known, 0, 0)[:3]
    raised = (*known[:-1], known[-1] + 1, 0, 0)[:3]
    return padded, raised  # type: ignore[return-value]


def _caret(low: Version, above: Version) -> Version:
    """`^` allows what does not change the first number that is not 0."""
    if low[0]:
        return low[0] + 1, 0, 0
    return (0, low[1] + 1, 0) if low[1] else above
