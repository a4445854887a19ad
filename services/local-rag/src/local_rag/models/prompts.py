"""What an embedding model wants before a question and before a passage.

Some models were trained with a word in front of each text that says which of the two it is, and
find far less without it. A GGUF file has no key for it, so the model is known by its name; the
prefixes are those of the models' own cards.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prefixes:
    """What goes before a question, and before a passage."""

    question: str = ""
    passage: str = ""


# The first pattern that a model's name (file name or general.name) holds is taken.
_KNOWN: tuple[tuple[str, Prefixes], ...] = (
    (r"e5-.*instruct", Prefixes(
        "Instruct: Given a question, retrieve passages that answer it\nQuery: "
    )),
    (r"(^|[^a-z0-9])e5[^a-z0-9]", Prefixes("query: ", "passage: ")),
    (r"nomic-embed", Prefixes("search_query: ", "search_document: ")),
    (r"embedding-?gemma", Prefixes("task: search result | query: ", "title: none | text: ")),
    (r"arctic-embed.*v2", Prefixes("query: ")),
    (r"bge-(small|base|large)-en|arctic-embed|mxbai-embed", Prefixes(
        "Represent this sentence for searching relevant passages: "
    )),
    (r"qwen3-embedding", Prefixes(
        "Instruct: Given a question, retrieve passages that answer it\nQuery: "
    )),
)  # fmt: skip


def prefixes_of(*names: str) -> Prefixes:
    """Return the prefixes of a model that has one of these names; none for a model not known."""
    for name in names:
        folded = name.casefold().replace("_", "-")
        for pattern, prefixes in _KNOWN:
            if re.search(pattern, folded):
                return prefixes
    return Prefixes()
