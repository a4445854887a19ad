"""A real index in a temporary directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import HashEmbedder
from local_rag.index import Store
from stocked import open_store


@pytest.fixture
def words() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def index(tmp_path: Path, words: HashEmbedder) -> Iterator[Store]:
    with open_store(tmp_path / "index.sqlite3", words) as store:
        yield store
        report = store.check("full")
    assert report.ok, report.problems
