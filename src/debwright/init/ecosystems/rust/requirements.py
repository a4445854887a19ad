"""Requirements of Cargo, and whether a version meets one.

Source: the Cargo book, "Specifying Dependencies".
"""

import re
from collections.abc import Iterator

_PART = re.compile(
    r"\s*(?P<op>\^|~|=|>=|>|<=|<)?\s*(?P<numbers>\d+(?:\.(?:\d+|\*))*|\*)\s*", re.ASCII
)
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", re.ASCII)

Version = tuple[int, int, int]


def version(text: str) -> Version:
    """`text` as numbers; what is missing is 0, and what comes before a release counts as it."""
    match = _VERSION.match(text)
    return tuple(int(n or 0) for n in match.groups()) if match else (0, 0, 0)  # type: ignore[return-value]


def compatible(text: str) -> str:
    """The part of a version that its compatible ones share, as Debian's packages are named."""
    major, minor, patch = version(text)
    if major:
        return str(major)
    return f"0.{minor}" if minor else f"0.0.{patch}"


def meets(found: str, requirement: str) -> bool:
    """Whether the version `found` is one that `requirement` allows; a malformed one allows none."""
    return all(
        low <= version(found) and (high is None or version(found) < high)
        for low, high in _ranges(requirement)
    )


def _ranges(requirement: str) -> Iterator[tuple[Version, Version | None]]:
    for part in requirement.split(","):
        match = _PART.fullmatch(part.partition("-")[0])
        if match is None:
            yield (1, 0, 0), (0, 0, 0)
        elif match["numbers"] != "*":
            yield _range(match["op"] or "", match["numbers"])


def _range(operator: str, numbers: str) -> tuple[Version, Version | None]:
    given = [int(n) for n in numbers.split(".") if n != "*"][:3]
    low = version(numbers)
    after = _after(given, len(given))
    ranges: dict[str, tuple[Version, Version | None]] = {
        ">=": (low, None),
        ">": (after, None),
        "<": ((0, 0, 0), low),
        "<=": ((0, 0, 0), after),
        "=": (low, after),
        "~": (low, _after(given, min(2, len(given)))),
    }
    if operator in ranges:
        return ranges[operator]
    if "*" in numbers:
        return low, after
    # Caret: up to the next change of the first number that is not 0.
    place = next((n for n, value in enumerate(given, 1) if value), len(given))
    return low, _after(given, place)


def _after(given: list[int], places: int) -> Version:
    """The first version beyond those that begin with the first `places` numbers."""
    raised = [*given, 0, 0, 0][:places]
    raised[-1] += 1
    return version(".".join(map(str, raised)))
