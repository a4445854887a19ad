"""What tests of `init` share: a package index in a directory, in place of PyPI."""

from pathlib import Path

import pytest
from tests.kit.installing import INSTALL
from tests.kit.wheels import Index


@pytest.fixture(autouse=True)
def _published(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a debwright that comes from a commit of a server."""
    monkeypatch.setattr("debwright.init.flows.installed_from", lambda: INSTALL)


@pytest.fixture
def index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An empty index, which uv asks; nothing else is asked, and nothing of it is kept."""
    home = tmp_path_factory.mktemp("index")
    monkeypatch.setenv("UV_DEFAULT_INDEX", home.as_uri())
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv")))
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return Index(Path(home))
