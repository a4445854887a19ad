"""The commands of wheelhouse.py."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import application, lent, tools, tree
from .compiling import compile_sdist
from .manifest import Entry, Wheelhouse, check
from .problem import Problem
from .unpack import unpack

HOME = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 with what went wrong on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(Wheelhouse.read(HOME), arguments)
    except Problem as problem:
        print(f"wheelhouse: error: {problem}", file=sys.stderr)
        for line in problem.lines:
            print(f"wheelhouse:   | {line}", file=sys.stderr)
        return 1
    return 0


def install(house: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Unpack everything for one architecture and Python, compiling where there is no wheel."""
    _install(house, arguments, arguments.target)


def _install(house: Wheelhouse, arguments: argparse.Namespace, target: Path, **places: Any) -> None:
    arch, python = arguments.arch or tools.own_arch(), arguments.python
    entries = house.select(arch, python)
    if arguments.only:
        entries = house.named(entries, arguments.only)
    if arguments.skip:
        skipped = house.named(entries, arguments.skip)
        entries = [e for e in entries if e not in skipped]
    for entry in entries:
        check(entry)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheelhouse-") as made:
        for entry in entries:
            wheel, how = _wheel(house, entry, arch, python, Path(made))
            unpack(
                wheel, target, arch=arch, exclude=arguments.exclude_files,
                scripts=arguments.scripts, **places,
            )  # fmt: skip
            print(f"wheelhouse: {entry.name} {entry.version} {how}", flush=True)


def _wheel(
    house: Wheelhouse, entry: Entry, arch: str, python: str, output: Path
) -> tuple[Path, str]:
    """The wheel of `entry`, and where it comes from."""
    if entry.kind == "wheel":
        return entry.path, "from its wheel"
    wheel = lent.find(entry, arch, python, house.settings(entry.name, arch))
    if wheel is not None:
        return wheel, "compiled before, from its sdist"
    if python != f"{sys.version_info[0]}.{sys.version_info[1]}":
        raise Problem(
            f"{entry.name} has to be compiled for Python {python}, and this is Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}"
        )
    print(f"wheelhouse: compiling {entry.name} {entry.version} for {arch}", flush=True)
    return compile_sdist(house, entry, arch, output), "compiled now, from its sdist"


