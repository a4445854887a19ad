"""What the cosines of an embedding model mean, measured when it is first used.

One model gives 0.75 to two texts that have nothing to do with each other, another one 0.05; a
cut-off that fits one is wrong for the next. So each model is given questions with the sentences
that answer them, in several languages, and cosines are told on the scale between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Written for this; they must be short, and as unlike each other as notes of one household.
PAIRS: tuple[tuple[str, str], ...] = (
    ("When is the boiler serviced?", "The boiler is serviced every October by the firm Lindt."),
    ("How long is the bridge over the Ohre?", "The bridge over the Ohre is 212 metres long."),
    ("Who founded the choir?", "The choir was founded in 1924 by the teacher Anna Weiss."),
    ("Why did the ferry stop running?", "The ferry was given up because the harbour silted up."),
    ("Which plants need shade?", "Ferns and hostas should stand out of the sun."),
    ("What does membership cost?", "Members pay 48 euros a year, students half of it."),
    ("Wo liegt der Ersatzschlüssel?", "Der Ersatzschlüssel hängt hinter der Kellertür."),
    ("Wie viele Einwohner hat der Ort?", "In der Gemeinde leben 3120 Menschen."),
    ("Wann wurde die Mühle gebaut?", "Die Mühle stammt aus dem Jahr 1786."),
    ("Quand ferme la bibliothèque ?", "La bibliothèque est ouverte jusqu'à dix-neuf heures."),
    ("¿Quién pintó el retablo?", "El retablo es obra del pintor Juan de Soria."),
    ("Quanto pesa la campana?", "La campana maggiore pesa circa due tonnellate."),
    ("Кто построил маяк?", "Маяк был построен инженером Петровым в 1871 году."),
    ("这条河有多长？", "这条河全长约三百公里。"),
    ("متى تأسست المدرسة؟", "تأسست المدرسة في عام 1932."),
    ("बाँध कब बना?", "यह बाँध 1964 में बनकर तैयार हुआ।"),
)
LEAST_SPAN = 0.05


class _Embeds(Protocol):
    def embed(self, texts: Sequence[str]) -> "NDArray[np.float32]": ...

    def embed_questions(self, texts: Sequence[str]) -> "NDArray[np.float32]": ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """The cosine of a question and a sentence that has nothing to do with it, and that answers it.

    Both are medians over `PAIRS`.
    """

    unrelated: float
    related: float

    @property
    def usable(self) -> bool:
        """False for a model that does not tell answers from anything else."""
        return self.related - self.unrelated >= LEAST_SPAN

    def nearness(self, cosine: float) -> float:
        """Return a cosine on the scale of the model: 0 is unrelated, 1 answers the question."""
        span = max(self.related - self.unrelated, LEAST_SPAN)
        return (cosine - self.unrelated) / span


def calibrate(model: _Embeds) -> Calibration:
    """Measure a model; takes as long as some thirty short sentences."""
    questions = model.embed_questions([question for question, _ in PAIRS])
    answers = model.embed([answer for _, answer in PAIRS])
    cosines = questions @ answers.T
    own = np.eye(len(PAIRS), dtype=bool)
    return Calibration(
        unrelated=float(np.median(cosines[~own])), related=float(np.median(cosines[own]))
    )


def centre_of(model: object) -> "NDArray[np.float32] | None":
    """Return the middle of a model's vectors, where the model tells it; measured once."""
    measure = getattr(model, "centre", None)
    return measure() if callable(measure) else None
