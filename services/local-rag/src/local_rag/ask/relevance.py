"""What is worth answering, from which passages, and whether an answer is one."""

import re
from collections.abc import Sequence

from local_rag.ask.citations import content_words
from local_rag.ask.prompt import NOT_IN_DOCUMENTS
from local_rag.core.errors import InvalidInput
from local_rag.core.types import Passage

MAX_QUESTION_CHARS = 4000
# A word such as ERR-4711, 3.2.1 or DCF77: if a passage spells it, that passage is about it, however
# far the vectors are apart.
_IDENTIFIER = re.compile(r"(?<!\w)(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z._-])[\w][\w.-]{2,}(?<![.-])")
# Short questions with one telling word ("Which tap?") lie this far below what is surely meant.
_NEARLY = 0.1


def check_question(question: str) -> str:
    """Return the question without spaces around it; raises InvalidInput for one of no use."""
    question = question.replace("\x00", " ").strip()
    if not question:
        raise InvalidInput("the question is empty", hint="ask something")
    if len(question) > MAX_QUESTION_CHARS:
        raise InvalidInput(
            f"the question is {len(question)} characters long, more than {MAX_QUESTION_CHARS}",
            hint="ask a shorter question; import long texts as documents",
        )
    return question


def relevant(question: str, passages: Sequence[Passage], threshold: float) -> tuple[Passage, ...]:
    """Return the passages worth answering from; none when nothing found is near enough.

    One is near when its cosine reaches the threshold or it spells an identifier of the question.
    A little below, or where no vectors were compared, it has to hold half of the question's words.
    """
    identifiers = {word.casefold() for word in _IDENTIFIER.findall(question)}
    words = set(content_words(question))

    def near(passage: Passage) -> bool:
        text = passage.text.casefold()
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in identifiers):
            return True
        cosine = passage.vector_score
        if cosine is None or threshold - _NEARLY <= cosine < threshold:
            shared = words & set(content_words(passage.text))
            return bool(words) and len(shared) * 2 >= len(words)
        return cosine >= threshold

    return tuple(passage for passage in passages if near(passage))


def says_not_found(text: str) -> bool:
    """Return whether a model's answer is that there is none in the passages."""
    said = re.sub(r"\W+", " ", text).strip().casefold()
    wanted = re.sub(r"\W+", " ", NOT_IN_DOCUMENTS).strip().casefold()
    return said.startswith(wanted) and len(said) <= len(wanted) + 40
