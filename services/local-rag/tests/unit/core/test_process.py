"""What child processes are given."""

from pathlib import Path

import pytest

from local_rag.core import process as child
from local_rag.documents.extraction import Extraction
from local_rag.documents.formats import Source


def test_a_child_is_given_no_more_than_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RAG_TOKEN", "secret-of-the-service")
    monkeypatch.setenv("LANG", "C.UTF-8")
    given = child.environment(("LANG", "NOT_SET"))
    assert set(given) == {"LANG"}


def test_documents_are_read_where_only_the_parent_knows_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a package: what this process was told by other means than the environment.
    (tmp_path / "sitecustomize.py").write_text("")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with Extraction() as extraction:
        found = extraction.extract(Source(data=b"<title>T</title><p>x", name="x.html"))
    assert found.title == "T"
