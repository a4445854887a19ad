"""docs/bad-packages.md lists exactly the bad packages that the tests make."""

from pathlib import Path

from tests.integration.checks import test_defects, test_live_checks, test_units
from tests.kit.caught import CASES
from tests.unit.checks.test_bad_packages import BAD

PAGE = Path(__file__).parents[3] / "docs/bad-packages.md"
HEAD = "| package | check | finding | severity |\n| --- | --- | --- | --- |\n"


def table() -> str:
    """The table as it must stand on the page."""
    static = sorted((b.check, n, b.code, b.severity) for n, b in BAD.items())
    live = sorted((c.check, c.what, c.code, c.severity) for c in CASES)
    rows = [f"| {what} | {check} | `{code}` | {how} |\n" for check, what, code, how in static]
    rows += ["| **On a running system** | | | |\n"]
    rows += [f"| {what} | {check} | `{code}` | {how} |\n" for check, what, code, how in live]
    return HEAD + "".join(rows)


def test_the_page_lists_every_bad_package() -> None:
    assert test_live_checks.LIVE, "importing it fills the register"
    assert test_units.EVERY_KIND
    assert test_defects.MANY
    assert len(BAD) + len(CASES) >= 40
    assert table() in PAGE.read_text(), f"the table must be:\n{table()}"
