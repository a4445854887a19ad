"""Wheels that were compiled before and are lent to this build: $DEBWRIGHT_WHEELS/index.json.

debwright compiles an sdist once for each architecture, in the root with the oldest C library, and
lends what came out to the build of every suite. Without it everything is compiled here.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from .manifest import Entry, Settings, sha256
from .problem import Problem

VARIABLE = "DEBWRIGHT_WHEELS"
INDEX = "index.json"


def find(entry: Entry, arch: str, python: str, settings: Settings) -> Path | None:
    """A wheel compiled from this very sdist, for this architecture and with these settings."""
    directory = Path(os.environ.get(VARIABLE, ""))
    if not os.environ.get(VARIABLE):
        return None
    try:
        records = json.loads((directory / INDEX).read_text(encoding="utf-8"))["wheels"]
        for record in records:
            if (
                record["sdist"] == entry.sha256
                and record["arch"] == arch
                and record["settings"] == settings.digest()
                and record["python"] in (None, python)
            ):
                path = directory / str(record["file"])
                if sha256(path) != record["sha256"]:
                    raise Problem(f"{path} is not the wheel its index names")
                return path
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(f"the lent wheels in {directory} cannot be read: {error}") from error
    return None
