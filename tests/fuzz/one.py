"""Fuzzes parsers in a process of its own, within limits of memory and time.

    python -m tests.fuzz.one NAME[,NAME...] EXAMPLES [--random]

Without --random the inputs are the same each time. An input that is found is kept below seeds/, so
that it is tried first from then on.
"""

import hashlib
import resource
import signal
import sys
import warnings
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.parsers import PARSERS, SEEDS, Parser

MEMORY = 1 << 30
"""Bytes of address space: a parser that needs more for kilobytes is at fault."""
SECONDS = 10
"""For one input. What is meant well takes milliseconds."""
LONGEST = 4096

Edit = tuple[str, int, bytes]


class TooSlow(Exception):
    """An input takes longer than `SECONDS`."""


def edited(seed: bytes, edits: list[Edit]) -> bytes:
    """`seed` with pieces put in, taken out, replaced and doubled."""
    data = bytearray(seed)
    for kind, place, piece in edits:
        at = place % (len(data) + 1)
        if kind == "insert":
            data[at:at] = piece
        elif kind == "replace":
            data[at : at + len(piece)] = piece
        elif kind == "remove":
            del data[at : at + len(piece) * 4]
        else:
            data[at:at] = data[max(0, at - 64) : at] * (1 + len(piece))
    return bytes(data[: 1 << 20])


PIECES = st.one_of(
    st.binary(min_size=1, max_size=8),
    st.sampled_from(
        [
            b"\n", b"\r", b"\0", b" ", b":", b"\xff\xfe", b"\xe2\x80\xae", b"9" * 30, b"-1", b"[",
            b"{", b'"', b"'", b"../", b"\n ", b"\n\n", b"%", b"\x1f\x8b", b"0x", b"nan", b"1e999",
        ]
    ),
)  # fmt: skip
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "remove", "double"]), st.integers(0, 1 << 16), PIECES
    ),
    max_size=6,
)


def inputs(parser: Parser) -> st.SearchStrategy[bytes]:
    """Seeds, edited; and now and then anything."""
    near = st.builds(edited, st.sampled_from(parser.seeds()), EDITS)
    return st.one_of(near, near, near, st.binary(max_size=LONGEST))


def tried(parser: Parser, data: bytes) -> None:
    """Run the parser on one input. Raises what is a finding."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        parser.run(data)
    except parser.refuses:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def fuzz(parser: Parser, examples: int, *, random: bool) -> None:
    """All seeds, then `examples` inputs. Raises what is a finding, of the smallest input."""

    def late(*_: Any) -> None:
        raise TooSlow(f"{parser.name} takes longer than {SECONDS} s")

    signal.signal(signal.SIGALRM, late)
    for seed in parser.seeds():
        tried(parser, seed)

    last = b""

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=not random,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(inputs(parser))
    def each(data: bytes) -> None:
        nonlocal last
        last = data
        tried(parser, data)

    try:
        each()
    except BaseException:
        # The last one that is tried is the smallest that was found.
        name = hashlib.sha256(last).hexdigest()[:16]
        (SEEDS / parser.name / f"found-{name}").write_bytes(last)
        raise


def main() -> None:
    """See the module."""
    names, examples, *more = sys.argv[1:]
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for parser in PARSERS:
        if parser.name in names.split(","):
            fuzz(parser, int(examples), random=bool(more))


if __name__ == "__main__":
    main()
