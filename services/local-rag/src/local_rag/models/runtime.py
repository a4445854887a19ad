"""The bond to llama.cpp: loading the library, its log, a loaded model and its tokens.

Only llama.cpp's C interface is used, through the bindings of llama-cpp-python: the high-level
class of that package points standard error elsewhere while it loads, which a service with
several threads cannot have, and hides why a model did not load.
"""

import ctypes
import logging
import math
import mmap
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local_rag.core.errors import ModelError
from local_rag.core.process import usable_cpus
from local_rag.models.cpu import require_cpu

Threads = int | Callable[[], int] | None

_log = logging.getLogger("local_rag.llama")
# ggml.h, enum ggml_log_level. What llama.cpp calls information is debugging to us.
_LEVELS = {1: logging.DEBUG, 2: logging.DEBUG, 3: logging.INFO, 4: logging.WARNING}
_ERROR_LEVEL = 4
_CONTINUED = 5


class LlamaLog:
    """Takes llama.cpp's messages into our log, and keeps the latest errors."""

    def __init__(self) -> None:
        self._errors: deque[str] = deque(maxlen=8)
        self._last = 0

    def __call__(self, level: int, text: bytes | None, _data: object = None) -> None:
        """Receive one message; called from llama.cpp's threads, so it never raises."""
        level = self._last if level == _CONTINUED else level
        self._last = level
        message = (text or b"").decode("utf-8", errors="replace").strip()
        if not message or message == ".":
            return
        if level == _ERROR_LEVEL:
            self._errors.append(message)
        _log.log(_LEVELS.get(level, logging.DEBUG), "%s", message)

    def take_errors(self) -> list[str]:
        """Return the errors since the last call."""
        errors = list(self._errors)
        self._errors.clear()
        return errors


class Library:
    """llama.cpp, loaded into this process."""

    def __init__(self, api: ModuleType) -> None:
        self.api: Any = api
        self.log = LlamaLog()
        self.loading = threading.Lock()
        # llama.cpp keeps the address of the callback, so the object has to live on.
        self._callback = api.llama_log_callback(self.log)
        api.llama_log_set(self._callback, ctypes.c_void_p(0))
        api.llama_backend_init()


@lru_cache(maxsize=1)
def library() -> Library:
    """Load llama.cpp, once in a process.

    Raises CpuUnsupported on a processor it would crash on, ModelError when it is not installed.
    """
    require_cpu()
    # By default idle threads spin between the steps of a computation. Where anything else runs on
    # the machine, an import next to an answer for one, that made both up to ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import llama_cpp  # here, because it costs half a second that /health must not wait for
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama.cpp cannot be loaded: {error}",
            hint="install local-rag again; it needs llama-cpp-python 0.3.36, libgomp and libstdc++",
        ) from error
    return Library(llama_cpp)


def thread_count(threads: Threads) -> int:
    """Return how many threads to use now."""
    wanted = threads() if callable(threads) else threads
    return max(1, wanted if wanted is not None else usable_cpus())


class NativeModel:
    """A model in memory, with its vocabulary.

    Counting and splitting into tokens is safe from any thread, also while another one closes the
    model: `close` waits for those at work, and later ones hear that it has been unloaded.
    """

    def __init__(self, path: Path) -> None:
        self.library = library()
        api = self.library.api
        params = api.llama_model_default_params()
        params.n_gpu_layers = 0
        params.check_tensors = False
        self.path = path
        self._readers = 0
        self._gate = threading.Condition()
        with self.library.loading:
            self.library.log.take_errors()
            self.model: Any = api.llama_model_load_from_file(str(path).encode(), params)
            errors = self.library.log.take_errors()
        if not self.model:
            raise load_error(path, errors)
        self.vocab: Any = api.llama_model_get_vocab(self.model)
        self.vocabulary_size = int(api.llama_vocab_n_tokens(self.vocab))
        self.train_context = int(api.llama_model_n_ctx_train(self.model))

    @property
    def closed(self) -> bool:
        """True when the model has been freed."""
        return not self.model

    def close(self) -> None:
        """Free the model, once nobody splits text with it any more."""
        with self._gate:
            model, self.model, self.vocab = self.model, None, None
            self._gate.wait_for(lambda: not self._readers)
        if model:
            self.library.api.llama_model_free(model)

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """Yield the vocabulary, and keep it in memory meanwhile. Raises ModelError."""
        with self._gate:
            if self.vocab is None:
                raise ModelError(f"{self.path.name} has been unloaded", hint="ask again")
            vocab = self.vocab
            self._readers += 1
        try:
            yield vocab
        finally:
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

    def count(self, text: str) -> int:
        """Return the number of tokens, without special ones."""
        data = _utf8(text)
        return abs(int(self._tokenize(data, None, 0, False, False)))

    def tokens(
        self, text: str, *, add_special: bool = False, parse_special: bool = False
    ) -> NDArray[np.int32]:
        """Split text into token numbers.

        Only with `parse_special` does text that looks like a control token become one; text from
        documents and questions must never get it.
        """
        data = _utf8(text)
        room = len(data) + 8
        buffer: NDArray[np.int32] = np.empty(room, dtype=np.int32)
        count = self._tokenize(data, buffer, room, add_special, parse_special)
        if count < 0:
            room = -count
            buffer = np.empty(room, dtype=np.int32)
            count = self._tokenize(data, buffer, room, add_special, parse_special)
        kept: NDArray[np.int32] = buffer[: max(count, 0)].copy()
        return kept

    def _tokenize(
        self, data: bytes, buffer: NDArray[np.int32] | None, room: int, special: bool, parse: bool
    ) -> int:
        pointer = None
        if buffer is not None:
            pointer = buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        api = self.library.api
        with self._reading() as vocab:
            return int(api.llama_tokenize(vocab, data, len(data), pointer, room, special, parse))

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token; part of a character at times, nothing for control tokens."""
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            api = self.library.api
            length = int(api.llama_token_to_piece(self.vocab, token, buffer, size, 0, False))
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def token_text(self, token: int) -> str:
        """Return the spelling of a token in the vocabulary, or nothing for none."""
        if not 0 <= token < self.vocabulary_size:
            return ""
        text = self.library.api.llama_vocab_get_text(self.vocab, token)
        return text.decode("utf-8", errors="replace") if text else ""


def load_error(path: Path, errors: list[str]) -> ModelError:
    """Make an error of what llama.cpp said when it refused a model."""
    said = "; ".join(error.rpartition(": error loading model: ")[2] for error in errors[:2])
    return ModelError(
        f"llama.cpp cannot load {path.name}" + (f": {said[:300]}" if said else ""),
        hint="the model may be of a kind this version does not know, or damaged: "
        f"local-rag models verify {path.stem}",
        details={"path": str(path), "log": errors},
    )


def finite(values: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Return the values, or raise ModelError when the model computed nonsense."""
    if not math.isfinite(float(values.sum())):
        raise ModelError(
            f"{name} computes values that are not numbers, so the file is damaged",
            hint="check it: local-rag models verify",
        )
    return values


def release(start: int, size: int) -> None:
    """Give whole pages within `size` bytes of memory from an address back to the system.

    They read as zeros afterwards: MADV_DONTNEED on private anonymous memory (madvise(2)). Where the
    C library has no such call, nothing happens.
    """
    page = mmap.PAGESIZE
    first, last = -(-start // page) * page, (start + size) // page * page
    if last <= first:
        return
    with suppress(OSError, AttributeError):
        call = ctypes.CDLL(None).madvise
        call.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        call(first, last - first, mmap.MADV_DONTNEED)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")
