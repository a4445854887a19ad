"""Reading the header of a GGUF model file, with hostile files in mind.

llama.cpp trusts what it loads and ends the process on some broken files, so every file passes
here first: all lengths are bounded, nothing is read past the file's end, and a file shorter than
its header promises is called truncated before it is mapped.

Format: docs/gguf.md of the ggml repository, versions 2 and 3, little endian.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from local_rag.core.errors import ModelError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER_BYTES = 128 << 20
MAX_KEYS = 10_000
MAX_TENSORS = 65_536
MAX_KEY_BYTES = 1024
MAX_STRING_BYTES = 4 << 20
MAX_ARRAY_ITEMS = 8 << 20
KEPT_ARRAY_ITEMS = 1024
MAX_TENSOR_NAME_BYTES = 63
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
MAX_ALIGNMENT = 1 << 20

_SCALARS = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING, _ARRAY = 8, 9
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_FIRST_READ = 1 << 20
_AGAIN = "fetch the file again (local-rag models pull URL), or check it: local-rag models verify"


@dataclass(frozen=True, slots=True)
class GgufArray:
    """An array in the metadata; `items` is empty for long ones and for strings."""

    length: int
    items: tuple[int | float | bool, ...] = ()


Value = int | float | bool | str | GgufArray


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: dimensions innermost first, `offset` into the data section, sizes in bytes."""

    name: str
    shape: tuple[int, ...]
    type_number: int
    offset: int
    nbytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GgufFile:
    """The header of a model file; sizes and positions in bytes."""

    path: Path
    size: int
    version: int
    alignment: int
    data_start: int
    metadata: Mapping[str, Value] = field(repr=False)
    tensors: tuple[GgufTensor, ...] = field(repr=False)

    @property
    def promised_size(self) -> int:
        """How long the file must be to hold all tensors the header lists."""
        return self.data_start + max((t.offset + t.nbytes for t in self.tensors), default=0)

    @property
    def architecture(self) -> str:
        """The kind of network, such as `llama` or `bert`."""
        return self.text("general.architecture")

    def text(self, key: str) -> str:
        """Return a string of the metadata, or an empty one."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int = 0) -> int:
        """Return a whole number; of a per-layer array, its largest item."""
        value = self.metadata.get(key)
        if isinstance(value, GgufArray):
            whole = [item for item in value.items if isinstance(item, int)]
            return max(whole, default=default)
        return int(value) if isinstance(value, int) else default

    def hyper(self, key: str, default: int = 0) -> int:
        """Return a number of the network's shape: `ARCHITECTURE.key`."""
        return self.number(f"{self.architecture}.{key}", default)


class _Reader:
    """Takes values from the front of a file, reading only as far as needed."""

    def __init__(self, handle: BinaryIO, path: Path, size: int) -> None:
        self.path, self.size, self.position = path, size, 0
        self._handle = handle
        self._buffer = bytearray()

    def fail(
        self, what: str, hint: str = "this file is not a usable model; take another"
    ) -> ModelError:
        return ModelError(f"{self.path.name}: {what}", hint=hint, details={"path": str(self.path)})

    def reserve(self, count: int) -> int:
        """Make `count` more bytes available and return where they start."""
        start, end = self.position, self.position + count
        if end > self.size:
            raise self.fail(
                f"the file is truncated: it ends at byte {self.size}, inside its header", _AGAIN
            )
        if end > MAX_HEADER_BYTES:
            raise self.fail(f"its header is larger than {MAX_HEADER_BYTES >> 20} MiB")
        while len(self._buffer) < end:
            block = self._handle.read(max(_FIRST_READ, len(self._buffer), end - len(self._buffer)))
            if not block:
                raise self.fail("the file became shorter while it was read", _AGAIN)
            self._buffer += block
        self.position = end
        return start

    def scalar(self, form: struct.Struct) -> int | float | bool:
        start = self.reserve(form.size)
        value: int | float | bool = form.unpack_from(self._buffer, start)[0]
        return value

    def u32(self) -> int:
        return int(self.scalar(_U32))

    def u64(self) -> int:
        return int(self.scalar(_U64))

    def raw(self, count: int) -> bytes:
        start = self.reserve(count)
        return bytes(self._buffer[start : start + count])

    def string(self, limit: int, what: str) -> str:
        length = self.u64()
        if length > limit:
            raise self.fail(f"{what} is {length} bytes long, more than {limit}")
        return self.raw(length).decode("utf-8", errors="replace")

    def skip_strings(self, count: int, what: str) -> None:
        """Pass over an array of strings; tokenizers have hundreds of thousands."""
        for _ in range(count):
            start = self.reserve(8)
            length = int.from_bytes(self._buffer[start : start + 8], "little")
            if length > MAX_STRING_BYTES:
                raise self.fail(f"a string in {what} is {length} bytes long")
            self.reserve(length)


