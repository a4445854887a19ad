"""Every check on package files has a page, and the page names every code it can give."""

import re
from pathlib import Path

import pytest

from debwright.checks.run import STATIC

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs/checks"
MODULES = ROOT / "src/debwright/checks"
MINE = [*(c.name for c in STATIC), "dependencies"]


@pytest.mark.parametrize("name", MINE)
def test_a_check_has_a_page_with_its_codes(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    (module,) = (
        p for room in ("files", "live") for p in [MODULES / room / f"{name}.py"] if p.is_file()
    )
    source = module.read_text()
    codes = set(
        re.findall(r"\"((?:elf|files|buildpath|malware|sbom|dependencies)/[a-z-]+)\"", source)
    )
    assert {c for c in codes if c not in page} == set()
