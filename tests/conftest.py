"""For all tests: property tests have no deadline, since a busy machine must fail none of them."""

from hypothesis import settings

pytest_plugins = ["tests.kit.cost", "tests.kit.groups", "tests.kit.signals"]

settings.register_profile("debwright", deadline=None)
settings.load_profile("debwright")
