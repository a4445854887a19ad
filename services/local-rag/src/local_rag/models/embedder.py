"""Text to vectors, with llama.cpp."""

import ctypes
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local_rag.core.errors import ModelError
from local_rag.core.files import model_id
from local_rag.models.calibration import PAIRS
from local_rag.models.gguf import GgufFile
from local_rag.models.prompts import prefixes_of
from local_rag.models.runtime import NativeModel, Threads, finite, release, thread_count
from local_rag.models.sizing import preflight

MAX_CONTEXT_TOKENS = 2048
# A batch holds several texts, up to this many tokens; a longer text gets a batch to itself. Larger
# batches were not faster, and llama.cpp keeps room for the whole vocabulary for each token.
BATCH_TOKENS = 288
MAX_SEQUENCES = 16
_POOLING_NONE, _POOLING_MEAN = 0, 1


def load_embedder(path: Path, threads: Threads = None) -> "LlamaEmbedder":
    """Load an embedding model; `threads` may be a function that is asked before each batch.

    Raises CpuUnsupported or ModelError when it cannot be used here, saying why.
    """
    header = preflight(
        path, "embedding", context_tokens=MAX_CONTEXT_TOKENS, batch_tokens=BATCH_TOKENS
    )
    return LlamaEmbedder(header, threads)


