"""What all tests share: the models of the slow ones, and time limits."""

import pytest
from hypothesis import HealthCheck, settings

from kit.models import (
    embedder,
    embedding_gguf,
    generator_gguf,
    language_model,
)

# Busy machines are slow, which is no fault of the code. The same examples each time, so that a run
# says something about the change at hand; `--hypothesis-profile=search` looks for new ones.
_PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_PATIENT)
settings.register_profile("search", max_examples=1000, **_PATIENT)
settings.load_profile("steady")

# Seconds; a busy machine is slow, and nothing here takes one on a free one.
_UNIT_TIMEOUT_S = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "unit" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_UNIT_TIMEOUT_S))


__all__ = ["embedder", "embedding_gguf", "generator_gguf", "language_model"]
