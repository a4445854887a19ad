"""Checking the patches of an index: that each is the one that is named, and leads to the index."""

import zlib
from collections.abc import Iterator
from pathlib import Path

from debwright.repository import diffs
from debwright.repository.diffs import Digest, Patch

DIFF_INDEX = diffs.INDEX
PATCH_LIMIT = 64 * 1024**2
"""Bytes of a patch, unpacked."""


def wrong_patches(listed: Path, suite: Path) -> Iterator[tuple[str, Path]]:
    """What is wrong with the list of patches at `listed`, each with the file that it is about."""
    found = diffs.read(listed)
    name = listed.relative_to(suite)
    if found is None:
        yield f"{name} is no list of patches", listed
        return
    index = listed.parent.with_name(listed.parent.name.removesuffix(".diff"))
    if not index.is_file() or Digest.of(index.read_bytes()) != found.current:
        yield f"{name} leads to another {index.name} than there is", listed
    for patch in found.patches:
        file = listed.with_name(f"{patch.name}.gz")
        if (why := _wrong(file, patch)) is not None:
            yield f"{file.relative_to(suite)} {why}", file


def _wrong(file: Path, patch: Patch) -> str | None:
    if not file.is_file():
        return "is missing"
    if file.stat().st_size != patch.download.size:
        return "is not what its list says"
    data = file.read_bytes()
    if Digest.of(data) != patch.download:
        return "is not what its list says"
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(data, PATCH_LIMIT)
    except zlib.error:
        return "cannot be unpacked"
    return None if unpacker.eof and Digest.of(text) == patch.text else "unpacks to something else"
