"""Libraries fetched by a language's own tool, as `go mod vendor`, and packed as a component.

The tool is Debian's, and runs in a throw-away root with a network: the machine needs none of its
own, and every machine gets the same directory. It verifies each file against the hashes that the
project has, and runs no code of the project. What it downloads is kept, and downloaded once.
"""

import hashlib
import json
import os
import re
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.config import Config
from debwright.host.files import atomic_write, sha256_file
from debwright.host.machine import host_arch
from debwright.host.process import CommandError, Completed
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import BuildError, DebwrightError, Evidence
from debwright.model.manifest import digest
from debwright.model.targets import Target, suite_info
from debwright.roots.apt import MirrorError
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.source.carrier import Carried, Say
from debwright.source.components import Component, sums
from debwright.source.make import export_tree
from debwright.source.tarball import add_copy

NAME = "vendor"
"""Of the component, and of the directory that it is unpacked to."""
HOME = "vendor"
"""The directory of the cache: what the tools download, and tarballs."""
PACKER = 2
"""Raised when the same directory may be packed to another tarball."""
INSIDE = "/vendoring"
DOWNLOADS = "/vendoring-downloads"
TIMEOUT = 3600
ALWAYS = ("ca-certificates", "git")


CODES = Codes(
    {
        "vendor/failed": Code(ERROR, "The libraries of the project could not be collected."),
        "vendor/hash": Code(ERROR, "A library is not the one that the project's lock names."),
        "vendor/lock": Code(ERROR, "The project's lock does not name all of its libraries."),
        "vendor/nothing": Code(ERROR, "The project needs no library, and asks for them."),
        "vendor/too-old": Code(ERROR, "The toolchain is older than the project needs."),
    }
)


class VendorError(CodedError, BuildError):
    """The libraries cannot be had; `code` is the finding's."""

    codes = CODES


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a tool fails: what it says then, and the error that follows."""

    said: re.Pattern[str]
    what: str
    cause: str
    fix: str
    code: str | None = None
    """The finding's; without one the tool could not reach what it fetches from."""
    unless: re.Pattern[str] | None = None
    """What else it says when the reason is another one."""

    def error(self, evidence: Sequence[Evidence]) -> DebwrightError:
        if self.code is None:
            return MirrorError(self.what, evidence=evidence, cause=self.cause, fix=self.fix)
        return VendorError(
            self.what, code=self.code, evidence=evidence, cause=self.cause, fix=self.fix
        )


def explain(
    title: str, done: Completed, reasons: Iterable[Reason], *, noise: str, lines: int = 8
) -> DebwrightError:
    """The error of the first of `reasons` that fits what `title` said.

    The last `lines` lines are the evidence; those that have `noise` in them say nothing.
    """
    text = done.output + done.error
    said = [line.strip() for line in text.splitlines() if line.strip() and noise not in line]
    evidence = [Evidence(text=line) for line in said[-lines:]]
    for reason in reasons:
        if reason.said.search(text) and not (reason.unless and reason.unless.search(text)):
            return reason.error(evidence)
    return VendorError(f"`{title}` failed", code="vendor/failed", evidence=evidence)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """How a language's tool is called."""

    title: str
    """As messages name what it does, `go mod vendor`."""
    package: str
    """Debian's package of the toolchain."""
    command: Sequence[str]
    environment: Mapping[str, str]
    binds: tuple[Bind, ...]
    """Directories of this machine that it fetches from."""
    explain: Callable[[Completed], DebwrightError]
    """What a failure means: `explain` with the tool's reasons."""
    finish: Callable[[Path, Completed], int]
    """Completes the directory made, and says how many libraries are in it."""


