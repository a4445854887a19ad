#!/usr/bin/python3
"""Installs the Python distributions that this source package carries; see --help."""

import sys

sys.dont_write_bytecode = True  # the source tree stays as it was unpacked

from helper.cli import main  # type: ignore[import-not-found]  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
