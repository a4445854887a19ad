"""Text from a language model, token by token, with llama.cpp."""

import codecs
import ctypes
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local_rag.core.errors import ModelError, TooLarge, Unavailable
from local_rag.core.files import model_id
from local_rag.core.types import Message
from local_rag.models.chat import ChatTemplate
from local_rag.models.gguf import GgufFile
from local_rag.models.runtime import NativeModel, Threads, thread_count
from local_rag.models.sizing import preflight

# Between two batches of the prompt a stop is noticed; a Pi takes seconds for a whole prompt.
BATCH_TOKENS = 128
TRIAL_TOKENS = 8
"""Enough to be computed as a batch. A whole prompt takes a small machine seconds."""
_POLL_S = 0.1
_SEED = 1  # the same question on the same documents gives the same answer
_REPEAT_PENALTY, _REPEAT_WINDOW = 1.1, 64
_TOP_K, _TOP_P, _MIN_P = 40, 0.95, 0.05


def load_generator(path: Path, threads: Threads = None, context: int = 2048) -> "LlamaGenerator":
    """Load a language model with room for `context` tokens of prompt and answer.

    `threads` may be a function that is asked again and again while an answer is made. Raises
    CpuUnsupported or ModelError when the model cannot be used here, saying why.
    """
    header = preflight(path, "llm", context_tokens=context, batch_tokens=BATCH_TOKENS)
    trained = header.hyper("context_length", context)
    return LlamaGenerator(header, threads, min(context, trained))


