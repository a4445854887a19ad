"""Finding the passages that answer a question."""

from local_rag.search.hybrid import Searcher

__all__ = ["Searcher"]
