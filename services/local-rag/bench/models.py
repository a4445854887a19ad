"""The real embedding model of the benches: the GGUF file that the tests make, or one named."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from local_rag.core.types import Embedder


def minilm() -> Path:
    """MiniLM as the tests make it; pytest's Skipped where its packages are not installed."""
    from kit.models import minilm_path

    return minilm_path()


def embedder(threads: int | None = None) -> Embedder:
    """Return MiniLM. $LOCAL_RAG_BENCH_MODEL may name another GGUF file."""
    from local_rag.models.embedder import load_embedder

    named = os.environ.get("LOCAL_RAG_BENCH_MODEL")
    return load_embedder(Path(named) if named else minilm(), threads)
