"""What the end-to-end tests share."""

import os
from pathlib import Path

import pytest

from tests.integration.docs.places import TARGET, TOP
from tests.kit.projects import published

# Four targets, two of them emulated, in up to four releases; llama.cpp is compiled twice at first.
MOST_SECONDS = 5 * 60 * 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.timeout(MOST_SECONDS))


@pytest.fixture(autouse=True)
def _needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("booting systems needs root")


@pytest.fixture(scope="session")
def local_rag_dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dist` of `debwright run` on local-rag, for one target."""
    path = tmp_path_factory.mktemp("local-rag")
    published(TOP / "services/local-rag", [str(TARGET)], "-o", str(path))
    return path
