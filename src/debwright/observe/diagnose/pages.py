"""The documentation: a page for each code and a list of all, made from the rules.

python -m debwright.observe.diagnose.pages [DIRECTORY]
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from debwright.host.files import atomic_write
from debwright.observe.diagnose.rank import filled
from debwright.observe.diagnose.rules import Book, Rule, standard_book

INDEX = "README.md"
RANGES = {1: "Build", 2: "Validation", 3: "Infrastructure"}


def pages(book: Book) -> dict[str, str]:
    """File name to text."""
    by_code: dict[int, list[tuple[str, Rule]]] = defaultdict(list)
    for topic, rule in book.rules:
        by_code[rule.code].append((topic, rule))
    made = {f"{number}.md": _page(number, rules) for number, rules in by_code.items()}
    made[INDEX] = _index(by_code, book)
    return made


def _shown(text: str, rule: Rule) -> str:
    """A text with the names of what is filled in."""
    names = {n: n.upper() for p in rule.match for n in _names(p)}
    return filled(text, names)


def _names(pattern: str) -> list[str]:
    return [part.split(">", 1)[0] for part in pattern.split("(?P<")[1:]]


def _page(number: int, rules: list[tuple[str, Rule]]) -> str:
    lines = [f"# {number}: {rules[0][1].name}", ""]
    for topic, rule in rules:
        lines += [
            f"{RANGES[number // 1000]}, {topic}. How sure: {rule.confidence} %.", "",
            f"**{_shown(rule.title, rule).strip()}.**", "",
        ]  # fmt: skip
        lines += [f"Likely cause: {_shown(rule.cause, rule)}.", ""] if rule.cause else []
        lines += [rule.why, ""] if rule.why else []
        lines += ["## What to do", "", *(f"- `{_shown(f, rule)}`" for f in rule.fix), ""]
        lines += ["## How it looks in a log", "", "```text"]
        lines += [e.log for e in rule.examples]
        lines += ["```", ""]
        if not rule.sure:
            lines += ["Such a line counts only where the log tells of a failure after it, "
                      "or ends with it.", ""]  # fmt: skip
        if rule.survivable:
            lines += ["Programs meet this and go on. It counts where the work breaks off soon "
                      "after, and nothing else went wrong in between.", ""]  # fmt: skip
        if rule.hides:
            codes = ", ".join(f"[{c}]({c}.md)" for c in rule.hides)
            lines += [f"What only follows from it: {codes}.", ""]
    return "\n".join(lines)


def _index(by_code: Mapping[int, list[tuple[str, Rule]]], book: Book) -> str:
    lines = [
        "# Diagnosis codes", "",
        "`debwright diagnose` names problems by these codes; they do not change. The pages are",
        "made from the rules by `python -m debwright.observe.diagnose.pages`.", "",
    ]  # fmt: skip
    for first, name in RANGES.items():
        lines += [f"## {name} ({first}xxx)", "", "| code | name | topic |", "| --- | --- | --- |"]
        lines += [
            f"| [{number}]({number}.md) | {rules[0][1].name} | {rules[0][0]} |"
            for number, rules in sorted(by_code.items()) if number // 1000 == first
        ]  # fmt: skip
        lines.append("")
    lines += ["## Topics", ""]
    lines += [f"- {topic}: {about}" for topic, about in sorted(book.topics.items())]
    return "\n".join(lines) + "\n"


def write_pages(directory: Path, book: Book | None = None) -> int:
    """Write all pages, and remove those of codes that are gone; how many there are."""
    directory.mkdir(parents=True, exist_ok=True)
    made = pages(book or standard_book())
    for path in directory.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        atomic_write(directory / name, text)
    return len(made)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/diagnosis"))