def plant(house: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Put the application and everything it needs into a tree of its own, /usr/lib/PACKAGE."""
    made = tree.here(arguments.package, Path("debian", arguments.package))
    made.lay_out()
    _install(house, arguments, made.packages, prefix=made.prefix, interpreter=made.interpreter)
    if arguments.build:
        application.build(house, made, arguments, arguments.arch or tools.own_arch())
    if arguments.copy:
        made.copy(arguments.source, arguments.copy)
    made.write_programs()
    made.link_programs(arguments.program)
    made.tidy()
    made.write_licences()
    with Path(f"debian/{arguments.package}.substvars").open("a", encoding="utf-8") as file:
        file.write(made.substvars())


def place(house: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Put the project, without anything else, where Debian's own Python packages are."""
    made = tree.system(arguments.package, Path("debian", arguments.package))
    made.lay_out()
    application.build(house, made, arguments, arguments.arch or tools.own_arch())
    made.write_programs()
    made.tidy()


def broken(_: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Print options of dh_python3(1) for modules of a tree that cannot be compiled."""
    for path in tree.here(arguments.package, Path("debian", arguments.package)).broken():
        print("-X", shlex.quote(f"{re.escape(path)}$"))


def extract(house: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Unpack one distribution that is only wanted for its files."""
    wheels = [e for e in house.entries if e.use == "run" and e.kind == "wheel"]
    for entry in house.named(wheels, [arguments.name])[:1]:
        check(entry)
        arguments.target.mkdir(parents=True, exist_ok=True)
        if not unpack(entry.path, arguments.target, arch=None, only=arguments.files):
            raise Problem(f"{entry.file} has no file that matches {', '.join(arguments.files)}")


def compile_one(house: Wheelhouse, arguments: argparse.Namespace) -> None:
    """Compile one sdist and leave the wheel in a directory."""
    sdists = [e for e in house.entries if e.use == "run" and e.kind == "sdist"]
    (entry,) = house.named(sdists, [arguments.name])
    made = compile_sdist(
        house, entry, arguments.arch or tools.own_arch(), arguments.output, work=arguments.work
    )
    print(f"wheelhouse: made {made.name}", flush=True)


def verify(house: Wheelhouse, _: argparse.Namespace) -> None:
    """Check every file against the manifest."""
    for entry in house.entries:
        check(entry)
    print(f"wheelhouse: {len(house.entries)} files are what they should be")


def show(house: Wheelhouse, _: argparse.Namespace) -> None:
    """Say what the wheelhouse holds."""
    for entry in sorted(house.entries, key=lambda e: (e.use != "run", e.name, e.file)):
        print(f"{entry.use:5} {entry.name} {entry.version} {entry.file}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wheelhouse.py",
        description="Installs the Python distributions this source package carries. "
        "Needs no network and nothing beyond Python's standard library.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=function)
        return made

    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    one = command("install", install, "unpack everything for one architecture and Python")
    one.add_argument("--python", default=here, help=f"Python version; default: {here}")
    one.add_argument("--target", type=Path, required=True, help="directory to unpack into")
    one.add_argument("--scripts", action="store_true", help="unpack programs too, to TARGET/bin")
    _selecting(one)
    one = command("tree", plant, "put the application into a tree of its own, /usr/lib/PACKAGE")
    _of_project(one)
    one.add_argument("--build", action="store_true", help="build it with its backend (PEP 517)")
    one.add_argument("--copy", action="append", default=[], metavar="PATH",
                     help="copy a file or directory of the project; `.` is all of it")  # fmt: skip
    one.add_argument("--program", action="append", default=[], metavar="NAME",
                     help="a program of the tree that is wanted in /usr/bin")  # fmt: skip
    _selecting(one)
    one.set_defaults(python=here, scripts=True)
    one = command("project", place, "build the project and install it as Debian's packages are")
    _of_project(one)
    one.add_argument("--arch", help="Debian architecture; default: DEB_HOST_ARCH, or this one")
    one.set_defaults(exclude_files=[])
    one = command("broken", broken, "options of dh_python3 for what cannot be byte-compiled")
    one.add_argument("--package", required=True, help="the package, put together in debian/PACKAGE")
    one = command("extract", extract, "unpack one distribution wanted for its files only")
    one.add_argument("--name", required=True, help="the distribution")
    one.add_argument("--target", type=Path, required=True, help="directory to unpack into")
    one.add_argument("--files", action="append", default=[], metavar="GLOB",
                     help="only files whose path matches; may be repeated")  # fmt: skip
    one = command("compile", compile_one, "compile one sdist into a wheel")
    one.add_argument("--name", required=True, help="the distribution")
    one.add_argument("--arch", help="Debian architecture; default: DEB_HOST_ARCH, or this one")
    one.add_argument("--output", type=Path, required=True, help="directory for the wheel")
    one.add_argument("--work", type=Path, help="directory to make and work in, removed again")
    command("verify", verify, "check every file against the manifest")
    command("list", show, "say what the wheelhouse holds")
    return parser


def _of_project(one: argparse.ArgumentParser) -> None:
    """Options that say what is built and for which package."""
    one.add_argument("--package", required=True, help="the package, put together in debian/PACKAGE")
    one.add_argument("--source", type=Path, default=Path(), help="the project; default: .")
    one.add_argument("--version-of-package", action="store_true",
                     help="fail unless what is built has the package's version")  # fmt: skip


def _selecting(one: argparse.ArgumentParser) -> None:
    """Options that say what of the wheelhouse is unpacked."""
    one.add_argument("--arch", help="Debian architecture; default: DEB_HOST_ARCH, or this one")
    one.add_argument("--only", action="append", default=[], metavar="NAME",
                     help="only this distribution; may be repeated")  # fmt: skip
    one.add_argument("--skip", action="append", default=[], metavar="NAME",
                     help="not this distribution; may be repeated")  # fmt: skip
    one.add_argument("--exclude-files", action="append", default=[], metavar="GLOB",
                     help="leave out files whose path below TARGET matches")  # fmt: skip
