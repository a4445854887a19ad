#!/usr/bin/python3
"""Unpacks the npm packages that this source package carries, and compiles those that need it.

Needs no network and nothing beyond Python's standard library (3.9); what is compiled needs
node-gyp. manifest.json says where each tarball goes, as the project's lock had it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

HOME = Path(__file__).resolve().parent
HEADERS = "/usr/include/nodejs"
LIMIT = 4 * 1024**3
"""Bytes that one tarball may unpack to: more is an archive made to fill a disk."""
FILES = 500_000
SOURCES = (
    ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".o", ".d", ".a", ".mk", ".gyp", ".gypi",
    ".tar.gz", ".S", ".asm",
)  # fmt: skip
"""What a compiled package does not need once it is compiled."""


class Problem(Exception):
    """Something that whoever builds the package has to know."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 with what went wrong on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(_manifest(), arguments)
    except Problem as problem:
        print(f"npm-tarballs: error: {problem}", file=sys.stderr)
        return 1
    return 0


def _manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((HOME / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("format") != 1:
        raise Problem("manifest.json has another format than this program")
    return manifest


def install(manifest: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    """Unpack packages to TARGET/node_modules, and compile what has to be compiled."""
    target: Path = arguments.target
    arch = arguments.arch or _asked("DEB_HOST_ARCH")
    cpu = manifest["cpus"].get(arch)
    if cpu is None:
        raise Problem(f"node has no name for the architecture {arch}")
    chosen = list(_chosen(manifest, cpu, dev=arguments.dev))
    for item in sorted(chosen, key=lambda i: (i["path"].count("/node_modules/"), i["path"])):
        _unpack(item, target, hidden=arguments.dev)
    for link in manifest["links"]:
        _link(target, link)
    for item in chosen:
        _programs(item, target)
    for item in chosen:
        if item["compiled"]:
            _compile(item, target, arch, cpu, keep=arguments.dev)
    print(f"npm-tarballs: {len(chosen)} packages in {target}/node_modules", flush=True)


def verify(manifest: Mapping[str, Any], _: argparse.Namespace) -> None:
    """Check every tarball against the manifest."""
    for item in manifest["packages"]:
        _content(item)
    print(f"npm-tarballs: {len(manifest['packages'])} packages are what they should be")


def _chosen(manifest: Mapping[str, Any], cpu: str, *, dev: bool) -> Iterator[Mapping[str, Any]]:
    for item in manifest["packages"]:
        if item["dev"] and not dev:
            continue
        fits = (
            _allows(item["os"], "linux")
            and _allows(item["cpu"], cpu)
            and _allows(item["libc"], "glibc")
        )
        if fits:
            yield item
        elif not item["optional"]:
            raise Problem(f"{item['name']} {item['version']} is not for linux on {cpu}")


def _allows(said: Sequence[str], have: str) -> bool:
    wanted = [one for one in said if not one.startswith("!") and one != "any"]
    return f"!{have}" not in said and (not wanted or have in wanted)


def _content(item: Mapping[str, Any]) -> Path:
    """The tarball, when it has the hash that the manifest names."""
    path: Path = HOME / "files" / item["file"]
    state = hashlib.sha512()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    if state.hexdigest() != item["sha512"]:
        raise Problem(f"{item['file']} is not the file that manifest.json names")
    return path


def _unpack(item: Mapping[str, Any], target: Path, *, hidden: bool) -> None:
    """Unpack a tarball without its top directory, whatever that is called.

    Hidden files are settings of its developers' tools.
    """
    home = _below(target, item["path"])
    home.mkdir(parents=True, exist_ok=True)
    size = count = 0
    with tarfile.open(_content(item), "r|gz") as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            if member.name.startswith("/") or ".." in parts or "\0" in member.name:
                raise Problem(f"{item['file']}: a member leads elsewhere: {member.name!r}")
            # npm leaves out links, too: they are not what its own `pack` makes.
            if not member.isreg() or len(parts) < 2 or (parts[-1].startswith(".") and not hidden):
                continue
            size, count = size + member.size, count + 1
            if size > LIMIT or count > FILES:
                raise Problem(f"{item['file']} unpacks to too much")
            path = home.joinpath(*parts[1:])
            path.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            with path.open("wb") as out:
                shutil.copyfileobj(content, out)
            path.chmod(0o755 if member.mode & stat.S_IXUSR and _is_program(path) else 0o644)


def _is_program(path: Path) -> bool:
    """Whether a file can be run at all; many packages mark each of their files."""
    with path.open("rb") as file:
        return file.read(4)[:2] == b"#!" or (path.stat().st_size > 4 and _is_elf(path))


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _below(target: Path, relative: str) -> Path:
    parts = PurePosixPath(relative).parts
    if relative.startswith("/") or ".." in parts or "node_modules" not in parts:
        raise Problem(f"manifest.json leads elsewhere: {relative!r}")
    return target.joinpath(*parts)


def _link(target: Path, link: Mapping[str, str]) -> None:
    """A member of the workspace stands in node_modules as a relative link."""
    path = _below(target, link["path"])
    if not (target / link["target"]).is_dir() and not Path(link["target"]).is_dir():
        raise Problem(f"{link['target']}, a member of the workspace, is not there")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_symlink():
        path.symlink_to(os.path.relpath(target / link["target"], path.parent))


def _programs(item: Mapping[str, Any], target: Path) -> None:
    """Links to a package's programs, in the .bin next to it (npm, "bin" of package.json)."""
    home = _below(target, item["path"])
    package = _package_json(home)
    said = package.get("bin") or {}
    if isinstance(said, str):
        said = {item["name"].rpartition("/")[2]: said}
    modules = home.parent.parent if item["name"].startswith("@") else home.parent
    if modules.name != "node_modules":  # an alias has no scope where its package has one
        modules = home.parent
    for name, inner in said.items():
        program = home / inner
        inside = program.resolve().is_relative_to(home.resolve())
        if "/" in name or not inside or not program.is_file():
            continue
        program.chmod(0o755)
        link = modules / ".bin" / name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(program, link.parent))


def _package_json(home: Path) -> dict[str, Any]:
    try:
        data = json.loads((home / "package.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise Problem(f"{home}/package.json cannot be read: {error}") from error
    return data if isinstance(data, dict) else {}


def _compile(item: Mapping[str, Any], target: Path, arch: str, cpu: str, *, keep: bool) -> None:
    """Compile a package as npm would: by its own script, or by node-gyp (npm, "scripts")."""
    home = _below(target, item["path"])
    shutil.rmtree(home / "prebuilds", ignore_errors=True)  # compiled elsewhere, by others
    scripts = _package_json(home).get("scripts") or {}
    script = scripts.get("install") or "node-gyp rebuild"
    print(f"npm-tarballs: compiling {item['name']} {item['version']} for {arch}", flush=True)
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=home, check=False, env=_environment(target, arch, cpu)
    )
    if done.returncode:
        raise Problem(
            f"{item['name']} {item['version']} does not compile: `{script}` ended with status "
            f"{done.returncode}"
        )
    if not keep:
        _strip_sources(home)


def _environment(target: Path, arch: str, cpu: str) -> dict[str, str]:
    """Variables of npm's scripts: nothing is fetched, and the compiler is the one for `arch`."""
    own = dict(os.environ)
    gnu = _asked("DEB_HOST_GNU_TYPE", f"-a{arch}")
    if arch != _asked("DEB_BUILD_ARCH"):
        own |= {"CC": f"{gnu}-gcc", "CXX": f"{gnu}-g++", "AR": f"{gnu}-ar", "LINK": f"{gnu}-g++"}
    for name in ("CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS"):
        own[name] = _output("dpkg-buildflags", "--get", name)
    bins = (target / "node_modules/.bin").resolve()
    settings = {
        "build_from_source": "true", "nodedir": HEADERS, "arch": cpu, "target_arch": cpu,
        "platform": "linux", "offline": "true", "node_gyp": "/usr/bin/node-gyp",
    }  # fmt: skip
    return {
        **own, "PATH": f"{bins}:{own.get('PATH', '/usr/bin:/bin')}", "HOME": str(HOME / "home"),
        **{f"npm_config_{name}": value for name, value in settings.items()},
    }  # fmt: skip


def _strip_sources(home: Path) -> None:
    """Leave what node loads; sources and what the compiler left are not for users."""
    for folder, _, files in os.walk(home, topdown=False):
        for file in files:
            path = Path(folder, file)
            left = file in {"Makefile", "config.gypi"} or ".deps" in path.parts
            if left or file.endswith(SOURCES) or "obj.target" in path.parts:
                path.unlink()
        if not os.listdir(folder):
            os.rmdir(folder)


def _asked(variable: str, *options: str) -> str:
    return _output("dpkg-architecture", *options, f"-q{variable}")


def _output(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode:
        raise Problem(f"{' '.join(command)} ended with status {done.returncode}")
    return done.stdout.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="npm_tarballs.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for function in (install, verify):
        text = str(function.__doc__)
        one = commands.add_parser(function.__name__, help=text, description=text)
        one.set_defaults(command=function)
        if function is verify:
            continue
        one.add_argument("--target", type=Path, required=True, help="directory to write to")
        one.add_argument("--arch", help="Debian architecture; default: DEB_HOST_ARCH")
        one.add_argument("--dev", action="store_true", help="with what only the build needs")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
