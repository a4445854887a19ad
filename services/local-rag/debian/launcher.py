#!/usr/bin/python3 -IS
"""The command local-rag, isolated and without site-packages.

Only the standard library and the package's own directory are seen, so that nothing installed
elsewhere can take the place of a module.
"""

import sys

sys.path.insert(0, "/usr/lib/local-rag")

from local_rag.cli import main

main(prog_name="local-rag")
