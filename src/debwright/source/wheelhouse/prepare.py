"""From the configuration to a wheelhouse that is ready to go into the source package."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier

from debwright.config import Config
from debwright.config.wheelhouse import Wheelhouse, canonical
from debwright.host.files import atomic_write
from debwright.model.errors import Evidence
from debwright.model.manifest import digest
from debwright.roots import apt
from debwright.roots.cache import Cache
from debwright.source.components import Component, sums
from debwright.source.wheelhouse import component
from debwright.source.wheelhouse.fetch import Fetched, fetch_all
from debwright.source.wheelhouse.interpreters import Interpreter, interpreters
from debwright.source.wheelhouse.lockfile import LOCK_COMMAND, Lock, read_lock
from debwright.source.wheelhouse.metadata import About, about_sdist, about_wheel
from debwright.source.wheelhouse.resolve import (
    Chosen,
    WheelhouseError,
    ask_index,
    choose,
    from_json,
    to_json,
)

HOME = "wheelhouse"
"""The directory of the cache: files, tarballs, and what was compiled."""
RESOLVER = 2
"""Raised when the same lock may resolve to other files."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A wheelhouse in the cache."""

    component: Component
    files: int
    """How many the manifest names."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a wheelhouse is made from; equal wishes give equal wheelhouses."""

    settings: Wheelhouse
    lock: Lock
    build_lock: Lock | None
    interpreters: tuple[Interpreter, ...]

    @property
    def digest(self) -> str:
        """Of everything that decides which files it holds, and of the settings of compilations."""
        return digest(
            {
                "settings": self.settings.model_dump(mode="json"),
                "lock": self.lock.text,
                "build_lock": self.build_lock.text if self.build_lock else None,
                "interpreters": [str(vars(i)) for i in self.interpreters],
                "resolver": RESOLVER,
            }
        )


def wish(config: Config, source: Path) -> Wish | None:
    """What the configuration asks for; None without [wheelhouse]. Raises ConfigError."""
    settings = config.wheelhouse
    if settings is None:
        return None
    build = settings.build_lock
    return Wish(
        settings=settings,
        lock=read_lock(source / settings.lock, settings.lock),
        build_lock=read_lock(source / build, build) if build else None,
        interpreters=interpreters(config),
    )


def prepare(asked: Wish, cache: Cache, *, note: Say, activity: Say) -> Prepared:
    """Resolve, fetch and pack, taking from the cache what is there.

    Raises WheelhouseError, or IndexUnreachable (the environment's fault) after three attempts.
    """
    started = time.monotonic()
    home = cache.root / HOME
    with cache.lock(f"wheelhouse-{asked.digest}"):
        known = _packed(asked, home)
        if known is None:
            known = _pack(asked, cache, home, note, activity)
            record = _record(asked, home)
            record.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(record, json.dumps(known) + "\n")
    return _prepared(known, home, time.monotonic() - started)


def find(asked: Wish, cache: Cache) -> Prepared | None:
    """The wheelhouse, when it is in the cache."""
    known = _packed(asked, cache.root / HOME)
    return _prepared(known, cache.root / HOME, 0.0) if known else None


def _prepared(known: dict[str, Any], home: Path, seconds: float) -> Prepared:
    part = Component(
        name=component.COMPONENT, tarball=home / "components" / known["tarball"],
        size=known["size"], md5=known["md5"], sha1=known["sha1"], sha256=known["sha256"],
    )  # fmt: skip
    return Prepared(component=part, files=known["files"], seconds=seconds)


def _record(asked: Wish, home: Path) -> Path:
    # The helper goes in, too: another one makes another tarball of the same files.
    return home / "prepared" / f"{asked.digest}-{component.helper_digest()[:16]}.json"


def _packed(asked: Wish, home: Path) -> dict[str, Any] | None:
    """What _pack returned, for a tarball that was made before and is still there."""
    record = _record(asked, home)
    try:
        known: dict[str, Any] = json.loads(record.read_text())
        tarball = home / "components" / known["tarball"]
        if tarball.stat().st_size != known["size"]:
            return None
        os.utime(record)  # "last used", for pruning
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return known


def _pack(asked: Wish, cache: Cache, home: Path, note: Say, activity: Say) -> dict[str, Any]:
    chosen = _resolved(asked, cache, home, note, activity)
    fetched = fetch_all(chosen, home / "files", note=note, activity=activity)
    activity("reading what was fetched")
    abouts = [_about(f) for f in fetched]
    _check_build_requirements(asked, fetched, abouts)
    files = [_item(f, a) for f, a in zip(fetched, abouts, strict=True)]
    text = component.manifest_text(files, _compile_settings(asked.settings))
    name = component.digest(text)
    tarball = home / "components" / f"{name}.tar.gz"
    if not tarball.is_file():
        activity("packing the wheelhouse")
        component.write(text, [f.path for f in fetched], tarball)
    return {"tarball": tarball.name, "files": len(files), **sums(tarball)}


