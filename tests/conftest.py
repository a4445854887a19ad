"""For all tests: property tests have no deadline, since a busy machine must fail none of them."""

import os

from hypothesis import settings

# The options of this run are not for the runs of pytest that tests start.
os.environ.pop("PYTEST_ADDOPTS", None)

pytest_plugins = ["tests.kit.cost", "tests.kit.groups", "tests.kit.signals"]

settings.register_profile("debwright", deadline=None)
settings.load_profile("debwright")
