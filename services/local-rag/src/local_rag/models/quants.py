"""The ways GGUF files store numbers: elements and bytes per block.

Numbers and sizes as in ggml.h and ggml-common.h of the llama.cpp that llama-cpp-python 0.3.36
carries; a slow test compares them with the compiled library.
"""

from typing import NamedTuple


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
