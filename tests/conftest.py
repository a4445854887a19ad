"""For all tests: property tests have no deadline, since a busy machine must fail none of them."""

from hypothesis import settings

settings.register_profile("debwright", deadline=None)
settings.load_profile("debwright")
