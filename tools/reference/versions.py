"""Versions: the suites debwright knows, and what it is tested with."""

import re
from collections.abc import Iterator
from pathlib import Path

from debwright.model.suites import SUITES
from tools.reference import text

TOP = Path(__file__).parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.M)


def pins(name: str) -> list[tuple[str, str]]:
    """What a lock of requirements/ names, in its order."""
    return _PIN.findall((TOP / "requirements" / name).read_text(encoding="utf-8"))


def markdown() -> str:
    """docs/reference/versions.md."""
    run = pins("run.txt")
    lines = [
        "# Versions",
        "",
        "## Suites",
        "",
        "What debwright knows without configuration; `[suites.NAME]` adds others. That a suite is",
        "known does not say that it was tested: see [the roadmap](../roadmap.md).",
        "",
        *text.table(
            ("suite", "distribution", "released", "python3", "C library", "architectures"),
            _suites(),
        ),
        "",
        "## Python distributions",
        "",
        "debwright runs with these, pinned by hash in `requirements/run.txt`; its Debian package",
        "carries them.",
        "",
        *text.table(("distribution", "version"), run),
    ]
    return "\n".join(lines) + "\n"


def _suites() -> Iterator[tuple[str, ...]]:
    for suite in SUITES.values():
        number = f" {suite.release}" if suite.release else ""
        yield (
            f"`{suite.name}`",
            f"{suite.distribution}{number}",
            suite.published or "",
            f"{suite.python}.{suite.python_patch}" if suite.python else "",
            suite.glibc or "",
            ", ".join(sorted(suite.architectures)),
        )
