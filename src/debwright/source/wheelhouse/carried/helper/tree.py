"""A private tree: an application and its distributions below /usr/lib/PACKAGE, laid out as a venv.

The tree has an interpreter of its own (bin/python3, a link, and pyvenv.cfg; PEP 405), so that
everything that is started with it, children as well, sees the tree and the standard library alone.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from .problem import Problem

NOT_SOURCE = frozenset({"debian", "wheelhouse", ".git", ".pc", ".github"})
"""What lies next to the source in a source package and is not the project's."""
APPLICATION = "app"
"""The directory of the tree for files that are no distribution."""
_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LICENCE_FILE = re.compile(r"(?i)(?:licen[cs]e|copying|notice|authors)")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*\s*:\s*[A-Za-z_][\w.]*")
_SCRIPT = """#!{interpreter}
import sys

from {module} import {first}

sys.exit({attribute}())
"""


@dataclass(frozen=True)
class Tree:
    """The tree of `package`, which is put together below `root`, as debian/PACKAGE."""

    package: str
    root: Path
    python: str
    """As `3.11`."""

    @property
    def home(self) -> PurePosixPath:
        """Where it is on a system."""
        return PurePosixPath("/usr/lib", self.package)

    @property
    def interpreter(self) -> str:
        return f"{self.home}/bin/python3"

    @property
    def prefix(self) -> Path:
        return self.root / self.home.relative_to("/")

    @property
    def packages(self) -> Path:
        """Where distributions are unpacked."""
        return self.prefix / "lib" / f"python{self.python}" / "site-packages"

    def lay_out(self) -> None:
        """Make the interpreter; system-wide packages are not seen."""
        self.packages.mkdir(parents=True, exist_ok=True)
        (self.prefix / "bin").mkdir(exist_ok=True)
        (self.prefix / "bin/python3").symlink_to("../../../bin/python3")
        (self.prefix / "pyvenv.cfg").write_text(
            "home = /usr/bin\n"
            "include-system-site-packages = false\n"
            f"version = {self.python}\n"
            "executable = /usr/bin/python3\n"
        )

    def copy(self, source: Path, names: Sequence[str]) -> None:
        """Copy files of the project, whose modules can then be imported. `.` is all of it."""
        application = self.prefix / APPLICATION
        application.mkdir()
        for name in names:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise Problem(f"{name} is not in the project")
            if not path.parts:
                copy_source(source, application)
            elif (source / path).is_dir():
                shutil.copytree(source / path, application / path, symlinks=True)
            else:
                (application / path.parent).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / path, application / path)
        (self.packages / f"{self.package}-application.pth").write_text(
            f"{self.home}/{APPLICATION}\n"
        )

    def write_programs(self) -> None:
        """Write the programs that distributions declare as entry points (console_scripts)."""
        for file in sorted(self.packages.glob("*.dist-info/entry_points.txt")):
            for name, reference in _entry_points(file.read_text(encoding="utf-8")):
                module, _, attribute = (part.strip() for part in reference.partition(":"))
                script = self.prefix / "bin" / name
                if script.is_symlink() or not _PROGRAM.fullmatch(name):
                    continue  # bin/python3 itself, or a name that leads elsewhere
                script.write_text(
                    _SCRIPT.format(
                        interpreter=self.interpreter, module=module,
                        first=attribute.split(".")[0], attribute=attribute,
                    )
                )  # fmt: skip
                script.chmod(0o755)

    def link_programs(self, names: Iterable[str]) -> None:
        """Link programs of the tree into /usr/bin. Raises Problem for one that it does not have."""
        for name in names:
            if not (self.prefix / "bin" / name).exists():
                have = sorted(p.name for p in (self.prefix / "bin").iterdir())
                raise Problem(f"no distribution has the program {name}", (", ".join(have),))
            link = self.root / "usr/bin" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"../lib/{self.package}/bin/{name}")

    def tidy(self) -> None:
        """Make of unpacked wheels what a package may hold.

        Modules are not run as programs, so their first line names no interpreter; what was
        compiled to bytes would be out of date.
        """
        for cached in sorted(self.prefix.rglob("__pycache__")):
            shutil.rmtree(cached)
        for module in self.prefix.rglob("*.py"):
            if module.is_symlink() or module.parent == self.prefix / "bin":
                continue
            content = module.read_bytes()
            if content.startswith(b"#!"):
                # Comments stay comments, so that lines keep their numbers.
                module.write_bytes(
                    b"#" + content[content.find(b"\n") :] if b"\n" in content else b""
                )
        for directory, _, _ in os.walk(self.prefix, topdown=False):
            if not any(Path(directory).iterdir()):
                Path(directory).rmdir()

    def broken(self) -> list[str]:
        """Modules that this Python cannot compile, as paths on a system.

        Wheels hold some: templates, data of tests, code for another Python. py3compile(1) would
        fail at them, and the installation with it.
        """
        modules = sorted(self.prefix.rglob("*.py"))
        broken = [module for module in modules if not _compiles(module)]
        return [f"{self.home}/{module.relative_to(self.prefix)}" for module in broken]

    def write_licences(self) -> None:
        """Say in the package's documentation whose work it carries, and under which licences."""
        lines = ["Distributions in this package, their licences, and the files with the texts:\n"]
        for info in sorted(self.packages.glob("*.dist-info")):
            if not (info / "METADATA").is_file():
                continue
            text = (info / "METADATA").read_text(encoding="utf-8", errors="replace")
            said = HeaderParser().parsestr(text)
            licence = said["License-Expression"] or (said["License"] or "").partition("\n")[0]
            if not licence:
                classified = said.get_all("Classifier") or []
                names = [c.rpartition("::")[2].strip() for c in classified if "License ::" in c]
                licence = ", ".join(names) or "see its files"
            lines.append(f"{said['Name']} {said['Version']}: {licence}")
            lines += [
                f"  {self.home}/{file.relative_to(self.prefix)}"
                for file in sorted(info.rglob("*"))
                if file.is_file() and _LICENCE_FILE.match(file.name)
            ]
        if len(lines) > 1:
            place = self.root / "usr/share/doc" / self.package
            place.mkdir(parents=True, exist_ok=True)
            (place / "distributions.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def substvars(self) -> str:
        """The dependency on the one Python it is made for (deb-substvars(5))."""
        major, minor = self.python.split(".")
        following = f"{major}.{int(minor) + 1}"
        return f"wheelhouse:Depends=python3 (>= {self.python}~), python3 (<< {following}~)\n"


@dataclass(frozen=True)
class System(Tree):
    """Where Debian's own Python packages are, for a project that has nothing but itself there."""

    @property
    def home(self) -> PurePosixPath:
        return PurePosixPath("/usr")

    @property
    def interpreter(self) -> str:
        return "/usr/bin/python3"

    @property
    def packages(self) -> Path:
        return self.prefix / "lib/python3/dist-packages"

    def lay_out(self) -> None:
        """Make the directories; what stays empty is removed by `tidy`."""
        self.packages.mkdir(parents=True, exist_ok=True)
        (self.prefix / "bin").mkdir(exist_ok=True)


def _compiles(module: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(module.read_bytes(), str(module), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def copy_source(source: Path, target: Path) -> None:
    """Copy the project without what packaging has put next to it."""
    for path in sorted(source.iterdir()):
        if path.name in NOT_SOURCE:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, target / path.name, follow_symlinks=False)


def here(package: str, root: Path) -> Tree:
    """The tree for the Python that runs this."""
    return Tree(package, root, _PYTHON)


def system(package: str, root: Path) -> System:
    """The places of Debian's packages, for the Python that runs this."""
    return System(package, root, _PYTHON)


def _entry_points(text: str) -> Iterator[tuple[str, str]]:
    """Names and references of programs (PyPA specification "Entry points")."""
    wanted = False
    for line in text.splitlines():
        if line.startswith("["):
            wanted = line.strip() in ("[console_scripts]", "[gui_scripts]")
        elif wanted and "=" in line:
            name, _, reference = (part.strip() for part in line.partition("="))
            reference = reference.split("[")[0].strip()
            if _REFERENCE.fullmatch(reference):
                yield name, reference
