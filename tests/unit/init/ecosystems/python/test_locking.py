"""Locks with hashes that uv makes."""

from pathlib import Path

import pytest
from tests.kit.wheels import Index

from debwright.init.ecosystems.python.locking import (
    authors_versions,
    direct_addresses,
    lock,
)
from debwright.model.errors import MissingError, UsageError
from debwright.source.wheelhouse.lockfile import parse


def pins(text: str) -> dict[str, str]:
    return {pin.name: pin.version for pin in parse(text, "x")}


def test_what_is_needed_is_locked_with_all_it_needs(index: Index) -> None:
    index.add_wheel("clapper", "1.0")
    index.add_wheel("bell", "2.0", "clapper>=1", 'rope; extra == "tower"')
    index.add_wheel("rope", "3.0")
    made = lock(["bell[tower]>=1"], python="3.11")
    assert pins(made.text) == {"bell": "2.0", "clapper": "1.0", "rope": "3.0"}
    assert not made.built


def test_versions_of_last_time_stay(index: Index) -> None:
    index.add_wheel("bell", "1.0")
    before = lock(["bell"], python="3.11").text
    index.add_wheel("bell", "2.0")
    assert pins(lock(["bell"], python="3.11", before=before).text) == {"bell": "1.0"}
    assert pins(lock(["bell>=2"], python="3.11", before=before).text) == {"bell": "2.0"}


def test_the_authors_versions_are_kept(index: Index, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        index.add_wheel("bell", version)
    (tmp_path / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "bell"\nversion = "1.0"\n'
        '[[package]]\nname = "own"\nversion = "0.1"\nsource = { editable = "." }\n'
        '[[package]]\nname = "forked"\nversion = "1"\n[[package]]\nname = "forked"\nversion = "2"\n'
    )
    versions, name = authors_versions(tmp_path)
    assert (versions, name) == ({"bell": "1.0"}, "uv.lock")
    assert pins(lock(["bell"], python="3.11", versions=versions).text) == {"bell": "1.0"}
    loosened = lock(["bell>=2"], python="3.11", versions=versions)
    assert loosened.loosened
    assert pins(loosened.text) == {"bell": "2.0"}


def test_nothing_needed_is_a_lock_too() -> None:
    assert parse(lock([], python="3.11").text, "x") == ()


def test_what_cannot_be_found_is_named(index: Index) -> None:
    index.add_wheel("bell", "1.0")
    with pytest.raises(UsageError, match="fit together") as caught:
        lock(["bell>=2"], python="3.11")
    assert "bell" in caught.value.render()


def test_an_index_out_of_reach_is_not_the_projects_fault(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(MissingError, match="index could not be read"):
        lock(["bell"], python="3.11")


def test_addresses() -> None:
    wanted = ["a>=1", "b @ https://example.org/b.whl", "c; python_version > '3'", "git+https://x/y"]
    assert direct_addresses(wanted) == [wanted[1], wanted[3]]
