"""The list of checks, in their order, with the first sentence of each one's page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from debwright.checks import registry
from debwright.checks.engine.base import Check
from tools.reference import text

PAGES = Path(__file__).parents[2] / "docs/checks"
# Parts of other checks' pages, and what is no check but belongs to them.
OTHERS = ("waivers",)


def markdown() -> str:
    """docs/checks/README.md."""
    lines = [
        "# Checks",
        "",
        "Every target passes these, in this order, before anything is published. A check that",
        "cannot run says *skipped* and why; it never counts as passed. `[checks]` in",
        "`debwright.toml` makes a check's errors warnings or leaves it out, [waivers](waivers.md)",
        "accept one finding until a day.",
        "",
    ]
    groups: tuple[tuple[str, Sequence[Check]], ...] = (
        ("On the files", [*registry.file_checks(), registry.DEPENDENCIES]),
        ("On a booted system", [registry.INSTALL, *registry.LIVE]),
        ("When asked for", [c for c in registry.every_check() if c.asked_for]),
    )
    for heading, checks in groups:
        lines += [f"## {heading}", "", *text.table(("check", "what it does"), _rows(checks)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(checks: Sequence[Check]) -> Iterator[tuple[str, str]]:
    for check in checks:
        page = PAGES / f"{check.name}.md"
        if page.is_file():
            yield f"[{check.name}]({check.name}.md)", _first(page)
        else:
            see = "[two builds compared](../two-builds.md)"
            yield check.name, f"`debwright check --{check.name}`: see {see}"


def _first(page: Path) -> str:
    """The first sentence under a page's title."""
    body = next(p for p in text.paragraphs(page.read_text("utf-8")) if not p.startswith("#"))
    return body.split(". ")[0].rstrip(".:")
