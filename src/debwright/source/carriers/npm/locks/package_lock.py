"""package-lock.json and npm-shrinkwrap.json of npm, lockfileVersion 1 to 3."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from debwright.source.carriers.npm.model import (
    Link,
    Locked,
    Platform,
    Tree,
    checked,
    integrity,
    refused,
)


def read(text: str, file: str, package: Mapping[str, Any]) -> Tree:
    """The tree of a lock; it says itself where everything is."""
    del package
    data = json.loads(text)
    if isinstance(data.get("packages"), dict):
        return _modern(data["packages"], file)
    return Tree(packages=tuple(_old(data.get("dependencies", {}), "", file)))


def _modern(packages: Mapping[str, Any], file: str) -> Tree:
    found, links = [], []
    for path, entry in packages.items():
        if "node_modules" not in PurePosixPath(path).parts:
            continue  # the project, or a member of its workspace
        if entry.get("link"):
            links.append(_link(path, str(entry["resolved"]), file))
        elif not entry.get("inBundle"):
            found.append(_package(path, entry, file))
    return Tree(packages=tuple(found), links=tuple(links))


def _link(path: str, target: str, file: str) -> Link:
    parts = PurePosixPath(target).parts
    if target.startswith("/") or ".." in parts:
        raise refused(_name_in(path), f"{target}, which is outside of the project", file)
    return Link(path=path, target=target)


def _package(path: str, entry: Mapping[str, Any], file: str) -> Locked:
    name = str(entry.get("name") or _name_in(path))
    url = entry.get("resolved")
    if url is not None and urlsplit(str(url)).scheme not in ("http", "https"):
        raise refused(name, str(url)[:100], file)
    return checked(
        Locked(
            path=path,
            name=name,
            version=str(entry.get("version", "")),
            url=url,
            integrity=integrity(entry.get("integrity")),
            dev=bool(entry.get("dev")),
            # A build needs what is devOptional, and what runs may have it: it is no `dev`.
            optional=bool(entry.get("optional")) or bool(entry.get("devOptional")),
            platform=Platform(
                os=tuple(entry.get("os", ())),
                cpu=tuple(entry.get("cpu", ())),
                libc=tuple(entry.get("libc", ())) or _libc_of(name),
            ),
            scripts=bool(entry.get("hasInstallScript")),
        ),
        file,
    )


def _libc_of(name: str) -> tuple[str, ...]:
    """Locks of npm before 10.9 leave `libc` out; names of such packages end with it."""
    return ("musl",) if name.endswith(("-musl", "-musleabihf")) else ()


def _name_in(path: str) -> str:
    return path.rpartition("node_modules/")[2]


def _old(entries: Mapping[str, Any], above: str, file: str) -> Iterator[Locked]:
    """Version 1: each dependency has those that are unpacked inside of it."""
    for alias, entry in entries.items():
        path = f"{above}node_modules/{alias}"
        name, version = alias, str(entry.get("version", ""))
        if version.startswith("npm:"):
            name, _, version = version.removeprefix("npm:").rpartition("@")
        if ":" in version:
            raise refused(alias, version[:100], file)
        if not entry.get("bundled"):
            yield checked(
                Locked(
                    path=path, name=name, version=version, url=entry.get("resolved"),
                    integrity=integrity(entry.get("integrity")), dev=bool(entry.get("dev")),
                    optional=bool(entry.get("optional")),
                ),
                file,
            )  # fmt: skip
        yield from _old(entry.get("dependencies", {}), f"{path}/", file)
