"""From a lock to the component that the source package carries."""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debwright.host.files import atomic_write, sha256_file
from debwright.model.arch import ARCHITECTURES
from debwright.model.manifest import digest
from debwright.roots.cache import Cache
from debwright.source.carrier import Carried, Say
from debwright.source.carriers.npm.fetch import Fetched, completed, fetch_all
from debwright.source.carriers.npm.locks import read_package, read_text, read_tree
from debwright.source.carriers.npm.model import Locked, Platform, Tree
from debwright.source.carriers.npm.registry import Registry, configured
from debwright.source.components import Component, sums
from debwright.source.tarball import add_bytes, add_directory, add_file, tarball

COMPONENT = "npm-tarballs"
HOME = "carried/npm"
"""The directory of the cache."""
HELPER = "npm_tarballs.py"
FORMAT = 1
BUILT_ON = frozenset({"amd64", "arm64"})
"""What a build may run on, whatever it is for: programs of the build are carried for these."""
_SEARCHED = 64 * 1024**2
"""Bytes of a tarball's members that are read to learn what it is."""
_HELPER = Path(__file__).with_name("carried") / HELPER


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What became of a lock: the component, and what its packages are."""

    carried: Carried
    items: Sequence[dict[str, Any]]
    """The packages of the manifest."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a component is made from; equal wishes give equal components."""

    lock: str
    text: str
    tree: Tree
    arches: frozenset[str]
    registry: Registry = field(repr=False)

    @property
    def digest(self) -> str:
        """Of everything that decides what is in it. The registry does not: the hashes do."""
        wanted = {
            "tree": self.tree, "arches": sorted(self.arches), "helper": _helper_digest(),
            "format": FORMAT,
        }  # fmt: skip
        return digest({key: str(value) for key, value in wanted.items()})

    def prepare(self, cache: Cache, *, note: Say, activity: Say) -> Carried:
        return self.packed(cache, note=note, activity=activity).carried

    def packed(self, cache: Cache, *, note: Say, activity: Say) -> Packed:
        """Fetch and pack, taking from the cache what is there. Raises NpmError, or
        RegistryUnreachable (the environment's fault)."""
        started = time.monotonic()
        home = cache.root / HOME
        record = home / "prepared" / f"{self.digest}.json"
        with cache.lock(f"npm-{self.digest}"):
            known = _known(record, home)
            if known is None:
                known = self._pack(home, note, activity)
                record.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(record, json.dumps(known) + "\n")
        part = Component(
            name=COMPONENT, tarball=home / "components" / known["tarball"], size=known["size"],
            md5=known["md5"], sha1=known["sha1"], sha256=known["sha256"],
        )  # fmt: skip
        files = len({item["file"] for item in known["items"]})
        carried = Carried(component=part, files=files, seconds=time.monotonic() - started)
        return Packed(carried=carried, items=known["items"])

    def _pack(self, home: Path, note: Say, activity: Say) -> dict[str, Any]:
        cpus = frozenset(ARCHITECTURES[a].node for a in self.arches)
        wanted = [p for p in self.tree.packages if p.platform is None or p.platform.fits(cpus)]
        full = completed(wanted, self.registry, home, note=note, activity=activity)
        full = [p for p in full if not p.optional or (p.platform or Platform()).fits(cpus)]
        old = sum(p.integrity is not None and p.integrity.algorithm == "sha1" for p in full)
        if old:
            note(f"{self.lock} has no better hash than SHA-1 for {old} packages")
        fetched = fetch_all(full, self.registry, home / "files", note=note, activity=activity)
        activity("packing what was fetched")
        names = _names(fetched)
        items = [_item(one, names[one.path]) for one in fetched]
        text = self._manifest(items)
        path = home / "components" / f"{_digest_of(text)}.tar.gz"
        if not path.is_file():
            _write(text, {names[one.path]: one.path for one in fetched}, path)
        return {"tarball": path.name, "items": items, **sums(path)}

    def _manifest(self, items: Sequence[dict[str, Any]]) -> str:
        document = {
            "format": FORMAT,
            "packages": items,
            "links": [{"path": link.path, "target": link.target} for link in self.tree.links],
            "cpus": {a: ARCHITECTURES[a].node for a in sorted(ARCHITECTURES)},
        }
        return json.dumps(document, indent=1, sort_keys=True) + "\n"


