"""The component tarball `NAME_UPSTREAM.orig-wheelhouse.tar.gz` of a source package.

It depends on the lock, the configuration and the helper alone, so it is made once and kept by the
digest of those.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from debwright.source.tarball import add_bytes, add_directory, add_file, tarball
from debwright.source.wheelhouse.carried.helper import machines
from debwright.source.wheelhouse.carried.helper.manifest import FILES, FORMAT, NAME

COMPONENT = "wheelhouse"
_HELPER = Path(__file__).with_name("carried")


def helper_files() -> Iterator[tuple[str, bytes]]:
    """The helper's files by their names in the wheelhouse: all that it needs, and no debwright."""
    for name in ("wheelhouse.py", "private-tree.mk", "project.mk"):
        yield name, (_HELPER / name).read_bytes()
    for path in sorted((_HELPER / "helper").glob("*.py")):
        own = machines.carried_text().encode() if path.stem == "machines" else path.read_bytes()
        yield f"helper/{path.name}", own


def manifest_text(files: Sequence[dict[str, Any]], compiled: dict[str, Any]) -> str:
    """manifest.json: the same files and settings give the same text."""
    document = {"format": FORMAT, "files": list(files), "compile": compiled}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def helper_digest() -> str:
    """SHA-256 over the helper's files."""
    state = hashlib.sha256()
    for name, content in helper_files():
        state.update(name.encode() + b"\0" + content)
    return state.hexdigest()


def digest(manifest: str) -> str:
    """Names the component: its manifest, which holds every file's hash, and the helper."""
    return hashlib.sha256(f"{helper_digest()}\n{manifest}".encode()).hexdigest()


def write(manifest: str, files: Sequence[Path], path: Path) -> None:
    """Write the tarball to `path`, whole or not at all; `files` are named by their last part."""
    with tarball(path) as tar:
        add_directory(tar, COMPONENT)
        add_directory(tar, f"{COMPONENT}/helper")
        for name, content in helper_files():
            own = name == "wheelhouse.py"
            add_bytes(tar, f"{COMPONENT}/{name}", content, executable=own)
        add_bytes(tar, f"{COMPONENT}/{NAME}", manifest.encode())
        add_directory(tar, f"{COMPONENT}/{FILES}")
        for file in sorted(set(files), key=lambda p: p.name):
            add_file(tar, f"{COMPONENT}/{FILES}/{file.name}", file)
