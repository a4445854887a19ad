"""The scale of a model, its prefixes, and the test of a language model."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from kit.fakes import HashEmbedder
from local_rag.core.types import Message
from local_rag.models.calibration import PAIRS, Calibration, calibrate
from local_rag.models.exam import TASKS, examine
from local_rag.models.prompts import Prefixes, prefixes_of


class Twin:
    """Gives a question and its answer nearly the same vector."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        dice = np.random.default_rng(3)
        self.rows = dice.standard_normal((len(PAIRS), 32))

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        rows = self.rows + self.offset
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    embed_questions = embed


@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_each_model_has_a_scale_of_its_own(offset: float) -> None:
    scale = calibrate(Twin(offset))
    assert scale.usable
    assert scale.nearness(scale.unrelated) == pytest.approx(0)
    assert scale.nearness(scale.related) == pytest.approx(1)
    assert (scale.unrelated > 0.5) is (offset > 1)


def test_a_model_that_tells_nothing_apart_is_not_used() -> None:
    assert not Calibration(0.7, 0.71).usable
    scale = calibrate(HashEmbedder())
    assert isinstance(scale.usable, bool)


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        ("multilingual-e5-small", Prefixes("query: ", "passage: ")),
        ("intfloat_e5-base-v2.Q8_0", Prefixes("query: ", "passage: ")),
        ("nomic-embed-text-v1.5", Prefixes("search_query: ", "search_document: ")),
        ("all-MiniLM-L6-v2", Prefixes()),
        ("phase5", Prefixes()),
        ("make5-model", Prefixes()),
    ],
)
def test_prefixes_go_by_the_name(name: str, prefixes: Prefixes) -> None:
    assert prefixes_of(name) == prefixes


def test_the_first_name_that_is_known_counts() -> None:
    assert prefixes_of("mine", "multilingual-e5-small").question == "query: "


class Pupil:
    model_id = "pupil@0"
    context_tokens = 2048

    def __init__(self, *, knows: bool, refuses: bool) -> None:
        self.knows, self.refuses, self.asked = knows, refuses, 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float,
        stop: threading.Event,
    ) -> Iterator[str]:  # fmt: skip
        self.asked += 1
        task = next(t for t in TASKS if t.question in messages[1].content)
        if task.answer is None:
            yield "That is not in the passage." if self.refuses else "Bob."
        else:
            yield f"It is {task.answer}." if self.knows else "I am not sure."


@pytest.mark.parametrize(("knows", "refuses"), [(True, False), (False, True), (False, False)])
def test_one_half_alone_does_not_pass(knows: bool, refuses: bool) -> None:
    pupil = Pupil(knows=knows, refuses=refuses)
    outcome = examine(pupil)
    assert not outcome.passed
    assert pupil.asked < len(TASKS)
    assert f"{outcome.answered} of {outcome.answerable}" in outcome.summary


def test_who_knows_and_refuses_passes() -> None:
    outcome = examine(Pupil(knows=True, refuses=True))
    assert (outcome.passed, outcome.answered + outcome.refused) == (True, len(TASKS))
