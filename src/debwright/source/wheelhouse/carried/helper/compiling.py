"""Compiling an sdist into a wheel: a PEP 517 front end without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import repack, sdist, tools, unpack
from .manifest import Entry, Settings, Wheelhouse, check
from .problem import Problem

_RUNNER = """
import importlib, json, os, site, sys
job = json.loads(sys.argv[1])
site.addsitedir(job["packages"])
sys.path.remove(job["packages"])
sys.path[:0] = [*job["backend_path"], job["packages"]]
module, _, name = job["backend"].partition(":")
backend = importlib.import_module(module)
for part in filter(None, name.split(".")):
    backend = getattr(backend, part)
made = backend.build_wheel(job["output"], job["config_settings"], None)
with open(job["answer"], "w") as file:
    file.write(made)
"""
_SCRIPT = """#!{python}
import site, sys
site.addsitedir({packages!r})
sys.path.insert(0, {packages!r})
from {module} import {first}
sys.exit({attribute}())
"""
PACKAGES = "packages"
"""The directory below the workplace that build tools are unpacked to."""
TAIL = 40
"""Lines of a failed compilation that are repeated at its end."""


def compile_sdist(
    house: Wheelhouse, entry: Entry, arch: str, output: Path, *, work: Path | None = None
) -> Path:
    """Compile the sdist `entry` for `arch` and put the wheel into `output`.

    Everything happens in `work`, or in a temporary directory; its path, the time and the number
    of cores do not show in the wheel. Raises Problem with the compiler's last words.
    """
    settings = house.settings(entry.name, arch)
    check(entry)
    with _workplace(work) as place:
        (place / "source").mkdir()
        source, epoch = sdist.unpack(entry.path, place / "source")
        what = Subject(entry.name, entry.version, source, epoch, settings)
        return _compiled(house, what, arch, place, output)


def compile_tree(
    house: Wheelhouse,
    copy: Callable[[Path], Path],
    *,
    name: str,
    version: str,
    arch: str,
    output: Path,
    environment: Mapping[str, str],
) -> Path:
    """Build the project that `copy` puts below a directory into a wheel in `output`.

    `environment` is set for its backend; [wheelhouse.compile.NAME] goes over it. Raises Problem.
    """
    settings = house.settings(name, arch)
    settings = replace(settings, environment={**environment, **settings.environment})
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", sdist.EPOCH_1980))
    with _workplace(None) as place:
        (place / "source").mkdir()
        source = copy(place / "source")
        epoch = min(max(epoch, sdist.EPOCH_1980), sdist.EPOCH_2107)
        what = Subject(name, version, source, epoch, settings)
        return _compiled(house, what, arch, place, output)


@dataclass(frozen=True)
class Subject:
    """What is compiled, how, and the date (seconds) that its files get."""

    name: str
    version: str
    source: Path
    epoch: int
    settings: Settings


def _compiled(house: Wheelhouse, what: Subject, arch: str, place: Path, output: Path) -> Path:
    target = tools.machine(arch)
    packages = place / PACKAGES
    packages.mkdir()
    for tool in _build_tools(house, target.build_arch):
        check(tool)
        unpack.unpack(tool.path, packages, arch=target.build_arch, scripts=True)
    scripts = _scripts(packages, place / "bin")
    environment = _environment(place, target, what)
    environment["PATH"] = f"{scripts}:{packages}/bin:{os.environ.get('PATH', os.defpath)}"
    environment["PYTHONPATH"] = str(packages)
    made = _build_wheel(what, place, environment)
    bound = repack.python_of(made.name)
    if bound not in (None, f"{sys.version_info[0]}.{sys.version_info[1]}"):
        raise Problem(f"{made.name} is not for the Python that compiled it")
    return repack.repack(made, target, what.settings, output, what.epoch)


def _build_tools(house: Wheelhouse, build_arch: str) -> list[Entry]:
    """The build requirements for this machine and Python; without any the system's are used."""
    if not any(e.use == "build" for e in house.entries):
        return []
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    wanted = f"{build_arch}/{python}"
    found = [e for e in house.entries if e.use == "build" and wanted in e.interpreters]
    if not found:
        raise Problem(
            f"the wheelhouse has no build tools for Python {python} on {build_arch}, "
            "which would compile"
        )
    return found


