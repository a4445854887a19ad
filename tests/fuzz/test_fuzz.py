"""Every parser of foreign bytes, on its seeds and a few inputs that are the same each time.

`make check-fuzz` takes minutes, and other inputs each time.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.parsers import PARSERS, SEEDS

TOP = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("DEBWRIGHT_FUZZ_EXAMPLES", "0"))
FEW = 12
NAMES = [parser.name for parser in PARSERS]
# A process takes longer to begin than its few inputs: they share one.
TOGETHER = NAMES if EXAMPLES else [",".join(NAMES)]

pytestmark = pytest.mark.apart


@pytest.mark.parametrize("names", TOGETHER)
@pytest.mark.timeout(1800)
def test_a_parser_refuses_what_it_cannot_read_within_its_limits(names: str) -> None:
    words = [sys.executable, "-m", "tests.fuzz.one", names, str(EXAMPLES or FEW)]
    words += ["--random"] if EXAMPLES else []
    done = subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=False)
    again = " ".join(["python", *words[1:]])
    assert done.returncode == 0, f"again: {again}\n{done.stderr[-3000:]}"


def test_every_parser_has_seeds_that_are_meant_well() -> None:
    assert {p.name for p in SEEDS.iterdir()} == {p.name for p in PARSERS}
