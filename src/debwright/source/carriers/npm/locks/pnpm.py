"""pnpm-lock.yaml, lockfileVersion 5 to 9."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from debwright.source.carriers.npm.locks.layout import Node, laid_out
from debwright.source.carriers.npm.model import (
    Locked,
    Platform,
    Tree,
    checked,
    integrity,
    refused,
)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OLD_KEY = re.compile(r"/?((?:@[^/]+/)?[^/@]+)[/@]([^_(]+)")
"""`/name/1.0.0_peers` before version 6, `/name@1.0.0(peers)` in it; no slash from 9 on."""
_PEERS = re.compile(r"[_(].*", re.S)


def read(text: str, file: str, package: Mapping[str, Any]) -> Tree:
    """The tree that node needs for what pnpm resolved."""
    del package
    data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - it is a safe one
    importers = data.get("importers") or {".": data}
    project = importers["."]
    # From version 9 on, what is fetched and what needs what stand apart.
    snapshots = data.get("snapshots") or data.get("packages") or {}
    described = data.get("packages") or {}
    keys = frozenset(snapshots)
    nodes = {
        key: _node(key, snapshot or {}, described, keys, file)
        for key, snapshot in snapshots.items()
    }
    run, may, dev = (
        _wanted(project.get(kind), keys, file)
        for kind in ("dependencies", "optionalDependencies", "devDependencies")
    )
    return laid_out(nodes, run, may, dev)


def _wanted(said: Mapping[str, Any] | None, known: frozenset[str], file: str) -> dict[str, str]:
    """Alias to the key of a package, as the project or a package names it."""
    found = {}
    for alias, entry in (said or {}).items():
        version = str(entry["version"] if isinstance(entry, Mapping) else entry)
        if version.startswith("link:"):
            raise refused(alias, version, file)
        keys = (f"{alias}@{version}", f"/{alias}@{version}", f"/{alias}/{version}", version,
                f"/{version}")  # fmt: skip
        key = next((k for k in keys if k in known), None)
        if key is None:
            raise ValueError(f"nothing is said of {alias} {version}")
        found[alias] = key
    return found


def _node(
    key: str,
    snapshot: Mapping[str, Any],
    described: Mapping[str, Any],
    known: frozenset[str],
    file: str,
) -> Node:
    about = described.get(key) or described.get(_PEERS.sub("", key)) or snapshot
    match = _OLD_KEY.match(key)
    name = str(about.get("name") or (match[1] if match else key))
    version = str(about.get("version") or (match[2] if match else ""))
    resolution = about.get("resolution", {})
    if "integrity" not in resolution:
        where = str(resolution.get("tarball") or resolution.get("repo") or resolution)
        raise refused(name, where[:100], file)
    return Node(
        package=checked(
            Locked(
                path="node_modules/x",
                name=name,
                version=version,
                url=resolution.get("tarball"),
                integrity=integrity(resolution["integrity"]),
                platform=Platform(
                    os=tuple(about.get("os", ())),
                    cpu=tuple(about.get("cpu", ())),
                    libc=tuple(about.get("libc", ())),
                ),
                scripts=about.get("requiresBuild"),
            ),
            file,
        ),
        needs=_wanted(snapshot.get("dependencies"), known, file),
        may_need=_wanted(snapshot.get("optionalDependencies"), known, file),
    )