def _resolved(asked: Wish, cache: Cache, home: Path, note: Say, activity: Say) -> Sequence[Chosen]:
    """Which files; asked of the index once for each lock, since files of a version never change."""
    path = home / "resolved" / f"{asked.digest}.json"
    if (known := _known(path)) is not None:
        return known
    activity("asking the package index")
    python = min((i.python for i in asked.interpreters), key=lambda p: int(p.split(".")[1]))

    def found(lock: Lock) -> Any:
        with cache.scratch("resolve") as scratch:
            return ask_index(lock, python=python, index=asked.settings.index, scratch=scratch)

    chosen = choose(
        asked.lock, apt.retry(lambda: found(asked.lock), note=note), asked.interpreters,
        use="run", compiled=frozenset(asked.settings.compile),
        exclude=frozenset(asked.settings.exclude),
    )  # fmt: skip
    build_lock = asked.build_lock
    # Without an sdist, too: the application itself may be built with it (wheelhouse.py tree).
    if build_lock is not None:
        tools = choose(
            build_lock, apt.retry(lambda: found(build_lock), note=note), asked.interpreters,
            use="build",
        )  # fmt: skip
        chosen += _only_wheels(build_lock, tools)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, to_json(chosen))
    return chosen


def _known(path: Path) -> Sequence[Chosen] | None:
    try:
        known = from_json(path.read_text(encoding="utf-8"))
        path.touch()
    except (OSError, ValueError, TypeError, KeyError):
        return None  # not resolved yet
    return known


def _only_wheels(lock: Lock, tools: Sequence[Chosen]) -> tuple[Chosen, ...]:
    """Build tools are not compiled themselves: where would their own tools come from?"""
    for tool in tools:
        if tool.kind == "sdist":
            raise WheelhouseError(
                f"{tool.name} {tool.version} of {lock.name} has no wheel for "
                f"{', '.join(tool.interpreters)}",
                code="wheelhouse/build-tool", evidence=[Evidence(text=tool.file, file=lock.name)],
                cause="what sdists are compiled with must come as wheels",
                fix=f"take {tool.name} from the distribution (Build-Depends), and out of "
                f"{lock.name}",
            )  # fmt: skip
    return tuple(tools)


def _about(item: Fetched) -> About:
    if item.chosen.kind == "sdist":
        return about_sdist(item.path)
    pure = item.chosen.file.endswith("-any.whl")
    arches = frozenset() if pure else {i.split("/")[0] for i in item.chosen.interpreters}
    return about_wheel(item.path, frozenset(arches))


def _check_build_requirements(
    asked: Wish, fetched: Sequence[Fetched], abouts: Sequence[About]
) -> None:
    """Every requirement of an sdist's build must be locked: a compilation has no network."""
    lock = asked.build_lock
    if lock is None:
        return
    for item, about in zip(fetched, abouts, strict=True):
        for interpreter in asked.interpreters:
            if interpreter.name not in item.chosen.interpreters:
                continue
            environment = interpreter.environment()
            have = {p.name: p.version for p in lock.pins if p.wanted(environment)}
            for wanted in about.requires:
                try:
                    if wanted.marker is not None and not wanted.marker.evaluate(environment):
                        continue
                    version = have.get(canonical(wanted.name))
                    if version is not None and wanted.specifier.contains(version, prereleases=True):
                        continue
                except (UndefinedEnvironmentName, InvalidSpecifier):
                    continue  # the build itself will say what it lacks
                raise WheelhouseError(
                    f"{item.chosen.name} {item.chosen.version} is compiled with {wanted}, which "
                    f"{lock.name} does not have",
                    code="wheelhouse/build-requirement",
                    evidence=[
                        Evidence(text=f"{item.chosen.file}: pyproject.toml requires {wanted}"),
                        Evidence(text=f"{lock.name}: {version or 'not there'}"),
                    ],
                    cause=f"{lock.name} was made for another version of {item.chosen.name}",
                    fix=f"printf '%s\\n' {' '.join(repr(str(r)) for r in about.requires)} | "
                    f"{LOCK_COMMAND} - -o {lock.name}",
                )


def _compile_settings(settings: Wheelhouse) -> dict[str, Any]:
    return {
        name: table.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for name, table in sorted(settings.compile.items())
    }


def _item(item: Fetched, about: About) -> dict[str, Any]:
    """A file as the manifest has it, with what an SBOM wants to know.

    Not its address: a mirror's would make another source package of the same files.
    """
    chosen = item.chosen
    return {
        "name": chosen.name,
        "version": chosen.version,
        "file": chosen.file,
        "sha256": item.sha256,
        "size": item.path.stat().st_size,
        "kind": chosen.kind,
        "use": chosen.use,
        "interpreters": list(chosen.interpreters),
        "licence": about.licence,
        "licence_files": list(about.licence_files),
        "summary": about.summary,
        "homepage": about.homepage,
        "purl": f"pkg:pypi/{chosen.name}@{chosen.version}",
    }
