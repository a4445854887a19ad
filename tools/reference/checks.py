"""The list of checks, from the pipeline's own order and from each one's page."""

from collections.abc import Iterator
from pathlib import Path

from debwright.checks import run
from debwright.checks.engine.base import ASKED_FOR
from tools.reference import text

PAGES = Path(__file__).parents[2] / "docs/checks"
# Parts of other checks' pages, and what is no check but belongs to them.
OTHERS = ("waivers",)


def markdown() -> str:
    """docs/checks/README.md."""
    live = ["install", *(c.name for c in run.LIVE)]
    lines = [
        "# Checks",
        "",
        "Every target passes these, in this order, before anything is published. A check that",
        "cannot run says *skipped* and why; it never counts as passed. `[checks]` in",
        "`debwright.toml` makes a check's errors warnings or leaves it out, [waivers](waivers.md)",
        "accept one finding until a day.",
        "",
    ]
    groups = (
        ("On the files", [*(c.name for c in run.STATIC), "dependencies"]),
        ("On a booted system", live),
        ("When asked for", list(ASKED_FOR)),
    )
    for heading, names in groups:
        lines += [f"## {heading}", "", *text.table(("check", "what it does"), _rows(names)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        page = PAGES / f"{name}.md"
        if page.is_file():
            yield f"[{name}]({name}.md)", _first(page)
        elif name in ASKED_FOR:
            yield name, f"`debwright check --{name}`: see [two builds compared](../two-builds.md)"
        else:
            yield name, "what lintian says of the packages, at the severities of `[lintian]`"


def _first(page: Path) -> str:
    """The first sentence under a page's title."""
    body = next(p for p in text.paragraphs(page.read_text("utf-8")) if not p.startswith("#"))
    return body.split(". ")[0].rstrip(".:")
