"""What must hold before a model may be loaded: processor, file and memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local_rag.core.errors import ModelError
from local_rag.models.cpu import Cpu, require_cpu
from local_rag.models.gguf import GgufFile, read_gguf
from local_rag.monitor.sensors import Memory, MemoryReader

ModelKind = Literal["embedding", "llm"]

# What the library itself, its threads and the rest of the service need next to the model.
RESERVE_BYTES = 96 << 20
MAX_LAYERS = 1024
MAX_WIDTH = 1 << 20
MAX_VOCABULARY = 4 << 20
_KV_BYTES_PER_VALUE = 2  # f16
_POOLING_NONE, _POOLING_RANK = 0, 4
_ENCODERS = frozenset(
    {
        "bert", "modern-bert", "neo-bert", "eurobert", "nomic-bert", "nomic-bert-moe",
        "jina-bert-v2", "jina-bert-v3", "gemma-embedding", "t5encoder",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryNeed:
    """Memory a loaded model takes, in bytes, by what it is for."""

    weights: int
    cache: int
    compute: int

    @property
    def total(self) -> int:
        """All of it, with what the rest of the service needs."""
        return self.weights + self.cache + self.compute + RESERVE_BYTES


def kind_of(model: GgufFile) -> ModelKind:
    """Return whether a model makes vectors or text.

    Raises ModelError for rerankers, which do neither.
    """
    pooling = model.hyper("pooling_type", _POOLING_NONE)
    if pooling == _POOLING_RANK:
        raise ModelError(
            f"{model.path.name}: it is a reranking model, which local-rag has no use for",
            hint="take an embedding model or an instruction-tuned language model",
        )
    if model.architecture in _ENCODERS or pooling != _POOLING_NONE:
        return "embedding"
    return "llm"


def memory_need(model: GgufFile, *, context_tokens: int, batch_tokens: int) -> MemoryNeed:
    """Estimate what loading takes, from the shape in the header; errs on the high side."""
    layers, width = model.hyper("block_count"), model.hyper("embedding_length")
    vocabulary = vocabulary_size(model)
    inner = max(model.hyper("feed_forward_length"), 4 * width)
    heads = max(model.hyper("attention.head_count", 1), 1)
    kv_heads = model.hyper("attention.head_count_kv", heads) or heads
    head_width = width // heads
    key = model.hyper("attention.key_length", head_width)
    value = model.hyper("attention.value_length", head_width)
    cache = 0
    if kind_of(model) == "llm":
        cache = layers * context_tokens * kv_heads * (key + value) * _KV_BYTES_PER_VALUE
    scores = heads * context_tokens
    compute = batch_tokens * 4 * (inner * 2 + width * 6 + scores) + vocabulary * 4 * 2
    return MemoryNeed(weights=model.size, cache=cache, compute=compute)


def vocabulary_size(model: GgufFile) -> int:
    """Return the number of tokens the model knows."""
    tokens = model.metadata.get("tokenizer.ggml.tokens")
    return getattr(tokens, "length", 0) or model.hyper("vocab_size")


def check_shape(model: GgufFile) -> None:
    """Raise ModelError when the header's numbers cannot be those of a network."""
    bounds = {
        "block_count": MAX_LAYERS,
        "embedding_length": MAX_WIDTH,
        "context_length": 1 << 28,
        "attention.head_count": MAX_WIDTH,
    }
    for key, limit in bounds.items():
        value = model.hyper(key, -1)
        if not 1 <= value <= limit:
            said = "is missing" if value == -1 else f"is {value}"
            raise ModelError(
                f"{model.path.name}: {model.architecture}.{key} {said}, so it cannot be loaded",
                hint="this file is broken or of a kind local-rag does not know; take another",
                details={"path": str(model.path)},
            )
    if not 1 <= vocabulary_size(model) <= MAX_VOCABULARY:
        raise ModelError(
            f"{model.path.name}: it has no vocabulary of its own",
            hint="take a GGUF file with its tokenizer inside",
            details={"path": str(model.path)},
        )


def require_memory(need: MemoryNeed, memory: Memory, name: str) -> None:
    """Raise ModelError when a model will not fit into what is available."""
    if need.total <= memory.available:
        return
    limit = f" (limit {_mib(memory.limit)} MiB)" if memory.limit else ""
    raise ModelError(
        f"{name} needs about {_mib(need.total)} MiB of memory, {_mib(memory.available)} MiB "
        f"are available{limit}",
        hint="take a smaller model or a stronger quantisation, set a smaller llm.context_tokens, "
        "or end other programs",
        details={"needed": need.total, "available": memory.available, "limit": memory.limit},
    )


def preflight(
    path: Path,
    kind: ModelKind,
    *,
    context_tokens: int,
    batch_tokens: int,
    cpu: Cpu | None = None,
    memory: Memory | None = None,
) -> GgufFile:
    """Check everything that can be checked without loading, and return the header.

    Raises CpuUnsupported or ModelError, each with what to do about it.
    """
    require_cpu(cpu)
    model = read_gguf(path)
    check_shape(model)
    actual = kind_of(model)
    if actual != kind:
        what = {"embedding": "an embedding model", "llm": "a language model"}
        raise ModelError(
            f"{path.name} is {what[actual]}, but {what[kind]} is wanted here",
            hint=f"choose another: local-rag models use {kind} NAME",
            details={"path": str(path), "kind": actual},
        )
    need = memory_need(model, context_tokens=context_tokens, batch_tokens=batch_tokens)
    require_memory(need, memory or MemoryReader().read(), path.name)
    return model


def _mib(size: int | None) -> int:
    return (size or 0) >> 20