@dataclass(frozen=True, kw_only=True)
class Vendoring:
    """The libraries of the project in `source`; `inputs` decide which they are."""

    tool: Tool
    source: Path
    config: Config
    inputs: Mapping[str, Any]

    @property
    def digest(self) -> str:
        wanted = {"inputs": dict(self.inputs), "tool": self.tool.title, "packer": PACKER}
        return digest({**wanted, "project": self._project})

    @property
    def _project(self) -> str:
        """Whose downloads and results are shared: nobody's but the project's.

        The tools run with its files, and a configuration among them can name programs, which then
        write where the downloads are.
        """
        return hashlib.sha256(os.fsencode(self.source.resolve())).hexdigest()[:16]

    def prepare(self, cache: Cache, *, note: Say, activity: Say) -> Carried:
        """Raises VendorError, or MirrorError when what is asked cannot be reached."""
        started = time.monotonic()
        home = cache.root / HOME
        record = home / "prepared" / f"{self.digest}.json"
        with cache.lock(f"vendor-{self.digest}"):
            known = _known(record, home)
            if known is None:
                known = self._make(cache, home, note, activity)
                record.parent.mkdir(parents=True, exist_ok=True)
                atomic_write(record, json.dumps(known) + "\n")
        part = Component(
            name=NAME, tarball=home / "components" / known["tarball"],
            size=known["size"], md5=known["md5"], sha1=known["sha1"], sha256=known["sha256"],
        )  # fmt: skip
        return Carried(component=part, files=known["files"], seconds=time.monotonic() - started)

    def _make(self, cache: Cache, home: Path, note: Say, activity: Say) -> dict[str, Any]:
        activity(f"a root with {self.tool.package}")
        layer = self._layer(cache, note)
        downloads = home / "downloads" / self._project
        downloads.mkdir(parents=True, exist_ok=True)
        with throwaway(cache, layer, "vendor") as overlay:
            work = overlay.directory / "vendoring"
            work.mkdir(mode=0o755)
            tree = work / "tree"
            export_tree(self.source, tree, tuple(self.config.package.exclude))
            binds = [
                Bind(source=work, target=INSIDE, read_only=False),
                Bind(source=downloads, target=DOWNLOADS, read_only=False),
                *self.tool.binds,
            ]
            with opened(overlay, network=True, binds=binds) as inside:
                activity(self.tool.title)
                files = self._run(inside, tree)
                activity("packing what was fetched")
                _pack(tree / NAME, work / f"{NAME}.tar")
                inside.run(["gzip", "-n", "-6", f"{NAME}.tar"], cwd=INSIDE)
            found = sums(work / f"{NAME}.tar.gz")
            target = home / "components" / f"{found['sha256']}.tar.gz"
            target.parent.mkdir(parents=True, exist_ok=True)
            (work / f"{NAME}.tar.gz").chmod(0o644)
            (work / f"{NAME}.tar.gz").rename(target)
        return {"tarball": target.name, "files": files, **found}

    def _run(self, inside: Namespaces, tree: Path) -> int:
        try:
            done = inside.run(
                self.tool.command,
                cwd=f"{INSIDE}/tree",
                env=self.tool.environment,
                timeout=TIMEOUT,
                network=True,
            )
        except CommandError as error:
            raise self.tool.explain(error.done) from error
        if not (tree / NAME).is_dir():
            raise VendorError(
                f"{self.tool.title} found no library that the project needs", code="vendor/nothing",
                cause="debwright.toml has the table of it, and the project depends on nothing",
                fix="debwright init",
            )  # fmt: skip
        return self.tool.finish(tree, done)

    def _layer(self, cache: Cache, note: Say) -> Layer:
        roots = Roots(cache, self.config, note=note)
        first = Target.parse(self.config.targets.build[0])
        target = Target(suite_info(first.suite).codename, host_arch())
        packages = sorted((self.tool.package, *ALWAYS))

        def change(inside: Namespaces, scratch: Path) -> None:
            arguments = ["install", "--no-install-recommends", *packages]
            roots.install(inside, scratch, arguments, None, str(target))

        return roots.custom(
            f"vendor-{self.tool.package}",
            target,
            roots.build(target),
            {"packages": packages},
            change,
        )


def _known(record: Path, home: Path) -> dict[str, Any] | None:
    """What was made before, where it is still there."""
    try:
        known: dict[str, Any] = json.loads(record.read_text())
        if sha256_file(home / "components" / Path(known["tarball"]).name) != known["sha256"]:
            return None
        os.utime(record)  # "last used", for pruning
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return known


def _pack(directory: Path, path: Path) -> None:
    """The tar file of `directory`; links and the like are left out: neither tool makes any."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for item in sorted([directory, *directory.rglob("*")]):
            if not item.is_symlink() and (item.is_file() or item.is_dir()):
                add_copy(tar, f"{NAME}/{item.relative_to(directory)}".removesuffix("/."), item)
