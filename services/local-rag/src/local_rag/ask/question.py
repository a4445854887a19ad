"""Whether a question can be asked."""

from local_rag.core.errors import InvalidInput

MAX_QUESTION_CHARS = 4000


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
