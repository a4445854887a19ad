"""Makes GGUF files byte by byte, good and bad ones."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
F32_TENSOR, Q8_0_TENSOR = 0, 8

LLM = {
    "general.architecture": (STRING, "llama"),
    "llama.block_count": (U32, 2),
    "llama.context_length": (U32, 512),
    "llama.embedding_length": (U32, 64),
    "llama.feed_forward_length": (U32, 128),
    "llama.attention.head_count": (U32, 4),
    "llama.attention.head_count_kv": (U32, 2),
    "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b", "c"])),
}
EMBEDDING = {
    "general.architecture": (STRING, "bert"),
    "bert.block_count": (U32, 2),
    "bert.context_length": (U32, 512),
    "bert.embedding_length": (U32, 64),
    "bert.attention.head_count": (U32, 4),
    "bert.pooling_type": (U32, 1),
    "tokenizer.ggml.tokens": (ARRAY, (STRING, ["a", "b", "c"])),
}
FORMATS = {
    U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?",
    U64: "<Q", I64: "<q", F64: "<d",
}  # fmt: skip


def string(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def value(kind: int, content: Any) -> bytes:
    if kind == STRING:
        return string(content)
    if kind == ARRAY:
        item_kind, items = content
        body = b"".join(value(item_kind, item) for item in items)
        return struct.pack("<IQ", item_kind, len(items)) + body
    return struct.pack(FORMATS[kind], content)


def pairs(metadata: Mapping[str, tuple[int, Any]]) -> bytes:
    return b"".join(
        string(key) + struct.pack("<I", kind) + value(kind, content)
        for key, (kind, content) in metadata.items()
    )


def tensor_info(name: str, shape: Sequence[int], kind: int, offset: int) -> bytes:
    dims = b"".join(struct.pack("<Q", extent) for extent in shape)
    return string(name) + struct.pack("<I", len(shape)) + dims + struct.pack("<IQ", kind, offset)


def gguf(
    metadata: Mapping[str, tuple[int, Any]] = LLM,
    *,
    tensors: Sequence[bytes] | None = None,
    data: bytes = b"\0" * 256,
    version: int = 3,
    magic: bytes = b"GGUF",
    keys: int | None = None,
    tensor_count: int | None = None,
    alignment: int = 32,
) -> bytes:
    """Return a file; its one tensor takes 256 bytes unless told otherwise."""
    infos = [tensor_info("weight", (64,), F32_TENSOR, 0)] if tensors is None else list(tensors)
    head = magic + struct.pack(
        "<IQQ",
        version,
        len(infos) if tensor_count is None else tensor_count,
        len(metadata) if keys is None else keys,
    )
    head += pairs(metadata) + b"".join(infos)
    return head + b"\0" * (-len(head) % alignment) + data


def write(path: Path, **kwargs: Any) -> Path:
    path.write_bytes(gguf(**kwargs))
    return path