def read_gguf(path: Path) -> GgufFile:
    """Read and check the header of a model file.

    Raises ModelError for anything that is not a complete, well-formed GGUF file.
    """
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            parsed = _parse(_Reader(handle, path, size))
    except OSError as error:
        raise ModelError(
            f"model file {path} cannot be read: {error.strerror or error}",
            hint="see which models there are: local-rag models list",
            details={"path": str(path)},
        ) from error
    if parsed.promised_size > size:
        raise ModelError(
            f"{path.name}: the file is truncated: it has {size} bytes, its header promises "
            f"{parsed.promised_size}",
            hint=_AGAIN,
            details={"path": str(path), "size": size, "promised": parsed.promised_size},
        )
    return parsed


def _parse(reader: _Reader) -> GgufFile:
    if reader.size < len(MAGIC) or reader.raw(4) != MAGIC:
        raise reader.fail("this is not a GGUF file (it does not begin with GGUF)")
    version = reader.u32()
    if version not in VERSIONS:
        if version and version & 0xFFFF == 0:
            raise reader.fail("it is a big-endian GGUF file, made for another kind of machine")
        raise reader.fail(f"it is GGUF version {version}; versions 2 and 3 are understood")
    tensor_count, key_count = reader.u64(), reader.u64()
    if tensor_count > MAX_TENSORS:
        raise reader.fail(f"its header claims {tensor_count} tensors, more than {MAX_TENSORS}")
    if key_count > MAX_KEYS:
        raise reader.fail(f"its header claims {key_count} keys, more than {MAX_KEYS}")
    metadata = _metadata(reader, key_count)
    alignment = _alignment(reader, metadata)
    tensors = _tensors(reader, tensor_count, alignment)
    _check_whole(reader, metadata, tensors)
    return GgufFile(
        path=reader.path,
        size=reader.size,
        version=version,
        alignment=alignment,
        data_start=-(-reader.position // alignment) * alignment,
        metadata=metadata,
        tensors=tensors,
    )


def _metadata(reader: _Reader, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        key = reader.string(MAX_KEY_BYTES, "a key")
        if not key or key in metadata:
            raise reader.fail(f"key {key!r} is empty or given twice")
        metadata[key] = _value(reader, key)
    return metadata


def _value(reader: _Reader, key: str) -> Value:
    kind = reader.u32()
    if kind == _STRING:
        return reader.string(MAX_STRING_BYTES, f"the value of {key!r}")
    if kind == _ARRAY:
        return _array(reader, key)
    form = _SCALARS.get(kind)
    if form is None:
        raise reader.fail(f"key {key!r} has the unknown type {kind}")
    return reader.scalar(form)


def _array(reader: _Reader, key: str) -> GgufArray:
    kind, length = reader.u32(), reader.u64()
    if length > MAX_ARRAY_ITEMS:
        raise reader.fail(f"the array {key!r} claims {length} items, more than {MAX_ARRAY_ITEMS}")
    if kind == _STRING:
        reader.skip_strings(length, f"the array {key!r}")
        return GgufArray(length)
    form = _SCALARS.get(kind)
    if form is None:
        raise reader.fail(f"the array {key!r} has the unknown type {kind}")
    if length > KEPT_ARRAY_ITEMS:
        reader.reserve(form.size * length)
        return GgufArray(length)
    return GgufArray(length, tuple(reader.scalar(form) for _ in range(length)))


def _alignment(reader: _Reader, metadata: Mapping[str, Value]) -> int:
    value = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(value, int) or not 0 < value <= MAX_ALIGNMENT or value & (value - 1):
        raise reader.fail("general.alignment is not a power of two")
    return value


def _tensors(reader: _Reader, count: int, alignment: int) -> tuple[GgufTensor, ...]:
    tensors: dict[str, GgufTensor] = {}
    expected = 0
    for _ in range(count):
        tensor = _tensor(reader)
        if tensor.name in tensors:
            raise reader.fail(f"tensor {tensor.name!r} is listed twice")
        if tensor.offset != expected:
            raise reader.fail(f"tensor {tensor.name!r} is not where the one before it ends")
        expected = -(-(tensor.offset + tensor.nbytes) // alignment) * alignment
        tensors[tensor.name] = tensor
    return tuple(tensors.values())


def _tensor(reader: _Reader) -> GgufTensor:
    name = reader.string(MAX_TENSOR_NAME_BYTES, "a tensor name")
    dimensions = reader.u32()
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise reader.fail(f"tensor {name!r} has {dimensions} dimensions")
    shape = tuple(reader.u64() for _ in range(dimensions))
    number, offset = reader.u32(), reader.u64()
    quant = QUANT_TYPES.get(number)
    if quant is None:
        raise reader.fail(
            f"tensor {name!r} is stored as type {number}, which is not known here",
            "take a file quantised as Q4_K_M, Q8_0 or another common type",
        )
    elements = 1
    for extent in shape:
        elements *= extent
    if not 0 < elements < 1 << 62 or shape[0] % quant.block_elements:
        raise reader.fail(f"tensor {name!r} has an impossible shape {shape}")
    return GgufTensor(
        name, shape, number, offset, elements // quant.block_elements * quant.block_bytes
    )


def _check_whole(
    reader: _Reader, metadata: Mapping[str, Value], tensors: tuple[GgufTensor, ...]
) -> None:
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise reader.fail("general.architecture is missing, so it is not a model")
    parts = metadata.get("split.count")
    if isinstance(parts, int) and parts > 1:
        raise reader.fail(
            f"it is one of {parts} parts of a split model",
            "join the parts with llama-gguf-split --merge, or take a file in one part",
        )
    if not tensors:
        raise reader.fail("it holds no tensors (a vocabulary only?)")


class QuantType(NamedTuple):
    """One storage type: name, elements per block, bytes per block."""

    name: str
    block_elements: int
    block_bytes: int


QUANT_TYPES: dict[int, QuantType] = {
    0: QuantType("f32", 1, 4),
    1: QuantType("f16", 1, 2),
    2: QuantType("q4_0", 32, 18),
    3: QuantType("q4_1", 32, 20),
    6: QuantType("q5_0", 32, 22),
    7: QuantType("q5_1", 32, 24),
    8: QuantType("q8_0", 32, 34),
    9: QuantType("q8_1", 32, 36),
    10: QuantType("q2_K", 256, 84),
    11: QuantType("q3_K", 256, 110),
    12: QuantType("q4_K", 256, 144),
    13: QuantType("q5_K", 256, 176),
    14: QuantType("q6_K", 256, 210),
    15: QuantType("q8_K", 256, 292),
    16: QuantType("iq2_xxs", 256, 66),
    17: QuantType("iq2_xs", 256, 74),
    18: QuantType("iq3_xxs", 256, 98),
    19: QuantType("iq1_s", 256, 50),
    20: QuantType("iq4_nl", 32, 18),
    21: QuantType("iq3_s", 256, 110),
    22: QuantType("iq2_s", 256, 82),
    23: QuantType("iq4_xs", 256, 136),
    24: QuantType("i8", 1, 1),
    25: QuantType("i16", 1, 2),
    26: QuantType("i32", 1, 4),
    27: QuantType("i64", 1, 8),
    28: QuantType("f64", 1, 8),
    29: QuantType("iq1_m", 256, 56),
    30: QuantType("bf16", 1, 2),
    34: QuantType("tq1_0", 256, 54),
    35: QuantType("tq2_0", 256, 66),
    39: QuantType("mxfp4", 32, 17),
    40: QuantType("nvfp4", 64, 36),
    41: QuantType("q1_0", 128, 18),
    42: QuantType("q2_0", 64, 18),
}