def wish(source: Path, lock: str, arches: Iterable[str], registry: str | None = None) -> Wish:
    """What the lock of the project in `source` asks for. Raises ConfigError."""
    text = read_text(source / lock, lock)
    home = (source / lock).parent
    return Wish(
        lock=lock,
        text=text,
        tree=read_tree(lock, text, read_package(home)),
        arches=frozenset(arches) | BUILT_ON,
        registry=configured(home, registry),
    )


def _known(record: Path, home: Path) -> dict[str, Any] | None:
    """What was packed before, for a tarball that is still there."""
    try:
        known: dict[str, Any] = json.loads(record.read_text())
        path = home / "components" / Path(known["tarball"]).name
        if sha256_file(path) != known["sha256"]:
            return None
        os.utime(record)  # "last used", for pruning
        os.utime(path)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return known


def _helper_digest() -> str:
    return hashlib.sha256(_HELPER.read_bytes()).hexdigest()


def _digest_of(manifest: str) -> str:
    return hashlib.sha256(f"{_helper_digest()}\n{manifest}".encode()).hexdigest()


def _names(fetched: Sequence[Fetched]) -> dict[Path, str]:
    """A name for each file; two files of one package and version get their hash in it."""
    by_name: dict[str, Path] = {}
    found: dict[Path, str] = {}
    for one in fetched:
        name = one.path.name
        if by_name.setdefault(name, one.path) != one.path:
            name = f"{one.sha512[:16]}-{name}"
        found[one.path] = name
    return found


def _item(one: Fetched, name: str) -> dict[str, Any]:
    """A package as the manifest has it, with what a bill of materials wants to know.

    Not its address: a mirror's would make another source package of the same files.
    """
    package, about = one.package, about_tarball(one.path)
    return {
        "path": package.path,
        "name": package.name,
        "version": package.version,
        "file": name,
        "sha512": one.sha512,
        "dev": package.dev,
        "optional": package.optional,
        "compiled": about.compiled,
        "licence": about.licence,
        "engines": about.engines,
        "purl": f"pkg:npm/{package.name.replace('@', '%40', 1)}@{package.version}",
        **_where(package),
    }


def _where(package: Locked) -> dict[str, list[str]]:
    platform = package.platform or Platform()
    return {"os": list(platform.os), "cpu": list(platform.cpu), "libc": list(platform.libc)}


@dataclass(frozen=True, kw_only=True)
class About:
    """What a tarball is."""

    compiled: bool = False
    """It has a binding.gyp, so that npm compiles it."""
    licence: str = ""
    engines: str = ""
    """The versions of node that it says it works with."""


def about_tarball(path: Path) -> About:
    """Look into a tarball; what cannot be read is said by the build, which unpacks it."""
    compiled, said, size = False, ("", ""), 0
    try:
        with tarfile.open(path, "r|gz") as tar:
            for member in tar:
                size += member.size
                if size > _SEARCHED:
                    break
                inner = member.name.partition("/")[2]
                compiled = compiled or inner == "binding.gyp"
                if inner == "package.json" and (content := tar.extractfile(member)):
                    said = _said(json.loads(content.read(_SEARCHED)))
    except (OSError, tarfile.TarError, ValueError, EOFError):
        pass
    return About(compiled=compiled, licence=said[0], engines=said[1])


def _said(package: object) -> tuple[str, str]:
    """What a package.json says of its licence, and of node."""
    data = package if isinstance(package, dict) else {}
    licence, engines = data.get("license"), data.get("engines")
    if isinstance(licence, dict):
        licence = licence.get("type")
    node = engines.get("node") if isinstance(engines, dict) else None
    first, second = (text[:200] if isinstance(text, str) else "" for text in (licence, node))
    return first, second


def _write(manifest: str, files: dict[str, Path], path: Path) -> None:
    with tarball(path) as tar:
        add_directory(tar, COMPONENT)
        add_bytes(tar, f"{COMPONENT}/{HELPER}", _HELPER.read_bytes(), executable=True)
        add_bytes(tar, f"{COMPONENT}/manifest.json", manifest.encode())
        add_directory(tar, f"{COMPONENT}/files")
        for name, file in sorted(files.items()):
            add_file(tar, f"{COMPONENT}/files/{name}", file)
