"""For all tests: property tests have no deadline, since a busy machine must fail none of them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The options of this run are not for the runs of pytest that tests start.
os.environ.pop("PYTEST_ADDOPTS", None)

pytest_plugins = ["tests.kit.cost", "tests.kit.groups", "tests.kit.signals"]

settings.register_profile("debwright", deadline=None)
settings.load_profile("debwright")


@pytest.fixture(autouse=True, scope="session")
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where debwright keeps keys that it makes: not next to those of whoever runs the tests."""
    directory = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(directory))
        yield directory
