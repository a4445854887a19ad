"""Layers on disk: find one that may be reused, or make it whole before anyone sees it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from debwright.host import process, usage
from debwright.model import manifest as manifests
from debwright.model.errors import DebwrightError
from debwright.model.manifest import Manifest
from debwright.roots.cache import Cache, hold_shared, remove_tree, tree_size, try_lock


@dataclass(frozen=True)
class Layer:
    """A read-only tree and what it stands on."""

    path: Path
    manifest: Manifest
    parent: "Layer | None" = None

    @property
    def tree(self) -> Path:
        return self.path / "tree"

    @property
    def id(self) -> str:
        return self.manifest.id

    def chain(self) -> list["Layer"]:
        """This layer and those below it, top first."""
        return [self, *(self.parent.chain() if self.parent else [])]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        with ExitStack() as stack:
            for layer in self.chain():
                try:
                    stack.enter_context(hold_shared(layer.path / "lock"))
                except FileNotFoundError:
                    pass  # told below
                if not layer.tree.is_dir():
                    raise DebwrightError(
                        f"layer {layer.manifest.name} of {layer.manifest.target} was just pruned",
                        fix="run the same command again",
                    )
            yield


@dataclass(frozen=True)
class Made:
    """What making a layer gave: the tree (to be moved), and what to write in the manifest."""

    tree: Path
    packages: tuple[str, ...]
    mirror: dict[str, str]


Maker = Callable[[Path], Made]
"""Builds the tree inside the given scratch directory."""


@dataclass(frozen=True)
class Request:
    """A layer as it is asked for; `max_age_days` bounds how old a found one may be."""

    name: str
    target: str
    inputs: dict[str, Any]
    parent: Layer | None = None
    max_age_days: float | None = None

    @property
    def digest(self) -> str:
        return manifests.digest(
            {
                "name": self.name,
                "parent": self.parent.id if self.parent else None,
                "inputs": self.inputs,
            }
        )


class LayerStore:
    """The layers of one cache."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._fresh: set[str] = set()
        """Digests of what this run made: fresh enough for this run, whatever the age limit."""

    def find(self, request: Request) -> tuple[Layer | None, str]:
        """The newest layer that answers the request, and why there is none otherwise."""
        best: Layer | None = None
        reason = "not made yet"
        for path in sorted((self.cache.layers / request.target).glob(f"{request.name}-*")):
            found = manifests.read(path / "manifest.json")
            if found is None or found.inputs_digest != request.digest:
                continue
            limit = None if request.digest in self._fresh else request.max_age_days
            if limit is not None and found.age_days > limit:
                reason = f"is {found.age_days:.0f} days old, {limit:g} are allowed"
                continue
            if best is None or found.created > best.manifest.created:
                best = Layer(path, found, request.parent)
        return best, "" if best else reason

    def ensure(self, request: Request, make: Maker) -> tuple[Layer, bool]:
        """The layer, and whether it was made now. Two processes never make the same one twice."""
        found, _ = self.find(request)
        if found is not None:
            usage.layer(made=False)
            return found, False
        with self.cache.lock(f"{request.target}-{request.name}-{request.digest}"):
            found, _ = self.find(request)
            if found is not None:
                usage.layer(made=False)
                return found, False
            made = self._make(request, make)
            usage.layer(made=True)
            self._fresh.add(request.digest)
            return made, True

    def _make(self, request: Request, make: Maker) -> Layer:
        with self.cache.scratch(f"layer-{request.name}") as scratch, ExitStack() as stack:
            if request.parent is not None:
                stack.enter_context(request.parent.in_use())
            made = make(scratch)
            manifest = Manifest(
                name=request.name,
                target=request.target,
                parent=request.parent.id if request.parent else None,
                inputs=request.inputs,
                packages=made.packages,
                mirror=made.mirror,
                created=datetime.now(UTC),
                size=tree_size(made.tree),
            )
            return self._keep(scratch, made.tree, manifest, request)

    def _keep(self, scratch: Path, tree: Path, manifest: Manifest, request: Request) -> Layer:
        staged = scratch / "keep"
        staged.mkdir(mode=0o755)
        tree.rename(staged / "tree")
        (staged / "lock").touch()
        # The overlay was volatile: only now, and only for what is kept, does the disk matter.
        process.run(["sync", "--file-system", staged])
        (staged / "manifest.json").write_text(manifest.model_dump_json(indent=1) + "\n")
        home = self.cache.layers / manifest.target
        home.mkdir(parents=True, exist_ok=True)
        final = home / f"{manifest.name}-{manifest.id}"
        if final.exists():
            # The same content made again (an expired base whose mirror has not moved): somebody
            # may be using the old tree, so only its date is renewed.
            (staged / "manifest.json").replace(final / "manifest.json")
        else:
            staged.rename(final)
        return Layer(final, manifest, request.parent)

    def all(self) -> list[tuple[Path, Manifest]]:
        """Every layer with its manifest, oldest first."""
        found = []
        for path in self.cache.layers.glob("*/*"):
            manifest = manifests.read(path / "manifest.json")
            if manifest is not None:
                found.append((path, manifest))
        return sorted(found, key=lambda item: item[1].created)

    def prune(self, *, max_bytes: int | None, max_age_days: float | None) -> list[Path]:
        """Remove layers nobody uses: too old ones, orphans, then the longest unused by size."""
        removed: list[Path] = []

        def drop(path: Path) -> bool:
            with try_lock(path / "lock") as free:
                if not free:
                    return False
                # Out of sight first, and whole: killed half-way, it must not be found as a layer.
                self.cache.scratches.mkdir(parents=True, exist_ok=True)
                doomed = self.cache.scratches / f"pruned-{secrets.token_hex(8)}"
                try:
                    path.rename(doomed)
                except FileNotFoundError:
                    return True  # another debwright was faster
                remove_tree(doomed)
            removed.append(path)
            return True

        kept = self.all()
        while True:
            ids = {manifest.id for _, manifest in kept}
            gone = [
                (path, manifest)
                for path, manifest in kept
                if (manifest.parent is not None and manifest.parent not in ids)
                or (max_age_days is not None and manifest.age_days > max_age_days)
            ]
            dropped = [item for item in gone if item[0] not in removed and drop(item[0])]
            if not dropped:
                break
            kept = [item for item in kept if item not in dropped]  # and look for new orphans
        if max_bytes is not None:
            total = sum(m.size for _, m in kept)
            for path, manifest in sorted(kept, key=lambda item: _last_used(item[0])):
                if total <= max_bytes:
                    break
                if drop(path):
                    total -= manifest.size
        return removed


def _last_used(path: Path) -> float:
    """When the layer was last taken up: opening it for use touches the lock."""
    try:
        return (path / "lock").stat().st_mtime
    except OSError:
        return 0.0
