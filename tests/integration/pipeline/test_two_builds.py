"""A second build under other conditions, and the same package for two architectures."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.conftest import Debwright, Run

LEAKS = {
    "clock", "path", "user", "host-name", "umask", "time-zone", "processors", "home", "locale",
    "environment",
}  # fmt: skip


def check(report: dict[str, Any], target: str, name: str) -> dict[str, Any]:
    found = next(t for t in report["targets"] if t["target"] == target)
    return next(c for c in found["checks"] if c["name"] == name)


def test_everything_that_leaks_into_a_package_is_found(
    project: Callable[[str], Debwright],
) -> None:
    """One file of the package for each condition: what is not varied would not be found."""
    run = project("unreproducible")("check", "--reproducible")
    assert run.code == 4, run.said[-4000:]
    result = check(run.report(), "bookworm-amd64", "reproducible")
    assert result["status"] == "failed"
    place = "data.tar/./usr/share/unreproducible/"
    members = {f["message"].split()[0] for f in result["findings"]}
    assert {m.removeprefix(place) for m in members if m.startswith(place)} == LEAKS
    by_member = {f["message"].split()[0]: f for f in result["findings"]}
    told = " ".join(e["text"] for e in by_member[f"{place}path"]["evidence"])
    assert "/build/unreproducible-1.0" in told
    assert "another-place-to-build-in" in told
    kept = run.dist / "1.0/bookworm-amd64/second-build"
    assert [p.name for p in kept.iterdir()] == ["unreproducible_1.0_all.deb"]
    written = json.loads((run.dist / "1.0/bookworm-amd64/check.json").read_text())
    assert "reproducible" in {c["name"] for c in written["checks"]}


@pytest.fixture(scope="module")
def both(greeter_run: tuple[Debwright, Run]) -> tuple[Debwright, Run]:
    debwright, first = greeter_run
    assert first.code == 0, first.said[-3000:]
    questions = """
[[equivalence.questions]]
name = "health"
url = "http://127.0.0.1:8321/health"
compare = ["status"]

[[equivalence.questions]]
name = "hash"
command = "python3 -c 'import greeter._tally as t; print(t.hash64(b\\"x\\"))'"
"""
    path = debwright.directory / "debwright.toml"
    before = path.read_text()
    path.write_text(before + questions)
    try:
        return debwright, debwright("check", "--reproducible", "--equivalence")
    finally:
        path.write_text(before)


def test_greeter_is_reproducible_on_both_architectures(both: tuple[Debwright, Run]) -> None:
    _, run = both
    assert run.code == 0, run.said[-4000:]
    for target in ("bookworm-amd64", "bookworm-arm64"):
        result = check(run.report(), target, "reproducible")
        assert result["status"] == "passed"
        assert result["measurements"]["packages"] == result["measurements"]["identical_packages"]
        for name in ("clock", "path", "user", "locale", "umask", "time zone", "processors"):
            assert f"{name}: " in result["notes"][0], "it was varied, and is said to be"


def test_greeter_is_the_same_on_both_architectures(both: tuple[Debwright, Run]) -> None:
    _, run = both
    result = check(run.report(), "bookworm-arm64", "equivalence")
    assert result["status"] == "passed"
    assert not [f for f in result["findings"] if f["severity"] != "info"], result["findings"]
    assert result["measurements"]["questions"] == 2
    measured = result["measurements"]
    assert measured["modules"] == measured["imported_modules"] >= 2
    notes = " ".join(result["notes"])
    assert "bookworm-arm64, cross and bookworm-arm64, emulated: 1 package(s) compared" in notes
    assert "bookworm-arm64 needs at most GLIBC_2." in notes
