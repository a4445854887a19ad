#!/usr/bin/python3 -IS
"""The command debwright, isolated and without site-packages.

Only the standard library and the package's own directory are seen, so that nothing installed
elsewhere can take the place of a module.
"""

import os
import sys

PRIVATE = "/usr/lib/debwright"

sys.path.insert(0, PRIVATE)
# uv and git-cliff, in the versions this was tested with; doctor's own look-ups follow.
os.environ["PATH"] = f"{PRIVATE}/bin:" + os.environ.get("PATH", os.defpath)

from debwright.cli.app import main

main()
