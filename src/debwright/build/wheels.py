"""Wheels compiled from sdists: once for each architecture, kept in the cache, lent to builds.

A wheel is compiled in the root of the oldest configured suite, whose C library every other suite's
can stand in for. The key covers all that goes into it: the sdist, the tools, the settings, and
every package of the root it is compiled in.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from debwright.build.binary import HOME, SOURCES, PackageBuildError, log_lines, take
from debwright.build.log import BuildLog
from debwright.build.telling import disk_full, telling
from debwright.host.files import atomic_write, sha256_file
from debwright.host.process import CommandError, TimedOut
from debwright.isolation.namespaces import Bind
from debwright.model.errors import Evidence, MissingError
from debwright.model.fix import Command
from debwright.model.manifest import digest
from debwright.model.targets import Strategy, Target
from debwright.roots.cache import Cache
from debwright.roots.layers import BUILDER_UID
from debwright.roots.overlay import make_throwaway, opened
from debwright.roots.store import Layer
from debwright.source.wheelhouse.carried.helper.repack import python_of
from debwright.source.wheelhouse.carry import Carried, Sdist
from debwright.source.wheelhouse.component import COMPONENT, helper_digest

WHEEL = re.compile(r"[A-Za-z0-9_.!+]+(?:-[A-Za-z0-9_.!+]+){4,5}\.whl", re.ASCII)
LENT = "/wheels"
"""Where builds see the wheels."""

_UNSIGNED = re.compile(r"\[[^]]*\b(trusted|allow-insecure)=(?!no\b)", re.IGNORECASE)
"""In a line of sources.list(5)."""
_WORK = f"/{HOME}/wheelhouse-work"
_OUT = "wheelhouse-made"


class ToolMissing(PackageBuildError):
    """What compiles is not there, and would not be there under emulation either."""


@dataclass(frozen=True, kw_only=True)
class _Hint:
    sign: re.Pattern[str]
    cause: str
    fix: str
    tool: bool = False
    """It is a tool that lacks, on every architecture."""


_HINTS = (
    _Hint(
        sign=re.compile(r"invalid command '?bdist_wheel"),
        cause="setuptools needs the distribution `wheel` before its version 70.1",
        fix="lock wheel in [wheelhouse] build_lock, or add python3-wheel:native to Build-Depends",
        tool=True,
    ),
    _Hint(
        sign=re.compile(r"Python\.h: No such file|pyconfig\.h: No such file|cannot find -lpython"),
        cause="Python's headers are not there for the architecture that is compiled for",
        fix="add libpython3-dev and python3-dev:any to Build-Depends",
    ),
    _Hint(
        sign=re.compile(r"No module named '?[\w.]+|Cannot import '[\w.]+'|BackendUnavailable"),
        cause="the build backend, or something it imports, is not there",
        fix="lock it in [wheelhouse] build_lock, or add its Debian package to Build-Depends",
        tool=True,
    ),
    _Hint(
        sign=re.compile(r"(?:directory: '|could not find |: )(?:cmake|ninja|meson|cargo)\b", re.I),
        cause="a program that the build backend calls is not there",
        fix="add its Debian package to Build-Depends, as cmake or ninja-build",
        tool=True,
    ),
    _Hint(
        sign=re.compile(r"fatal error: \S+: No such file"),
        cause="a header is not there",
        fix="add the -dev package that has it to Build-Depends: apt-file search NAME",
    ),
)


class Wheel(BaseModel):
    """A compiled wheel, as the cache and the index that is lent describe it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    sdist: str
    """SHA-256 of what it was compiled from."""
    arch: str
    settings: str
    """Digest of the settings it was compiled with."""
    python: str | None
    """The one Python it is bound to; None: any."""
    file: str
    sha256: str
    size: int
    how: str
    """native, cross or emulated."""
    suite: str
    seconds: float
    cpu_seconds: float
    note: str | None = None
    """Why it was not compiled as intended."""


