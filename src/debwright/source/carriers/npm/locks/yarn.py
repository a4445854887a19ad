"""yarn.lock, of yarn 1 (a form of its own) and of yarn 2 to 4 (YAML)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from debwright.source.carriers.npm.locks.layout import Node, laid_out
from debwright.source.carriers.npm.model import (
    Integrity,
    Locked,
    Platform,
    Tree,
    checked,
    integrity,
    refused,
)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s,:"]+(?::[^\s,:"]+)*)')
_CONDITION = re.compile(r"(os|cpu|libc)=([\w.-]+)")
_PATCH = re.compile(r"patch:((?:@[^/@]+/)?[^@]+@[^#]+)#")

Wanted = Mapping[str, str]
"""Alias to the range that is asked for."""


def read(text: str, file: str, package: Mapping[str, Any]) -> Tree:
    """The tree that node needs for what yarn resolved; what the project itself asks for stands in
    its package.json."""
    modern = re.search(r"^__metadata:", text, re.M) is not None
    resolved = _modern(text, file) if modern else _classic(text, file)
    # Yarn 2 and later write the protocol that is meant, where the project leaves it out.
    prefixes = ("", "npm:") if modern else ("",)

    only = _only(resolved)

    def keys(said: object, *, must: bool = True) -> dict[str, str]:
        found = {}
        for alias, wanted in said.items() if isinstance(said, Mapping) else ():
            key = next((k for p in prefixes if (k := f"{alias}@{p}{wanted}") in resolved), None)
            # `resolutions` of package.json put another range in the place of the one asked for.
            key = key or only.get(alias)
            if key is None and must:
                where = str(wanted)
                if ":" in where and not where.startswith("npm:"):
                    raise refused(alias, where[:100], file)
                raise ValueError(f"nothing is said of {alias}@{where}")
            if key is not None:
                found[alias] = resolved[key][0]
        return found

    nodes = {}
    for name, locked, needs, may in resolved.values():
        if name not in nodes and locked is not None:
            nodes[name] = Node(package=locked, needs=keys(needs), may_need=keys(may, must=False))
    return laid_out(
        nodes,
        keys(package.get("dependencies")),
        keys(package.get("optionalDependencies"), must=False),
        keys(package.get("devDependencies")),
    )


def _only(resolved: Mapping[str, "_Entry"]) -> dict[str, str]:
    """Names that are resolved to one package, and a pattern of each."""
    found: dict[str, dict[str, str]] = {}
    for pattern, entry in resolved.items():
        found.setdefault(_alias(pattern), {})[entry[0]] = pattern
    return {name: next(iter(one.values())) for name, one in found.items() if len(one) == 1}


_Entry = tuple[str, Locked | None, Wanted, Wanted]
"""The key of the package, what it is (None: a part of the project), what it needs and may need."""


def _classic(text: str, file: str) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for patterns, entry in _blocks(text):
        version = str(entry["version"])
        url = str(entry.get("resolved", ""))
        name = _name_of(patterns[0])
        if url and not re.match(r"https?://", url):
            raise refused(name, url[:100], file)
        if (url and ".git#" in url) or "codeload." in url:
            raise refused(name, url[:100], file)
        address, _, sha1 = url.partition("#")
        old = Integrity(algorithm="sha1", hexdigest=sha1) if len(sha1) == 40 else None
        locked = checked(
            Locked(
                path="node_modules/x", name=name, version=version, url=address or None,
                integrity=integrity(entry.get("integrity")) or old,
            ),
            file,
        )  # fmt: skip
        made: _Entry = (
            patterns[0], locked, entry.get("dependencies", {}),
            entry.get("optionalDependencies", {}),
        )  # fmt: skip
        found |= dict.fromkeys(patterns, made)
    return found


def _alias(pattern: str) -> str:
    """The name that `name@range` is asked for by."""
    return pattern[0] + pattern[1:].partition("@")[0]


def _name_of(pattern: str) -> str:
    """The package that `name@range`, or `alias@npm:name@range`, is about."""
    wanted = pattern[1:].partition("@")[2].removeprefix("npm:")
    return _alias(wanted) if "@" in wanted[1:] else _alias(pattern)


def _blocks(text: str) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """The entries of a lock of yarn 1: a line of patterns, then two columns, indented."""
    patterns: list[str] = []
    entry: dict[str, Any] = {}
    inner: dict[str, str] | None = None
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        depth = len(line) - len(line.lstrip())
        words = [(m[1] if m[1] is not None else m[2]) for m in _WORD.finditer(line)]
        if depth == 0:
            if patterns:
                yield patterns, entry
            patterns, entry, inner = words, {}, None
        elif depth == 2 and line.rstrip().endswith(":"):
            inner = entry[words[0]] = {}
        elif depth == 2:
            entry[words[0]], inner = words[1], None
        elif inner is not None:
            inner[words[0]] = " ".join(words[1:])
    if patterns:
        yield patterns, entry


def _modern(text: str, file: str) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for key, entry in yaml.load(text, Loader=_LOADER).items():  # noqa: S506 - it is a safe one
        if key == "__metadata":
            continue
        resolution = str(entry["resolution"])
        needs, may = _split(entry)
        patterns = [p.strip() for p in str(key).split(",")]
        made: _Entry = (resolution, _locked(resolution, entry, file), needs, may)
        found |= dict.fromkeys(patterns, made)
    return found


def _locked(resolution: str, entry: Mapping[str, Any], file: str) -> Locked | None:
    """A package of the registry; None for a part of the project. Its checksum is of an archive that
    yarn makes itself: the tarball's has to be asked of the registry."""
    name, _, where = resolution[1:].partition("@")
    name = resolution[0] + name
    if where.startswith("workspace:"):
        return None
    if patched := _PATCH.match(where):
        # Of a builtin patch for yarn's own loader, which node_modules does not need.
        if "optional!builtin" not in where:
            raise refused(name, where[:100], file)
        where = patched[1].replace("%3A", ":").rpartition("@")[2]
    if not where.startswith("npm:"):
        raise refused(name, where[:100], file)
    version = where.removeprefix("npm:").partition("::")[0]
    conditions: dict[str, list[str]] = {}
    for kind, value in _CONDITION.findall(str(entry.get("conditions", ""))):
        conditions.setdefault(kind, []).append(value)
    return checked(
        Locked(
            path="node_modules/x", name=name, version=version, url=None, integrity=None,
            platform=Platform(
                os=tuple(conditions.get("os", ())),
                cpu=tuple(conditions.get("cpu", ())),
                libc=tuple(conditions.get("libc", ())),
            ),
        ),
        file,
    )  # fmt: skip


def _split(entry: Mapping[str, Any]) -> tuple[Wanted, Wanted]:
    """Dependencies, and those of them that dependenciesMeta calls optional."""
    needs = {str(k): str(v) for k, v in (entry.get("dependencies") or {}).items()}
    meta = entry.get("dependenciesMeta") or {}
    may = {k: v for k, v in needs.items() if (meta.get(k) or {}).get("optional")}
    return {k: v for k, v in needs.items() if k not in may}, may
