"""What all tests share: helpers on the path, and the models of the slow ones."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from models_fixture import (
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

__all__ = ["embedder", "embedding_gguf", "generator_gguf", "language_model"]
