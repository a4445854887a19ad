"""The reader of model headers: good files, bad files, and anything at all."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit import gguf as make
from local_rag.core.errors import ModelError
from local_rag.models import gguf as module
from local_rag.models.gguf import QUANT_TYPES, GgufArray, read_gguf

quick = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def test_reads_what_a_header_says(tmp_path: Path) -> None:
    model = read_gguf(make.write(tmp_path / "m.gguf"))
    assert model.architecture == "llama"
    assert model.hyper("block_count") == 2
    assert model.metadata["tokenizer.ggml.tokens"] == GgufArray(3)
    assert [t.name for t in model.tensors] == ["weight"]
    assert model.promised_size == model.size == (tmp_path / "m.gguf").stat().st_size


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (make.U8, 200), (make.I8, -5), (make.U16, 65535), (make.I16, -300), (make.U32, 1 << 31),
        (make.I32, -7), (make.F32, 0.5), (make.BOOL, True), (make.STRING, "grüße"),
        (make.U64, 1 << 63), (make.I64, -(1 << 40)), (make.F64, 1e300),
    ],
)  # fmt: skip
def test_reads_every_type_of_value(tmp_path: Path, kind: int, content: object) -> None:
    metadata = {**make.LLM, "x.value": (kind, content)}
    model = read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata))
    assert model.metadata["x.value"] == content
    assert type(model.metadata["x.value"]) is type(content)


def test_short_number_arrays_are_kept_and_long_ones_only_counted(tmp_path: Path) -> None:
    metadata = {
        **make.LLM,
        "llama.attention.head_count_kv": (make.ARRAY, (make.U32, [2, 8, 4])),
        "x.long": (make.ARRAY, (make.F32, [0.0] * 2000)),
    }
    model = read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata))
    assert model.hyper("attention.head_count_kv") == 8
    assert model.metadata["x.long"] == GgufArray(2000)


def test_a_header_larger_than_one_read(tmp_path: Path) -> None:
    tokens = [f"token-{i}" * 8 for i in range(40_000)]
    metadata = {**make.LLM, "tokenizer.ggml.tokens": (make.ARRAY, (make.STRING, tokens))}
    model = read_gguf(make.write(tmp_path / "m.gguf", metadata=metadata))
    assert model.data_start > 2 << 20
    assert model.metadata["tokenizer.ggml.tokens"] == GgufArray(40_000)


@pytest.mark.parametrize("lost", [1, 100, 255])
def test_missing_weights_are_called_truncated(tmp_path: Path, lost: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(make.gguf()[:-lost])
    with pytest.raises(ModelError, match="truncated: it has") as caught:
        read_gguf(path)
    assert caught.value.details["promised"] - caught.value.details["size"] == lost
    assert "pull" in (caught.value.hint or "")


@given(length=st.integers(0, 500))
@quick
def test_every_shortened_file_is_refused(tmp_path: Path, length: int) -> None:
    whole = make.gguf()
    path = tmp_path / "m.gguf"
    path.write_bytes(whole[: min(length, len(whole) - 1)])
    with pytest.raises(ModelError):
        read_gguf(path)


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"magic": b"GGML"}, "not a GGUF file"),
        ({"version": 1}, "version 1"),
        ({"version": 4}, "version 4"),
        ({"version": 3 << 24}, "big-endian"),
        ({"keys": 1 << 60}, "keys"),
        ({"tensor_count": 1 << 60}, "tensors"),
        ({"tensors": [], "data": b""}, "no tensors"),
        ({"metadata": {"general.name": (make.STRING, "x")}}, "architecture is missing"),
        ({"metadata": {**make.LLM, "split.count": (make.U16, 3)}}, "3 parts"),
        ({"metadata": {**make.LLM, "general.alignment": (make.U32, 0)}}, "power of two"),
        ({"metadata": {**make.LLM, "general.alignment": (make.U32, 48)}}, "power of two"),
        ({"metadata": {**make.LLM, "general.alignment": (make.STRING, "x")}}, "power of two"),
        ({"metadata": {**make.LLM, "": (make.U8, 1)}}, "empty"),
        ({"metadata": {**make.LLM, "k" * 2000: (make.U8, 1)}}, "2000 bytes long"),
    ],
)
def test_bad_headers_are_refused_in_words(tmp_path: Path, kwargs: dict, says: str) -> None:
    path = make.write(tmp_path / "m.gguf", **kwargs)
    with pytest.raises(ModelError, match=says) as caught:
        read_gguf(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("infos", "says"),
    [
        ([make.tensor_info("w", (64,), 99, 0)], "type 99"),
        ([make.tensor_info("w", (64,), 4, 0)], "type 4"),  # q4_2, removed from ggml
        ([make.tensor_info("w", (), 0, 0)], "0 dimensions"),
        ([make.tensor_info("w", (1, 1, 1, 1, 1), 0, 0)], "5 dimensions"),
        ([make.tensor_info("w", (0,), 0, 0)], "impossible shape"),
        ([make.tensor_info("w", (1 << 40, 1 << 40), 0, 0)], "impossible shape"),
        ([make.tensor_info("w", (33,), 8, 0)], "impossible shape"),
        ([make.tensor_info("w", (64,), 0, 32)], "not where"),
        ([make.tensor_info("w" * 64, (64,), 0, 0)], "64 bytes long"),
        (
            [make.tensor_info("w", (8,), 0, 0), make.tensor_info("w", (8,), 0, 32)],
            "listed twice",
        ),
    ],
)
def test_bad_tensors_are_refused_in_words(tmp_path: Path, infos: list[bytes], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        read_gguf(make.write(tmp_path / "m.gguf", tensors=infos))


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    twice = make.pairs(make.LLM) + make.pairs({"llama.block_count": (make.U32, 9)})
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(make.LLM) + 1) + twice)
    with pytest.raises(ModelError, match="given twice"):
        read_gguf(path)


def test_an_array_of_arrays_is_refused(tmp_path: Path) -> None:
    nested = make.string("x") + struct.pack("<IIQ", make.ARRAY, make.ARRAY, 1)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + nested + b"\0" * 64)
    with pytest.raises(ModelError, match="unknown type 9"):
        read_gguf(path)


@pytest.mark.parametrize("kind", [make.U8, make.STRING, make.F64])
def test_arrays_longer_than_the_file_do_not_take_memory(tmp_path: Path, kind: int) -> None:
    claim = make.string("x") + struct.pack("<IIQ", make.ARRAY, kind, module.MAX_ARRAY_ITEMS)
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + claim)
    with pytest.raises(ModelError, match="truncated"):
        read_gguf(path)


def test_headers_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ModelError, match="header is larger"):
        read_gguf(make.write(tmp_path / "m.gguf"))


def test_a_missing_file_says_how_to_see_the_others(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read") as caught:
        read_gguf(tmp_path / "none.gguf")
    assert caught.value.hint == "see which models there are: local-rag models list"


def test_a_directory_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_gguf(tmp_path)


def test_names_from_the_file_cannot_break_out_of_the_message(tmp_path: Path) -> None:
    evil = make.tensor_info("a\n\x1b[31mINFO ok", (64,), 99, 0)
    with pytest.raises(ModelError) as caught:
        read_gguf(make.write(tmp_path / "m.gguf", tensors=[evil]))
    assert "\n" not in caught.value.message
    assert "\x1b" not in caught.value.message


@given(data=st.binary(max_size=400))
@example(data=b"GGUF")
@example(data=b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + b"\xff" * 60)
@quick
def test_any_bytes_give_a_model_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelError):
        read_gguf(path)


@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(make.gguf()) - 257), st.integers(0, 255)), min_size=1,
        max_size=6,
    )
)  # fmt: skip
@quick
def test_damaged_headers_never_crash(tmp_path: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(make.gguf())
    for position, byte in changes:
        data[position] = byte
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with suppress(ModelError):
        model = read_gguf(path)
        assert model.promised_size <= model.size


@given(
    numbers=st.lists(st.sampled_from(sorted(QUANT_TYPES)), min_size=1, max_size=8),
    rows=st.integers(1, 5),
)
@quick
def test_sizes_add_up_for_every_storage_type(tmp_path: Path, numbers: list[int], rows: int) -> None:
    infos, offset, end = [], 0, 0
    for i, number in enumerate(numbers):
        quant = QUANT_TYPES[number]
        infos.append(make.tensor_info(f"t{i}", (quant.block_elements, rows), number, offset))
        end = offset + rows * quant.block_bytes
        offset = -(-end // 32) * 32
    path = make.write(tmp_path / "m.gguf", tensors=infos, data=b"\0" * end)
    assert read_gguf(path).promised_size == path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="truncated"):
        read_gguf(path)