class LlamaEmbedder:
    """An embedding model; see `types.Embedder`. Calls from several threads take turns by batch."""

    def __init__(self, header: GgufFile, threads: Threads) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._measuring = threading.Lock()
        self._centre: NDArray[np.float32] | None = None
        self._largest = 0
        self._name = header.path.name
        self.model_id = model_id(header.path)
        self._prefixes = prefixes_of(header.path.stem, header.text("general.name"))
        # Unigram tokenizers come with a table that brings letters to one form; where a file has
        # none, llama.cpp would not know full-width signs and line breaks.
        self._plain = header.text("tokenizer.ggml.model") == "t5"
        self._native = NativeModel(header.path)
        self._api = self._native.library.api
        context = min(self._native.train_context, MAX_CONTEXT_TOKENS)
        self._room = context
        self._sequences = min(MAX_SEQUENCES, int(self._api.llama_max_parallel_sequences()))
        self._ctx: Any = None
        self._batch: Any = None
        try:
            self._open(header)
        except BaseException:
            self.close()
            raise
        self.dimensions = int(self._api.llama_model_n_embd_out(self._native.model))
        self._ends = self._native.tokens("", add_special=True)
        self.max_tokens = context - len(self._ends)

    def _open(self, header: GgufFile) -> None:
        api = self._api
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self._room
        params.n_seq_max = self._sequences
        params.kv_unified = True
        params.embeddings = True
        params.no_perf = True
        params.n_threads = params.n_threads_batch = thread_count(self._threads)
        if header.hyper("pooling_type", _POOLING_NONE) == _POOLING_NONE:
            params.pooling_type = _POOLING_MEAN
        self._ctx = api.llama_init_from_model(self._native.model, params)
        if not self._ctx:
            raise ModelError(
                f"{self._name}: there is not enough memory to run it", hint="end other programs"
            )
        self._memory = api.llama_get_memory(self._ctx)
        self._batch = api.llama_batch_init(self._room, 0, 1)

    def close(self) -> None:
        """Free the model; calls that are running end first."""
        with self._lock:
            if self._batch is not None:
                self._api.llama_batch_free(self._batch)
                self._batch = None
            if self._ctx:
                self._api.llama_free(self._ctx)
                self._ctx = None
            self._native.close()

    def centre(self) -> NDArray[np.float32]:
        """Return the middle of the model's vectors, from some sentences of many languages."""
        with self._measuring:
            if self._centre is None:
                self._centre = self.embed([answer for _, answer in PAIRS]).mean(axis=0)
            return self._centre

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without special ones."""
        return self._native.count(text)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 vectors of passages, of shape (n, dimensions) and length 1.

        A text longer than `max_tokens` is cut there. Raises ModelError when the model fails.
        """
        return self._embed(texts, self._prefixes.passage)

    def embed_questions(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of questions, as `embed` does those of passages."""
        return self._embed(texts, self._prefixes.question)

    def _embed(self, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        inputs = [self._fit(prefix + text) for text in texts]
        for group in self._groups(inputs):
            with self._lock:
                self._run([inputs[i] for i in group], vectors, group)
        finite(vectors, self._name)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def _fit(self, text: str) -> NDArray[np.int32]:
        # A token stands for at most some dozen characters: what is far beyond cannot matter.
        text = text[: self.max_tokens * 64]
        if self._plain:
            text = " ".join(unicodedata.normalize("NFKC", text).split())
        tokens = self._native.tokens(text, add_special=True)
        longest = self.max_tokens + len(self._ends)
        if len(tokens) <= longest:
            return tokens
        cut = tokens[:longest]
        if len(self._ends) > 1:
            cut[-1] = self._ends[-1]
        return cut

    def _groups(self, inputs: Sequence[NDArray[np.int32]]) -> Iterator[list[int]]:
        """Yield indices of texts that fit one batch, longest first so that batches fill well."""
        group: list[int] = []
        used = 0
        budget = min(BATCH_TOKENS, self._room)
        for index in sorted(range(len(inputs)), key=lambda i: -len(inputs[i])):
            length = len(inputs[index])
            if length == 0:
                continue
            if group and (used + length > budget or len(group) == self._sequences):
                yield group
                group, used = [], 0
            group.append(index)
            used += length
        if group:
            yield group

    def _run(
        self, inputs: list[NDArray[np.int32]], vectors: NDArray[np.float32], rows: list[int]
    ) -> None:
        if self._ctx is None:
            raise ModelError(f"{self._name} has been unloaded", hint="ask again")
        api = self._api
        threads = thread_count(self._threads)
        api.llama_set_n_threads(self._ctx, threads, threads)
        self._fill(inputs)
        if self._memory is None:
            code = api.llama_encode(self._ctx, self._batch)
        else:
            api.llama_memory_clear(self._memory, True)
            code = api.llama_decode(self._ctx, self._batch)
        if code != 0:
            raise ModelError(
                f"{self._name}: llama.cpp failed with code {code} while embedding",
                hint="see the service's log; check the file: local-rag models verify",
            )
        self._give_back_logits(sum(map(len, inputs)))
        for sequence, row in enumerate(rows):
            pointer = api.llama_get_embeddings_seq(self._ctx, sequence)
            if not pointer:
                raise ModelError(f"{self._name}: llama.cpp returned no vector")
            vectors[row] = np.ctypeslib.as_array(pointer, shape=(self.dimensions,))

    def _give_back_logits(self, tokens: int) -> None:
        """Give back the memory that llama.cpp cleared for logits, which an embedding never writes.

        It is a number for each word of the vocabulary and each token of the largest batch so far:
        300 MB for 250,000 words. The pages come back as zeros if anything reads them.
        """
        if tokens <= self._largest:
            return
        self._largest = tokens
        pointer = self._api.llama_get_logits(self._ctx)
        if pointer:
            start = ctypes.cast(pointer, ctypes.c_void_p).value or 0
            release(start, 4 * self._native.vocabulary_size * tokens)

    def _fill(self, inputs: list[NDArray[np.int32]]) -> None:
        tokens = np.concatenate(inputs)
        batch, count = self._batch, len(tokens)
        batch.n_tokens = count
        _view(batch.token, count)[:] = tokens
        _view(batch.pos, count)[:] = np.concatenate([np.arange(len(t)) for t in inputs])
        _view(batch.n_seq_id, count)[:] = 1
        _view(batch.logits, count)[:] = 1
        position = 0
        for sequence, text in enumerate(inputs):
            for i in range(position, position + len(text)):
                batch.seq_id[i][0] = sequence
            position += len(text)


def _view(pointer: Any, count: int) -> NDArray[Any]:
    view: NDArray[Any] = np.ctypeslib.as_array(pointer, shape=(count,))
    return view
