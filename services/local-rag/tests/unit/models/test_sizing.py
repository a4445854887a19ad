"""What is checked before a model is loaded."""

from pathlib import Path

import pytest

from kit import gguf as make
from local_rag.core.errors import CpuUnsupported, ModelError
from local_rag.models.cpu import Cpu
from local_rag.models.gguf import read_gguf
from local_rag.models.sizing import RESERVE_BYTES, check_shape, kind_of, memory_need, preflight
from local_rag.monitor.sensors import Memory

GOOD_CPU = Cpu(machine="riscv64", model="", features=frozenset())
OLD_CPU = Cpu(machine="aarch64", model="", features=frozenset({"asimd"}))
GIB = 1 << 30


def memory(available: int, limit: int | None = None) -> Memory:
    return Memory(total=8 * GIB, available=available, resident=0, limit=limit)


def test_kinds(tmp_path: Path) -> None:
    assert kind_of(read_gguf(make.write(tmp_path / "l.gguf"))) == "llm"
    assert kind_of(read_gguf(make.write(tmp_path / "e.gguf", metadata=make.EMBEDDING))) == (
        "embedding"
    )


def test_a_language_model_with_pooling_makes_vectors(tmp_path: Path) -> None:
    metadata = {**make.LLM, "llama.pooling_type": (make.U32, 3)}
    assert kind_of(read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata))) == "embedding"


def test_rerankers_are_refused(tmp_path: Path) -> None:
    metadata = {**make.EMBEDDING, "bert.pooling_type": (make.U32, 4)}
    with pytest.raises(ModelError, match="reranking"):
        kind_of(read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata)))


def test_the_cache_grows_with_context_layers_and_heads(tmp_path: Path) -> None:
    model = read_gguf(make.write(tmp_path / "m.gguf"))
    need = memory_need(model, context_tokens=1000, batch_tokens=64)
    # 2 layers, 1000 tokens, 2 heads of 16 for keys and as many for values, 2 bytes each
    assert need.cache == 2 * 1000 * 2 * (16 + 16) * 2
    assert need.weights == model.size
    assert need.total > need.weights + need.cache + RESERVE_BYTES


def test_embedding_models_have_no_cache(tmp_path: Path) -> None:
    model = read_gguf(make.write(tmp_path / "m.gguf", metadata=make.EMBEDDING))
    assert memory_need(model, context_tokens=512, batch_tokens=64).cache == 0


def test_too_little_memory_is_refused_with_numbers(tmp_path: Path) -> None:
    path = make.write(tmp_path / "m.gguf")
    with pytest.raises(ModelError, match=r"needs about \d+ MiB.*50 MiB are available") as caught:
        preflight(
            path, "llm", context_tokens=512, batch_tokens=64, cpu=GOOD_CPU, memory=memory(50 << 20)
        )
    assert "smaller" in (caught.value.hint or "")
    assert caught.value.details["available"] == 50 << 20


def test_a_limit_of_the_service_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="limit 100 MiB"):
        preflight(
            make.write(tmp_path / "m.gguf"), "llm", context_tokens=512, batch_tokens=64,
            cpu=GOOD_CPU, memory=memory(50 << 20, 100 << 20),
        )  # fmt: skip


def test_enough_memory_passes(tmp_path: Path) -> None:
    model = preflight(
        make.write(tmp_path / "m.gguf"), "llm", context_tokens=512, batch_tokens=64,
        cpu=GOOD_CPU, memory=memory(GIB),
    )  # fmt: skip
    assert model.architecture == "llama"


def test_the_processor_is_checked_before_the_file(tmp_path: Path) -> None:
    with pytest.raises(CpuUnsupported):
        preflight(tmp_path / "none", "llm", context_tokens=1, batch_tokens=1, cpu=OLD_CPU)


def test_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a language model, but an embedding model is wanted"):
        preflight(
            make.write(tmp_path / "m.gguf"), "embedding", context_tokens=512, batch_tokens=64,
            cpu=GOOD_CPU, memory=memory(GIB),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.block_count", 0),
        ("llama.block_count", 1 << 20),
        ("llama.embedding_length", 1 << 31),
        ("llama.attention.head_count", 0),
        ("llama.context_length", 0),
    ],
)
def test_impossible_shapes_are_refused(tmp_path: Path, key: str, value: int) -> None:
    metadata = {**make.LLM, key: (make.U32, value)}
    with pytest.raises(ModelError, match=key):
        check_shape(read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata)))


def test_a_missing_number_and_a_missing_vocabulary_are_named(tmp_path: Path) -> None:
    without = {k: v for k, v in make.LLM.items() if k != "llama.embedding_length"}
    with pytest.raises(ModelError, match="embedding_length is missing"):
        check_shape(read_gguf(make.write(tmp_path / "a.gguf", metadata=without)))
    without = {k: v for k, v in make.LLM.items() if k != "tokenizer.ggml.tokens"}
    with pytest.raises(ModelError, match="no vocabulary"):
        check_shape(read_gguf(make.write(tmp_path / "b.gguf", metadata=without)))