class LlamaGenerator:
    """A language model; see `types.Generator`. One answer at a time, others wait their turn."""

    def __init__(self, header: GgufFile, threads: Threads, context: int) -> None:
        self._threads = threads
        self._turn = threading.Lock()
        self.cached = np.empty(0, dtype=np.int32)
        self._name = header.path.name
        self._ctx: Any = None
        self.last_used = time.monotonic()
        self.model_id = model_id(header.path)
        self.native = NativeModel(header.path)
        self._api = self.native.library.api
        try:
            self._open(context)
            self.template = ChatTemplate(header.text("tokenizer.chat_template"), self.native)
        except BaseException:
            self.close()
            raise
        self.context_tokens = int(self._api.llama_n_ctx(self._ctx))

    def _open(self, context: int) -> None:
        api = self._api
        params = api.llama_context_default_params()
        params.n_ctx = context
        params.n_batch = params.n_ubatch = min(BATCH_TOKENS, context)
        params.n_seq_max = 1
        params.no_perf = True
        params.n_threads = params.n_threads_batch = thread_count(self._threads)
        self._ctx = api.llama_init_from_model(self.native.model, params)
        if not self._ctx:
            raise ModelError(
                f"{self._name}: there is not enough memory for {context} tokens of context",
                hint="set a smaller llm.context_tokens, or take a smaller model",
            )
        self._memory = api.llama_get_memory(self._ctx)

    @property
    def busy(self) -> bool:
        """True while an answer is being made."""
        return self._turn.locked()

    def close(self) -> None:
        """Free the model, after the answer that is being made."""
        with self._turn:
            if self._ctx:
                self._api.llama_free(self._ctx)
                self._ctx = None
            self.native.close()

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of a text, without special ones."""
        return self.native.count(text)

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """Return the length of the whole prompt, with what the chat template adds."""
        return len(self.template.tokens(messages))

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        stop: threading.Event,
    ) -> Iterator[str]:
        """Yield pieces of the answer until it ends, is `max_tokens` long, or `stop` is set.

        Raises TooLarge when the prompt does not fit the context, ModelError when llama.cpp fails,
        Unavailable when the model was unloaded while waiting for its turn.
        """
        if not self._wait_for_turn(stop):
            return
        try:
            self._require_loaded()
            prompt = self.template.tokens(messages)
            room = self.context_tokens - len(prompt)
            if room < 1:
                raise TooLarge(
                    f"the prompt is {len(prompt)} tokens long, {self._name} has room for "
                    f"{self.context_tokens}",
                    hint="set a larger llm.context_tokens or ask a shorter question",
                )
            if self._read_prompt(prompt, stop):
                yield from self._write(min(max_tokens, room), temperature, stop)
        finally:
            self.last_used = time.monotonic()
            self._turn.release()

    def trial(self, messages: Sequence[Message]) -> str:
        """Lay the prompt out, compute its first tokens, and return one of what could follow them.

        What can go wrong with a model goes wrong here. Raises what `stream` does.
        """
        with self._turn:
            self._require_loaded()
            prompt = self.template.tokens(messages)[:TRIAL_TOKENS]
            never = threading.Event()
            self._read_prompt(prompt, never)
            return "".join(self._write(1, 0.0, never))

    def _require_loaded(self) -> None:
        if self._ctx is None:
            raise Unavailable(f"{self._name} has been unloaded", hint="ask again")

    def _wait_for_turn(self, stop: threading.Event) -> bool:
        while not stop.is_set():
            if self._turn.acquire(timeout=_POLL_S):
                return True
        return False

    def _read_prompt(self, prompt: NDArray[np.int32], stop: threading.Event) -> bool:
        """Compute the prompt, keeping what it shares with the one before.

        Only whole batches are kept: others would be computed in other groups, which rounds
        differently, and the same question could get another answer.
        """
        keep = min(_common_prefix(self.cached, prompt), len(prompt) - 1)
        keep -= keep % BATCH_TOKENS
        if keep == 0 or not self._api.llama_memory_seq_rm(self._memory, 0, keep, -1):
            keep = 0
            self._api.llama_memory_clear(self._memory, True)
        self.cached = prompt[:keep]
        for start in range(keep, len(prompt), BATCH_TOKENS):
            if stop.is_set():
                return False
            self._decode(prompt[start : start + BATCH_TOKENS])
        return True

    def _write(self, limit: int, temperature: float, stop: threading.Event) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        with self._sampler(temperature) as sampler:
            for made in range(1, limit + 1):
                token = int(self._api.llama_sampler_sample(sampler, self._ctx, -1))
                if self._api.llama_vocab_is_eog(self.native.vocab, token):
                    break
                text = decoder.decode(self.native.piece(token))
                if text:
                    yield text
                if stop.is_set() or made == limit:
                    break
                self._decode(np.array([token], dtype=np.int32))
        rest = decoder.decode(b"", final=True)
        if rest and not stop.is_set():
            yield rest

    def _decode(self, tokens: NDArray[np.int32]) -> None:
        threads = thread_count(self._threads)
        self._api.llama_set_n_threads(self._ctx, threads, threads)
        array = (ctypes.c_int32 * len(tokens))(*tokens.tolist())
        code = self._api.llama_decode(self._ctx, self._api.llama_batch_get_one(array, len(tokens)))
        if code != 0:
            self._api.llama_memory_clear(self._memory, True)
            self.cached = self.cached[:0]
            raise ModelError(
                f"{self._name}: llama.cpp failed with code {code}",
                hint="see the service's log; check the file: local-rag models verify",
            )
        self.cached = np.concatenate([self.cached, tokens])

    @contextmanager
    def _sampler(self, temperature: float) -> Iterator[Any]:
        api = self._api
        chain = api.llama_sampler_chain_init(api.llama_sampler_chain_default_params())
        try:
            for part in self._sampling_steps(temperature):
                api.llama_sampler_chain_add(chain, part)
            yield chain
        finally:
            api.llama_sampler_free(chain)

    def _sampling_steps(self, temperature: float) -> list[Any]:
        api = self._api
        repeats = api.llama_sampler_init_penalties(
            self.native.vocabulary_size, _REPEAT_WINDOW, _REPEAT_PENALTY, 0.0, 0.0
        )
        if temperature <= 0:
            return [repeats, api.llama_sampler_init_greedy()]
        return [
            repeats,
            api.llama_sampler_init_top_k(_TOP_K),
            api.llama_sampler_init_top_p(_TOP_P, 1),
            api.llama_sampler_init_min_p(_MIN_P, 1),
            api.llama_sampler_init_temp(temperature),
            api.llama_sampler_init_dist(_SEED),
        ]


def _common_prefix(one: NDArray[np.int32], other: NDArray[np.int32]) -> int:
    length = min(len(one), len(other))
    different = np.flatnonzero(one[:length] != other[:length])
    return int(different[0]) if len(different) else length
