"""The compilers and flags of one architecture, as Debian names them (dpkg-architecture(1))."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .problem import Problem

MAINTAINER_OPTIONS = "hardening=+all optimize=-lto reproducible=-fixfilepath,-fixdebugpath"
"""DEB_BUILD_MAINT_OPTIONS unless the settings have their own (dpkg-buildflags(1)).

Paths are taken out here, by an option that does not itself depend on where a build runs.
"""

# What CMake calls the machine, where that is not the GNU name; as debhelper has it.
_PROCESSORS = {"arm": "armv7l", "powerpc64le": "ppc64le"}


@dataclass(frozen=True)
class Machine:
    """The architecture compiled for, and the one that compiles."""

    arch: str
    triplet: str
    """As aarch64-linux-gnu."""
    cpu: str
    """As aarch64."""
    build_arch: str

    @property
    def cross(self) -> bool:
        return self.arch != self.build_arch

    def tool(self, name: str) -> str:
        return f"{self.triplet}-{name}"


def machine(arch: str) -> Machine:
    """What dpkg knows of `arch` on this machine."""
    answers = {}
    for line in _output(["dpkg-architecture", f"-a{arch}", "-f"]).splitlines():
        key, _, value = line.partition("=")
        answers[key] = value
    return Machine(
        arch=arch,
        triplet=answers["DEB_HOST_GNU_TYPE"],
        cpu=answers["DEB_HOST_GNU_CPU"],
        build_arch=answers["DEB_BUILD_ARCH"],
    )


def own_arch() -> str:
    """The architecture packages are built for here: dpkg-buildpackage's, else this machine's."""
    return os.environ.get("DEB_HOST_ARCH") or _output(["dpkg", "--print-architecture"]).strip()


def flags(target: Machine, environment: Mapping[str, str]) -> dict[str, str]:
    """dpkg-buildflags' answers, preprocessor flags within those of the compilers.

    CMake and others know no CPPFLAGS; debhelper does the same for them.
    """
    options = environment.get("DEB_BUILD_MAINT_OPTIONS", MAINTAINER_OPTIONS)
    variables = {k: v for k, v in environment.items() if k.startswith("DEB_")}
    found = {}
    for name in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"):
        found[name] = _output(
            ["dpkg-buildflags", "--get", name],
            {**variables, "DEB_HOST_ARCH": target.arch, "DEB_BUILD_MAINT_OPTIONS": options},
        ).strip()
    preprocessor = found.pop("CPPFLAGS")
    return {k: v if k == "LDFLAGS" else f"{v} {preprocessor}" for k, v in found.items()}


def cmake_toolchain(target: Machine) -> str:
    """A CMake toolchain file for a cross build (cmake-toolchains(7))."""
    return "".join(
        f"set({key} {value})\n"
        for key, value in (
            ("CMAKE_SYSTEM_NAME", "Linux"),
            ("CMAKE_SYSTEM_PROCESSOR", _PROCESSORS.get(target.cpu, target.cpu)),
            ("CMAKE_C_COMPILER", target.tool("gcc")),
            ("CMAKE_CXX_COMPILER", target.tool("g++")),
            ("PKG_CONFIG_EXECUTABLE", f"/usr/bin/{target.tool('pkg-config')}"),
        )
    )


def cross_python(target: Machine) -> dict[str, str]:
    """What makes sysconfig answer for the architecture compiled for.

    The second variable only where libpython3-dev of that architecture is installed: extensions
    need it, libraries that are loaded through ctypes do not.
    """
    variables = {"_PYTHON_HOST_PLATFORM": f"linux-{_PROCESSORS.get(target.cpu, target.cpu)}"}
    multiarch = _output(["dpkg-architecture", f"-a{target.arch}", "-qDEB_HOST_MULTIARCH"]).strip()
    module = f"_sysconfigdata__{multiarch}"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if Path(f"/usr/lib/python{version}/{module}.py").exists():
        variables["_PYTHON_SYSCONFIGDATA_NAME"] = module
    return variables


def jobs() -> int:
    """How many compilers may run at once: `parallel=N` of DEB_BUILD_OPTIONS, else every core."""
    for option in os.environ.get("DEB_BUILD_OPTIONS", "").replace(",", " ").split():
        key, _, value = option.partition("=")
        if key == "parallel" and value.isdigit():
            return max(1, int(value))
    return len(os.sched_getaffinity(0))


def _output(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(environment or {})},
        )
    except FileNotFoundError as error:
        raise Problem(f"{command[0]} is not installed (package dpkg-dev)") from error
    except subprocess.CalledProcessError as error:
        raise Problem(
            f"{' '.join(command)} failed", tuple(error.stderr.splitlines()[-3:])
        ) from None
    return done.stdout
