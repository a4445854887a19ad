"""Layers as one file, for a cache between machines, and taking them out of it again.

A tar with owners, modes, device nodes and extended attributes: an overlay's layer has all of them
(Documentation/filesystems/overlayfs.rst). What is taken in must look like a layer of this cache
to become one; nothing else of the file is kept.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from debwright.host import process
from debwright.host.process import CommandError
from debwright.isolation.namespaces import is_root
from debwright.model import manifest as manifests
from debwright.model.errors import DebwrightError, Evidence, MissingError
from debwright.model.manifest import FORMAT, Manifest, digest
from debwright.roots.cache import Cache, hold_shared
from debwright.roots.store import LayerStore

DOWNLOADS = ("wheelhouse", "carried")
"""What was fetched or compiled for source packages: slower to make again than a root."""
PACK_SECONDS = 1800.0
_TAR = ("--xattrs", "--xattrs-include=*", "--numeric-owner", "--sparse")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a pack had."""

    layers: tuple[str, ...]
    """New in the cache, as TARGET/NAME-ID."""
    known: int
    """Layers that were there already."""


def layers_for(store: LayerStore, targets: Iterable[str]) -> list[tuple[Path, Manifest]]:
    """The layers of `targets` that a pack has: of each kind and question, the newest answer."""
    wanted = set(targets)
    newest: dict[tuple[str, str], tuple[Path, Manifest]] = {}
    for path, manifest in store.all():  # oldest first
        if manifest.target in wanted:
            newest[manifest.target, manifest.inputs_digest] = path, manifest
    kept = list(newest.values())
    ids = {manifest.id for _, manifest in kept}
    # Without what it stands on a layer is of no use.
    while lost := [item for item in kept if item[1].parent not in {None, *ids}]:
        kept = [item for item in kept if item not in lost]
        ids = {manifest.id for _, manifest in kept}
    return kept


def prefix_of(name: str, asked: object) -> str:
    """What keys of packs begin with that may serve: the same roots asked for, in this format."""
    return f"debwright-roots-{name}-{digest({'format': FORMAT, 'asked': asked})}-"


def key_of(prefix: str, layers: Sequence[tuple[Path, Manifest]]) -> str:
    """Names the content: the ids of all layers, which their manifests give them."""
    return prefix + digest(sorted(manifest.id for _, manifest in layers))


def pack(cache: Cache, layers: Sequence[tuple[Path, Manifest]], target: Path) -> int:
    """Write `layers`, and what was fetched or compiled, to the file `target`; its size in bytes.

    Raises MissingError unless root, DebwrightError when tar fails; then there is no file.
    """
    _need_root()
    names = [str(path.relative_to(cache.root)) for path, _ in layers]
    names += [name for name in DOWNLOADS if (cache.root / name).is_dir()]
    beside = target.with_name(f".{target.name}.new")
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for path, _ in layers:
            stack.enter_context(hold_shared(path / "lock"))
        try:
            _tar(["--create", "--zstd", *_TAR, f"--file={beside}", f"--directory={cache.root}",
                  "--", *names], env={"ZSTD_CLEVEL": "3", "ZSTD_NBTHREADS": "0"})  # fmt: skip
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    return target.stat().st_size


def unpack(cache: Cache, source: Path) -> Taken:
    """Take the layers of a pack into the cache. Raises MissingError unless root, DebwrightError."""
    _need_root()
    taken, known = [], 0
    with cache.scratch("unpack") as scratch:
        tree = scratch / "pack"
        tree.mkdir()
        _tar(["--extract", "--zstd", *_TAR, "--same-owner", "--preserve-permissions",
              f"--file={source}", f"--directory={tree}"])  # fmt: skip
        for path in sorted(tree.glob("layers/*/*")):
            manifest = _layer(path)
            if manifest is None:
                continue
            home = cache.layers / manifest.target
            final = home / path.name
            if final.exists():
                known += 1
                continue
            home.mkdir(parents=True, exist_ok=True)
            path.rename(final)
            taken.append(f"{manifest.target}/{path.name}")
        for name in DOWNLOADS:
            _take_downloads(tree / name, cache.root / name)
    return Taken(layers=tuple(taken), known=known)


def _layer(path: Path) -> Manifest | None:
    """The manifest of what is a layer as the cache has them; None for everything else."""
    tree = path / "tree"
    if any(p.is_symlink() for p in (path.parent.parent, path.parent, path, tree)):
        return None
    manifest = manifests.read(path / "manifest.json")
    if manifest is None or not tree.is_dir():
        return None
    named = path.name == f"{manifest.name}-{manifest.id}" and path.parent.name == manifest.target
    return manifest if named else None


def _take_downloads(source: Path, target: Path) -> None:
    """Files that are not there yet; each is judged by its own digest when it is used."""
    if source.is_symlink() or not source.is_dir():
        return
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        folders[:] = [name for name in folders if not (here / name).is_symlink()]
        there = target / here.relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        for name in files:
            if not (here / name).is_symlink() and not (there / name).exists():
                (here / name).rename(there / name)


def _tar(arguments: Sequence[str], env: dict[str, str] | None = None) -> None:
    try:
        process.run(["tar", *arguments], env=env, timeout=PACK_SECONDS)
    except CommandError as error:
        raise DebwrightError(
            "tar failed on the roots", evidence=error.evidence[-5:],
            fix="debwright doctor; df -h; or leave the pack out, roots are then made anew",
        ) from error  # fmt: skip


def _need_root() -> None:
    if not is_root():
        raise MissingError(
            "roots can be packed and unpacked by root only",
            evidence=[Evidence(text="their files have owners and device nodes")],
            fix="sudo debwright cache ...",
        )
