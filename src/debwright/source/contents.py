"""What `[package] files` becomes in debian/ of the source package: commands for make, and lists.

It is written for each source package, so that a changed list counts at the next run.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from debwright.config.contents import PackageFile

INCLUDED = "debian/package-files.mk"
"""What debian/rules includes."""
_HEAD = """\
# Written by debwright, from [package] files in debwright.toml.
include /usr/share/dpkg/architecture.mk
"""


def generated(package: str, files: Sequence[PackageFile]) -> Mapping[str, str]:
    """Paths in the source package, and the text of each; `package` is the binary package."""
    if not files:
        return {}
    made = {INCLUDED: "\n".join(_makefile(package, files)) + "\n"}
    # debhelper itself takes all of /etc (dh_installdeb(1)).
    conffiles = [f.dst for f in files if f.type == "config" and not f.dst.startswith("/etc/")]
    if conffiles:
        made[f"debian/{package}.conffiles"] = "".join(f"{path}\n" for path in conffiles)
    if owned := list(_owned(files)):
        made[f"debian/{package}.tmpfiles"] = "".join(f"{line}\n" for line in owned)
    return made


def _makefile(package: str, files: Sequence[PackageFile]) -> Iterator[str]:
    top = f"debian/{package}"
    yield _HEAD
    for number, file in enumerate(files):
        for arch, path in file.src.items() if isinstance(file.src, dict) else ():
            yield f"SOURCE_{number}_{arch} = {path}"
    yield "override_dh_auto_install:"
    for number, file in enumerate(files):
        yield from (f"\t{command}" for command in _commands(number, file, top))
    modes = [(f.mode, _places(f, top)) for f in files if f.mode and f.type != "symlink"]
    if modes:
        yield "\nexecute_after_dh_fixperms:"
        yield from (f"\tchmod {mode} {place}" for mode, place in modes)


def _commands(number: int, file: PackageFile, top: str) -> Iterator[str]:
    target = f"{top}{file.dst}"
    parent = PurePosixPath(target).parent
    source = f"$(SOURCE_{number}_$(DEB_HOST_ARCH))" if isinstance(file.src, dict) else file.src
    if file.type == "dir":
        yield f"install -d {target}"
    elif file.type == "symlink":
        yield f"install -d {parent}"
        yield f"ln -s {source} {target}"
    elif file.type == "tree":
        yield f"install -d {target}"
        yield f"cp -R --preserve=mode,links {source}/. {target}"
    else:
        if isinstance(file.src, dict):
            yield (
                f'test -n "{source}" || '
                "(echo 'no file for $(DEB_HOST_ARCH) in [package] files' >&2; exit 1)"
            )
        # A pattern may stand for several files: those go to a directory.
        yield f"install -d {target.rstrip('/') if file.dst.endswith('/') else parent}"
        yield f"cp --preserve=mode {source} {target}"


def _places(file: PackageFile, top: str) -> str:
    """What a mode is given to; of several files in a directory each of them."""
    if not file.dst.endswith("/") or file.type in ("dir", "tree"):
        return f"{top}{file.dst}"
    sources = file.src.values() if isinstance(file.src, dict) else [file.src or ""]
    return f"{top}{file.dst}{PurePosixPath(next(iter(sources))).name}"


def _owned(files: Sequence[PackageFile]) -> Iterator[str]:
    """Lines of tmpfiles.d(5): accounts of a package are there only once it is installed."""
    for file in files:
        if (file.owner, file.group) == ("root", "root") or file.type == "symlink":
            continue
        kind = "d" if file.type == "dir" else "Z" if file.type == "tree" else "z"
        mode = file.mode or ("0755" if file.type == "dir" else "-")
        yield f"{kind} {file.dst.rstrip('/')} {mode} {file.owner} {file.group}"
