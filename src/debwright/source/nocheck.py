"""What debian/rules does otherwise under DEB_BUILD_OPTIONS=nocheck, next to running no tests.

Policy 4.9.1 lets `nocheck` leave out a build's tests and nothing else, but rules are make(1)'s, and
some build or configure by it. A cross build has it always, so its packages may be others.
"""

import re
from pathlib import Path

LIMIT = 1024 * 1024
_WORD = re.compile(r"\bnocheck\b")
_OPENS = re.compile(r"^\s*(?:else\s+)?(ifeq|ifneq|ifdef|ifndef)\b")
_CLOSES = re.compile(r"^\s*endif\b")
_ELSE = re.compile(r"^\s*else\b")
_RULE = re.compile(r"^(?P<targets>[^\s#:=][^#:=]*?)\s*::?(?![=:])")
_ABOUT_TESTS = re.compile(r"(?:^|[-_./)])(?:auto[-_])?(?:tests?|checks?|installcheck)(?:$|[-_./%])")
# What a condition holds that is no act: a comment, nothing, or make's own words on targets.
_IDLE = re.compile(r"^\s*(?:#.*|\.PHONY\s*:.*)?$")


def beyond_tests(rules: str) -> list[tuple[int, str]]:
    """Lines of a debian/rules that decide by `nocheck` about more than tests, with their numbers.

    Recipes of targets that are about tests by name, and such targets within a condition, are what
    the option is for. A line may be reported that changes nothing in the end: nobody can know what
    a make variable is used for.
    """
    found: list[tuple[int, str]] = []
    target_is_test = False
    depth, conditions = 0, list[tuple[int, int, str]]()
    for number, line in _logical(rules):
        recipe = line.startswith("\t")
        opens = not recipe and _OPENS.match(line) is not None
        closes = not recipe and _CLOSES.match(line) is not None
        if opens and not _ELSE.match(line):
            depth += 1
            if _WORD.search(line):
                conditions.append((depth, number, line.strip()))
            continue
        if closes:
            if conditions and conditions[-1][0] == depth:
                conditions.pop()
            depth = max(0, depth - 1)
            continue
        if _IDLE.match(line) or (not recipe and _ELSE.match(line)):
            continue
        if (rule := _RULE.match(line)) is not None and not recipe:
            names = rule["targets"].split()
            target_is_test = all(_ABOUT_TESTS.search(name) for name in names)
        elif not recipe and not line.startswith(" "):
            target_is_test = False
        if target_is_test:
            continue
        if conditions:
            _, at, text = conditions[-1]
            if (at, text) not in found:
                found.append((at, text))
        elif _WORD.search(line.split("#", 1)[0] if not recipe else line):
            found.append((number, line.strip()))
    return found


def rules_of(directory: Path) -> str:
    """debian/rules of a tree; empty where it cannot be read."""
    try:
        with (directory / "debian/rules").open(encoding="utf-8", errors="replace") as file:
            return file.read(LIMIT)
    except OSError:
        return ""


def _logical(text: str) -> list[tuple[int, str]]:
    """Lines with those that a backslash continues, under the number of the first."""
    lines: list[tuple[int, str]] = []
    open_ = False
    for number, line in enumerate(text.splitlines(), 1):
        if open_:
            lines[-1] = (lines[-1][0], f"{lines[-1][1].removesuffix(chr(92))} {line.strip()}")
        else:
            lines.append((number, line))
        open_ = line.endswith("\\")
    return lines
