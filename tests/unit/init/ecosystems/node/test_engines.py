"""Ranges as npm writes them, against the node of a suite."""

import pytest

from debwright.init.ecosystems.node.engines import allows
from debwright.init.ecosystems.node.suites import fitting
from debwright.model.errors import UsageError

# As `npx semver -r RANGE 18.20.4 20.19.2` answers.
RANGES = [
    (">=18", True, True), (">= 18.0.0", True, True), ("18.x", True, False), ("18", True, False),
    ("^18", True, False), ("~18.20", True, False), ("~18.19.0", False, False),
    ("^18.20.4", True, False), ("^18.20.5", False, False), (">=20", False, True),
    (">18", False, True), (">18.20.3", True, True), ("<20", True, False), ("<=18", True, False),
    ("<=18.20.3", False, False), ("^16 || ^18 || >=20", True, True), ("16 || 20", False, True),
    (">=14 <19", True, False), (">=14.0.0 <=16", False, False), ("14 - 18", True, False),
    ("14 - 18.20.3", False, False), ("*", True, True), ("", True, True), ("x", True, True),
    ("^20.19.0 || >=22.12.0", False, True), ("^18.0.0 || ^20.0.0", True, True),
    ("22", False, False),
    (">=0.10", True, True), ("v18.20.4", True, False), ("node", True, True), ("~20", False, True),
    ("=18.20.4", True, False), ("~> 18", True, False),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "on_18", "on_20"), RANGES)
def test_a_range_allows_what_npm_says_it_does(wanted: str, on_18: bool, on_20: bool) -> None:
    assert (allows(wanted, "18.20.4"), allows(wanted, "20.19.2")) == (on_18, on_20)


def item(engines: str, *, optional: bool = False) -> dict[str, object]:
    return {"name": "vite", "version": "7.0.0", "engines": engines, "optional": optional}


def test_the_oldest_suite_that_fits_is_built_for() -> None:
    assert fitting({}, []).targets == ("bookworm-amd64", "bookworm-arm64")
    assert fitting({}, []).note is None
    found = fitting({"engines": {"node": ">=20"}}, [])
    assert found.targets == ("trixie-amd64", "trixie-arm64")
    assert found.note == (
        "built for trixie only: package.json asks for node >=20, and bookworm has 18.20.4"
    )
    found = fitting({"engines": {"node": ">=18"}}, [item("^20.19.0 || >=22.12.0")])
    assert found.suite == "trixie"
    assert "vite 7.0.0 asks for node" in str(found.note)
    assert fitting({}, [item(">=22", optional=True)]).suite == "bookworm"


def test_a_node_that_no_suite_has_is_refused_when_the_project_asks_for_it() -> None:
    with pytest.raises(UsageError, match="asks for node >=22, and no suite has it") as caught:
        fitting({"engines": {"node": ">=22"}}, [])
    assert caught.value.cause == "bookworm has 18.20.4, trixie has 20.19.2"
    found = fitting({"engines": {"node": ">=18"}}, [item(">=22")])
    assert found.suite == "bookworm"
    assert "no suite has what all dependencies ask for" in str(found.note)
    # Where none has it all, the one with which most are content.
    assert fitting({}, [item("^20.19.0 || >=22"), item(">=22")]).suite == "trixie"
