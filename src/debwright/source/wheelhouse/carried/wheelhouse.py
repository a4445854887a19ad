#!/usr/bin/python3
"""Installs the Python distributions that this source package carries; see --help."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays as it was unpacked
sys.path.insert(0, str(Path(__file__).resolve().parent))  # for python3 -I, too

from helper.cli import main  # type: ignore[import-not-found]  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
