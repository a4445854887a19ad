"""A small test of a language model: whether it answers from a passage, and refuses when it cannot.

What a model writes is checked sentence by sentence anyway; this tells whether it is worth waiting
for. A model of 135 million parameters finds a few of the answers and refuses next to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from local_rag.core.types import Generator, Message

PASS = 0.75
_MAX_TOKENS = 40
_REFUSAL = "That is not in the passage."
_SYSTEM = (
    "Answer the question from the passage and from nothing else, in a few words. "
    f"If the passage does not hold the answer, say only: {_REFUSAL}"
)


@dataclass(frozen=True, slots=True)
class Task:
    """A passage, a question, and what the answer must hold; None when the passage has none."""

    passage: str
    question: str
    answer: str | None


_BOAT = (
    "The ferry Marie was built in 1911 at the yard of Harms in Lauenburg. She carries 40 people "
    "and crosses the river every half hour, except on Mondays. Since 1987 she has had an engine."
)
_BEES = (
    "Die Bienen stehen seit April im Obstgarten. Herr Ahlers sieht jeden Samstag nach ihnen. Im "
    "letzten Jahr gaben die sechs Völker 84 Kilogramm Honig."
)
_OVEN = (
    "The bread oven needs three hours to heat up. Loaves of one kilogram bake for 55 minutes. Ash "
    "is taken to the zinc bucket behind the bakehouse, never to the compost."
)
# Those without an answer come first and in turn: what fails, fails early.
TASKS: tuple[Task, ...] = (
    Task(_BOAT, "Who is the captain of the ferry?", None),
    Task(_BOAT, "When was the ferry built?", "1911"),
    Task(_BEES, "Wie heißt der Hund von Herrn Ahlers?", None),
    Task(_BEES, "Wie viel Honig gab es im letzten Jahr?", "84"),
    Task(_BOAT, "What does a ticket cost?", None),
    Task(_OVEN, "How long does a loaf of one kilogram bake?", "55"),
    Task(_OVEN, "Which flour is used?", None),
    Task(_BEES, "Wer sieht nach den Bienen?", "ahlers"),
    Task(_OVEN, "When was the bakehouse built?", None),
    Task(_OVEN, "Where does the ash go?", "bucket"),
    Task(_BOAT, "On which day does the ferry not run?", "monday"),
    Task(_BOAT, "How many people does she carry?", "40"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tasks of each kind were right, of those that were put; `passed` when enough were."""

    answered: int
    answerable: int
    refused: int
    unanswerable: int
    passed: bool

    @property
    def summary(self) -> str:
        """What it came to, in a sentence."""
        found = f"{self.answered} of {self.answerable} answers were right"
        return f"{found}, {self.refused} of {self.unanswerable} questions without one refused"


def examine(model: Generator, tasks: Sequence[Task] = TASKS) -> Outcome:
    """Put tasks to a model until all are done or too many of one kind went wrong.

    Takes as long as a dozen short answers at most.
    """
    right = {True: 0, False: 0}
    put = {True: 0, False: 0}
    for task in tasks:
        answerable = task.answer is not None
        put[answerable] += 1
        right[answerable] += _is_right(task, _ask(model, task).casefold())
        every = sum((other.answer is not None) == answerable for other in tasks)
        if put[answerable] - right[answerable] > (1 - PASS) * every:
            return Outcome(right[True], put[True], right[False], put[False], passed=False)
    return Outcome(right[True], put[True], right[False], put[False], passed=True)


def _is_right(task: Task, said: str) -> bool:
    declined = "not in the passage" in said
    return declined if task.answer is None else task.answer in said and not declined


def _ask(model: Generator, task: Task) -> str:
    messages = (
        Message(role="system", content=_SYSTEM),
        Message(role="user", content=f"Passage:\n{task.passage}\n\nQuestion: {task.question}"),
    )
    pieces = model.stream(messages, max_tokens=_MAX_TOKENS, temperature=0, stop=Event())
    return "".join(pieces)
