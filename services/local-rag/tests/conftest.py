"""What all tests share: helpers on the path, and the models of the slow ones."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from models_fixture import (
    embedder,
    embedding_gguf,
    generator_gguf,
    language_model,
)

__all__ = ["embedder", "embedding_gguf", "generator_gguf", "language_model"]
