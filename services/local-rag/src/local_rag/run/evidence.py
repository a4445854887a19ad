"""What the open index and the loaded embedding model know of a question."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from local_rag.core.errors import RagError
from local_rag.core.types import Embedder
from local_rag.models.calibration import Calibration, calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from local_rag.index import Store
    from local_rag.index.keyword import QueryWord

# Sentences are compared again when a question is put in other words; a vector takes 1.5 kB.
_KEPT_VECTORS = 2048


class LiveEvidence:
    """Asks the index and the model as they are now. Safe to use from several threads.

    `embedder` returns the model, or raises when there is none that fits the index.
    """

    def __init__(self, store: "Callable[[], Store]", embedder: Callable[[], Embedder]) -> None:
        self._store, self._embedder = store, embedder
        self._lock = threading.Lock()
        self._calibrations: dict[str, Calibration] = {}
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()

    def weigh(self, question: str) -> "Sequence[QueryWord]":
        """Return the telling words of a question and how rare they are."""
        return self._store().keywords.weigh(question)

    def chunks(self) -> int:
        """Return how many chunks there are."""
        return self._store().chunks.count()

    def nearness(self, question: str, texts: Sequence[str]) -> Sequence[float] | None:
        """Return how near each text is to a question; None without a model."""
        model = self._model()
        if model is None:
            return None
        scale = self.calibration(model)
        if not scale.usable:
            return None
        asked = model.embed_questions([question])[0]
        return [scale.nearness(float(vector @ asked)) for vector in self._embedded(model, texts)]

    def scaled(self, cosine: float) -> float | None:
        """Return a cosine on the scale of the model; None without one."""
        model = self._model()
        scale = None if model is None else self.calibration(model)
        return scale.nearness(cosine) if scale is not None and scale.usable else None

    def calibration(self, model: Embedder) -> Calibration:
        """Return the scale of a model, measured the first time."""
        with self._lock:
            known = self._calibrations.get(model.model_id)
            if known is None:
                known = self._calibrations[model.model_id] = calibrate(model)
            return known

    def _model(self) -> Embedder | None:
        try:
            return self._embedder()
        except RagError:
            return None

    def _embedded(self, model: Embedder, texts: Sequence[str]) -> "Sequence[NDArray[np.float32]]":
        with self._lock:
            known = {text: self._vectors.get((model.model_id, text)) for text in texts}
        missing = [text for text, vector in known.items() if vector is None]
        if missing:
            fresh = model.embed(missing)
            with self._lock:
                for text, vector in zip(missing, fresh, strict=True):
                    known[text] = self._vectors[(model.model_id, text)] = vector
                while len(self._vectors) > _KEPT_VECTORS:
                    self._vectors.popitem(last=False)
        return [vector for text in texts if (vector := known[text]) is not None]
