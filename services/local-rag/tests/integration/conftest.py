"""A real index in a temporary directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.fakes import HashEmbedder
from kit.stocked import open_store
from local_rag.index import Store


@pytest.fixture
def words() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def index(tmp_path: Path, words: HashEmbedder) -> Iterator[Store]:
    with open_store(tmp_path / "index.sqlite3", words) as store:
        yield store
        report = store.check("full")
    assert report.ok, report.problems