@contextmanager
def _workplace(work: Path | None) -> Iterator[Path]:
    if work is None:
        with tempfile.TemporaryDirectory(prefix="wheelhouse-") as directory:
            yield Path(directory)
        return
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _environment(place: Path, target: tools.Machine, what: Subject) -> dict[str, str]:
    """All that the backend sees: nothing of the caller's environment, for it would show."""
    jobs = str(tools.jobs())
    variables = {
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(what.epoch),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "CC": target.tool("gcc"),
        "CXX": target.tool("g++"),
        "AR": target.tool("gcc-ar"),
        "MAKEFLAGS": f"-j{jobs}",
        "CMAKE_BUILD_PARALLEL_LEVEL": jobs,
        "CARGO_BUILD_JOBS": jobs,
        "CARGO_NET_OFFLINE": "true",
        "RUSTFLAGS": f"--remap-path-prefix={place}=/usr/src/{what.name}-{what.version}",
        "DEB_HOST_ARCH": target.arch,
        "DEB_HOST_GNU_TYPE": target.triplet,
        **tools.flags(target, what.settings.environment),
    }
    if target.cross:
        toolchain = place / "toolchain.cmake"
        toolchain.write_text(tools.cmake_toolchain(target))
        variables["CMAKE_TOOLCHAIN_FILE"] = str(toolchain)
        variables["PKG_CONFIG"] = target.tool("pkg-config")
        variables.update(tools.cross_python(target))
    variables.update(what.settings.environment)
    if target.cross:
        # For a CMake older than 3.21, which does not look at the variable.
        options = f"{variables.get('CMAKE_ARGS', '')} -DCMAKE_TOOLCHAIN_FILE={toolchain}"
        variables["CMAKE_ARGS"] = options.strip()
    mapped = f"-ffile-prefix-map={place}=/usr/src/{what.name}-{what.version}"
    for name in ("CFLAGS", "CXXFLAGS"):
        variables[name] = f"{variables.get(name, '')} {mapped}".strip()
    return variables


def _build_wheel(what: Subject, place: Path, environment: dict[str, str]) -> Path:
    source = what.source
    backend, backend_path = sdist.build_system(source)
    (place / "wheel").mkdir()
    answer = place / "answer"
    job = {
        "backend": backend,
        "backend_path": [str(source / p) for p in backend_path],
        "packages": str(place / PACKAGES),
        "output": str(place / "wheel"),
        "answer": str(answer),
        "config_settings": what.settings.config_settings,
    }
    # Without -P the sdist itself would be searched for the backend.
    command = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else []), "-c", _RUNNER]
    failed, tail = _run([*command, json.dumps(job)], source, environment)
    if failed or not answer.exists():
        raise Problem(f"{what.name} {what.version} could not be compiled ({backend})", tail)
    made = place / "wheel" / answer.read_text()
    if made.parent != place / "wheel" or not made.is_file():
        raise Problem(f"{what.name} {what.version}: {backend} says it made {made.name!r}")
    return made


def _run(
    command: Sequence[str], cwd: Path, environment: dict[str, str]
) -> tuple[bool, tuple[str, ...]]:
    """Run it, passing its output on; whether it failed, and its last lines."""
    tail: deque[str] = deque(maxlen=TAIL)
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=0o022,
        text=True, encoding="utf-8", errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            sys.stdout.write(line)
            tail.append(line.rstrip())
    sys.stdout.flush()
    return process.wait() != 0, tuple(tail)


def _scripts(packages: Path, directory: Path) -> Path:
    """Programs that the build tools declare as entry points, for backends that call them."""
    directory.mkdir()
    for file in sorted(packages.glob("*.dist-info/entry_points.txt")):
        wanted = False
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                wanted = line.strip() == "[console_scripts]"
            elif wanted and "=" in line:
                name, _, reference = (part.strip() for part in line.partition("="))
                module, _, attribute = reference.partition(":")
                attribute = attribute.split("[")[0].strip()
                if "/" in name or not attribute:
                    continue
                script = directory / name
                script.write_text(
                    _SCRIPT.format(
                        python=sys.executable, packages=str(packages), module=module.strip(),
                        first=attribute.split(".")[0], attribute=attribute,
                    )
                )  # fmt: skip
                script.chmod(0o755)
    return directory
