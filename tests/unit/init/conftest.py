"""What tests of `init` share: a package index in a directory, in place of PyPI."""

from pathlib import Path

import pytest
from tests.kit.wheels import Index


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An empty index, which uv asks; nothing else is asked, and nothing of it is kept."""
    home = tmp_path_factory.mktemp("index")
    monkeypatch.setenv("UV_DEFAULT_INDEX", home.as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv")))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return Index(Path(home))
