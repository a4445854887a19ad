#!/usr/bin/python3
"""Adds the numbers it is given."""

import sys

sys.path.insert(0, "/usr/lib/abacus")
sys.dont_write_bytecode = True

from abacus_beads import add  # noqa: E402
from abacus_frame import count  # noqa: E402
from abacus_words import SUM  # noqa: E402

total = 0
for word in sys.argv[1:]:
    total = add(total, int(word))
print(SUM, count(len(sys.argv) - 1), total)
