"""Each live check has a page, and each finding is on it."""

import re
from pathlib import Path

import pytest

from debwright.checks import run

TOP = Path(__file__).parents[3]
PAGES = TOP / "docs/checks"
CODE = re.compile(r'"([a-z]+/[a-z-]+)"')
# What waiting for health finds is told by other checks under names of their own.
WAITED = {"restart", "reload", "steady", "reboot", "upgrade", "downgrade"}


def codes() -> set[str]:
    names = {*run.NAMES, "start", "infrastructure"}
    sources = (TOP / "src/debwright/checks").rglob("*.py")
    found = {c for p in sources for c in CODE.findall(p.read_text())}
    # Told under the name of the check that has waited; and findings of `contents`.
    elsewhere = {"service/ended", "files/owner", "files/place", "files/special"}
    return {c for c in found if c.split("/")[0] in names} - elsewhere


@pytest.mark.parametrize("name", ["install", *(c.name for c in run.LIVE)])
def test_a_live_check_has_a_page(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert "## Configure" in page
    missing = {c for c in codes() if c.startswith(f"{name}/") and f"`{c}`" not in page}
    assert not missing
    if name in WAITED:
        assert f"`{name}/unhealthy`" in page