@dataclass(frozen=True, kw_only=True)
class Root:
    """Where a wheel is compiled: a layer with the source package's build dependencies."""

    target: Target
    python: str
    strategy: Strategy
    layer: Layer

    @property
    def toolchain(self) -> str:
        """Of every package in the root, and of what says which bytes they are.

        Names and versions say little: another project's mirror may have another compiler under the
        same ones. What the archive's key has signed is the same; so the archives and the content of
        their keys count, and a new day makes no new wheel. Where an archive needs no signature, the
        very root counts, which no other project has.
        """
        base = self.layer.chain()[-1].manifest
        parts = ["\n".join(self.layer.manifest.packages), digest(base.inputs)]
        if any(_UNSIGNED.search(str(line)) for line in base.inputs.get("sources", ())):
            parts.append(f"{base.id} {base.created.isoformat()}")
        return hashlib.sha256("\n\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Made:
    wheel: Wheel
    path: Path
    fresh: bool
    """Compiled now, not taken from the cache."""


def key_of(house: Carried, sdist: Sdist, root: Root) -> str:
    """All that decides what a compilation gives."""
    parts = {
        "sdist": sdist.sha256,
        "tools": list(house.tools),
        "settings": house.settings(sdist.name, root.target.arch).digest(),
        "arch": root.target.arch,
        "python": root.python,
        "strategy": str(root.strategy),
        "toolchain": root.toolchain,
        "helper": helper_digest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def find(cache: Cache, key: str) -> Made | None:
    """A wheel that was compiled before, when it is still what it was."""
    home = cache.root / "wheelhouse/compiled" / key
    try:
        wheel = Wheel.model_validate_json((home / "wheel.json").read_bytes())
        path = home / wheel.file
        if not WHEEL.fullmatch(wheel.file) or sha256_file(path) != wheel.sha256:
            return None
        (home / "wheel.json").touch()  # "last used", for pruning
    except (OSError, ValidationError):
        return None
    return Made(wheel=wheel, path=path, fresh=False)


def compile_wheel(
    cache: Cache, house: Carried, sdist: Sdist, root: Root, *, log: BuildLog, timeout: float
) -> Made:
    """Compile `sdist` in a throw-away root without a network, and keep the wheel in the cache.

    `timeout` is in seconds. Raises PackageBuildError with the compiler's telling lines.
    """
    first_line = log.lines + 1
    arch = root.target.arch
    what = f"{sdist.name} {sdist.version} for {arch} ({root.strategy}, {root.target.suite})"
    log.heading(f"compiling {what}")
    command = [
        "python3", f"/{HOME}/{COMPONENT}/wheelhouse.py", "compile", f"--name={sdist.name}",
        f"--arch={arch}", f"--output=/{HOME}/{_OUT}", f"--work={_WORK}",
    ]  # fmt: skip
    with root.layer.in_use(), cache.scratch("wheel") as scratch:
        overlay = make_throwaway(scratch, root.layer)
        bind = Bind(source=_lend_tarball(house, scratch), target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            tarball = f"{SOURCES}/{house.tarball.name}"
            try:
                inside.run(
                    ["sh", "-ec", 'mkdir "$1" && tar -x --no-same-owner -f "$2"', "sh", _OUT,
                     tarball],
                    cwd=f"/{HOME}", uid=BUILDER_UID, sink=log, merge=True,
                )  # fmt: skip
                done = inside.run(
                    command, cwd=f"/{HOME}", uid=BUILDER_UID, sink=log, merge=True,
                    timeout=timeout, env={"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
                )  # fmt: skip
            except CommandError as error:
                raise _explain(sdist, root, log, first_line) from error
            except TimedOut as error:
                raise PackageBuildError(
                    f"compiling {what} took longer than {timeout / 60:.0f} minutes",
                    code="wheelhouse/timeout", fix="[build] timeout_minutes in debwright.toml",
                ) from error  # fmt: skip
        made = take(overlay, scratch / "taken", place=HOME / _OUT, names=WHEEL)
        if len(made) != 1:
            raise PackageBuildError(
                f"compiling {what} gave {len(made)} wheels", code="wheelhouse/compile",
                fix=Command("debwright", "shell", root.target),
            )  # fmt: skip
        wheel = Wheel(
            name=sdist.name,
            version=sdist.version,
            sdist=sdist.sha256,
            arch=arch,
            settings=house.settings(sdist.name, arch).digest(),
            python=python_of(made[0].name),
            file=made[0].name,
            sha256=sha256_file(made[0]),
            size=made[0].stat().st_size,
            how=str(root.strategy),
            suite=root.target.suite,
            seconds=round(done.seconds, 3),
            cpu_seconds=round(done.cpu_seconds, 3),
        )
        kept = _keep(cache, key_of(house, sdist, root), made[0], wheel)
    return Made(wheel=wheel, path=kept, fresh=True)


def _keep(cache: Cache, key: str, wheel_file: Path, wheel: Wheel) -> Path:
    """Put the wheel into the cache; its description last, without which it is not found."""
    home = cache.root / "wheelhouse/compiled" / key
    home.mkdir(parents=True, exist_ok=True)
    atomic_write(home / wheel.file, wheel_file.read_bytes())
    atomic_write(home / "wheel.json", wheel.model_dump_json(indent=1) + "\n")
    return home / wheel.file


def keep_under(cache: Cache, key: str, made: Made, note: str) -> Made:
    """Keep a wheel that was compiled otherwise than intended where the intended one is sought."""
    wheel = made.wheel.model_copy(update={"note": note})
    return replace(made, wheel=wheel, path=_keep(cache, key, made.path, wheel))


def lend(made: list[Made], directory: Path) -> Bind:
    """A directory with the wheels and their index, as wheelhouse.py looks for it."""
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    for item in made:
        shutil.copyfile(item.path, directory / item.path.name)
        (directory / item.path.name).chmod(0o644)
    document: dict[str, Any] = {"wheels": [m.wheel.model_dump(mode="json") for m in made]}
    atomic_write(directory / "index.json", json.dumps(document, indent=1) + "\n")
    return Bind(source=directory, target=LENT)


def _lend_tarball(house: Carried, scratch: Path) -> Path:
    """A copy that the user that builds can read, wherever the original lies."""
    directory = scratch / "source"
    directory.mkdir()
    directory.chmod(0o755)
    shutil.copyfile(house.tarball, directory / house.tarball.name)
    (directory / house.tarball.name).chmod(0o644)
    return directory


def _explain(
    sdist: Sdist, root: Root, log: BuildLog, first_line: int
) -> PackageBuildError | MissingError:
    said = [(n, t) for n, t in log_lines(log.path) if n >= first_line]
    # The helper repeats the last lines; they are evidence where they stood.
    said = [(n, t) for n, t in said if not t.startswith(("wheelhouse:", "==="))]
    if full := disk_full(said):
        # Not the sdist's fault, and not to be tried once more under emulation.
        return MissingError(
            f"compiling {sdist.name} {sdist.version}: the disk is full",
            evidence=[Evidence(text=t, file=log.path.name, line=n) for n, t in full],
            fix=Command("debwright", "cache", "prune"),
        )
    shown = telling(said, 8) or said[-6:]
    hint = next((h for h in _HINTS if any(h.sign.search(text) for _, text in said)), None)
    kind = ToolMissing if hint is not None and hint.tool else PackageBuildError
    return kind(
        f"{sdist.name} {sdist.version} did not compile for {root.target.arch} ({root.strategy})",
        code="wheelhouse/compile",
        evidence=[Evidence(text=t, file=log.path.name, line=n) for n, t in shown],
        cause=hint.cause if hint else None,
        fix=hint.fix if hint else Command("debwright", "shell", root.target),
    )
