"""From a directory with debian/, or a .dsc, to a source package that builds anywhere."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from debian.changelog import Changelog

from debwright.host.files import share
from debwright.host.git import NotARepository, git
from debwright.host.process import CommandError, LineSink
from debwright.isolation.namespaces import Bind
from debwright.model.errors import ConfigError, Evidence, MissingError, UsageError
from debwright.model.fix import Command
from debwright.roots.cache import Cache
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.source.components import Component, put_real, put_stand_ins
from debwright.source.digest import OUTPUT, unquoted
from debwright.source.package import (
    NoPackageError,
    SourceError,
    SourcePackage,
    SourceTree,
    read_dsc,
    read_tree,
)

_NEVER = (".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
_NEVER_ON_TOP = (OUTPUT, "node_modules")
"""What debwright, and npm for the developer, put there. Deeper, tests have such directories."""
INSIDE = "/source"

__all__ = [
    "NoPackageError",
    "SourceError",
    "SourcePackage",
    "SourceTree",
    "make_source",
    "project_files",
    "read_dsc",
    "read_tree",
]


def make_source(
    tree: SourceTree,
    version: str,
    output: Path,
    *,
    layer: Layer,
    cache: Cache,
    epoch: int,
    exclude: Iterable[str] = (),
    suite: str = "unstable",
    sink: LineSink | None = None,
    components: Sequence[Component] = (),
) -> SourcePackage:
    """Write `tree` as a source package of `version` into `output`.

    `components` are further upstream tarballs that were made before.

    dpkg-source and xz run in the root `layer`, so that the bytes do not depend on this machine.
    File dates are `epoch` (seconds), modes are 644 or 755, owners root: what git does not record
    does not show (reproducible-builds.org, "archives").
    """
    upstream = version.rsplit("-", 1)[0].split(":", 1)[-1]
    native = "native" in tree.format or "-" not in version
    with throwaway(cache, layer, "source") as overlay:
        work = overlay.directory / "source"
        work.mkdir(mode=0o755)
        export = work / f"{tree.name}-{upstream}"
        _export(tree.directory, export, tuple(exclude))
        if version != tree.version:
            _prepend_entry(export / "debian/changelog", tree, version, epoch, suite)
        if not native:
            _orig(tree, export, work, upstream, epoch)
        options = put_stand_ins(tree, export, work, upstream, components)
        _set_times(export, epoch)
        bind = Bind(source=work, target=INSIDE, read_only=False)
        with opened(overlay, network=False, binds=[bind]) as inside:
            try:
                for name in work.glob("*.orig.tar"):
                    inside.run(["xz", "-T1", "-6", "--", name.name], cwd=INSIDE, sink=sink)
                inside.run(
                    ["dpkg-source", "-b", *options, export.name],
                    cwd=INSIDE,
                    env={"SOURCE_DATE_EPOCH": str(epoch)},
                    sink=sink,
                    merge=True,
                )
            except CommandError as error:
                raise _dpkg_source_error(error) from error
        (dsc,) = work.glob("*.dsc")
        put_real(tree, dsc, work, upstream, components)
        return _collect(work, output)


def _dpkg_source_error(error: CommandError) -> SourceError:
    said = [line for line in error.done.tail(12) if "error" in line] or error.done.tail(4)
    return SourceError(
        "the source package cannot be made",
        code="source/failed",
        evidence=[Evidence(text=line) for line in said],
        cause="dpkg-source refuses the tree: a patch does not apply, a file it cannot represent, "
        "or a wrong debian/source/format",
        fix=Command("dpkg-source", "-b", "."),
    )


def _export(source: Path, target: Path, exclude: tuple[str, ...]) -> None:
    """Copy the files that belong to the project; links must stay inside it."""
    root = source.resolve()
    for relative in project_files(source):
        if any(fnmatch(relative, pattern) for pattern in exclude):
            continue
        origin, copy = source / relative, target / relative
        if origin.parent.resolve() != (root / relative).parent:
            continue  # below a link that has taken a directory's place: gone, in git's eyes too
        copy.parent.mkdir(parents=True, exist_ok=True)
        info = origin.lstat()
        if stat.S_ISLNK(info.st_mode):
            if not _stays_inside(origin, root):
                raise ConfigError(
                    f"{relative} is a symbolic link that leads out of the project",
                    fix=f'leave it out: [package] exclude = ["{relative}"]',
                )
            copy.symlink_to(origin.readlink())
        elif stat.S_ISREG(info.st_mode):
            shutil.copyfile(origin, copy)
            copy.chmod(0o755 if info.st_mode & stat.S_IXUSR else 0o644)


def _stays_inside(link: Path, root: Path) -> bool:
    """Whether a link is relative, as it must be in another place, and ends below `root`."""
    try:
        return not link.readlink().is_absolute() and (
            link.parent / link.readlink()
        ).resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop
        return False


def project_files(source: Path) -> list[str]:
    """Files of the project, sorted: what git tracks or would add; without git, all but caches.

    Files of submodules are among them. Raises UsageError for a submodule that is not checked out.
    """
    listing = _Listing()
    try:
        git(source, "ls-files", "-t", "--cached", "--others", "--exclude-standard", sink=listing)
    except (NotARepository, MissingError):
        listing.names.clear()
    if listing.names:
        found = [n for n in listing.names if (source / n).is_symlink() or (source / n).is_file()]
        for name in listing.tracked:
            if (source / name).is_dir() and not (source / name).is_symlink():
                found += [f"{name}/{inner}" for inner in _submodule(source / name, name)]
        return sorted(found)
    found = []
    for folder, directories, files in os.walk(source):
        top = Path(folder) == source
        directories[:] = sorted(
            d for d in directories if d not in _NEVER and not (top and d in _NEVER_ON_TOP)
        )
        found += [str((Path(folder) / f).relative_to(source)) for f in files]
        links = [d for d in directories if (Path(folder) / d).is_symlink()]
        found += [str((Path(folder) / d).relative_to(source)) for d in links]
    return sorted(found)


def _submodule(directory: Path, name: str) -> list[str]:
    if not (directory / ".git").exists():
        raise UsageError(
            f"the submodule {name} is not checked out",
            cause="its files are part of the source package",
            fix=Command("git", "submodule", "update", "--init", name),
        )
    return project_files(directory)


@dataclass
class _Listing:
    """Collects what `git ls-files -t` prints, line by line, however much it is.

    Names stay as git quotes them until here: one line of ASCII each, whatever bytes they are.
    """

    names: set[str] = field(default_factory=set)
    tracked: set[str] = field(default_factory=set)

    def __call__(self, line: str) -> None:
        tag, _, quoted = line.partition(" ")
        name = os.fsdecode(unquoted(quoted))
        # What debwright wrote at the last run is no source, whether or not git ignores it.
        if tag != "?" or name.split("/", 1)[0] != OUTPUT:
            self.names.add(name)
        if tag != "?":
            self.tracked.add(name)


def _orig(tree: SourceTree, export: Path, work: Path, upstream: str, epoch: int) -> None:
    """The upstream tarball: one that lies beside the tree already, else one made from it."""
    if upstream == tree.version.rsplit("-", 1)[0].split(":", 1)[-1]:
        for beside in sorted(
            tree.directory.resolve().parent.glob(f"{tree.name}_{upstream}.orig.tar.*")
        ):
            if beside.suffix != ".asc" and beside.is_file():
                shutil.copyfile(beside, work / beside.name)
                return
    prefix = f"{tree.name}-{upstream}"
    with tarfile.open(
        work / f"{tree.name}_{upstream}.orig.tar", "w", format=tarfile.GNU_FORMAT
    ) as tar:
        for path in sorted(export.rglob("*")):
            relative = path.relative_to(export)
            if relative.parts[0] == "debian":
                continue
            entry = tar.gettarinfo(path, f"{prefix}/{relative}")
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = "root"
            entry.mtime = epoch
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)


def _prepend_entry(path: Path, tree: SourceTree, version: str, epoch: int, suite: str) -> None:
    """The changelog entry of the version being built, when nobody has written it."""
    from email.utils import formatdate

    log = Changelog(path.read_text(encoding="utf-8"), strict=True)
    log.new_block(
        package=tree.name,
        version=version,
        distributions=suite,
        urgency="medium",
        author=tree.maintainer,
        date=formatdate(epoch, localtime=False).replace("-0000", "+0000"),
    )
    log.add_change("")
    log.add_change(f"  * Version {version}, built from the project's history.")
    log.add_change("")
    path.write_text(str(log), encoding="utf-8")


def _set_times(export: Path, epoch: int) -> None:
    for path in [*export.rglob("*"), export]:
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _collect(work: Path, output: Path) -> SourcePackage:
    output.mkdir(parents=True, exist_ok=True)
    (dsc,) = work.glob("*.dsc")
    for path in (*read_dsc(dsc).files, dsc):
        share(path, output / path.name)
    return read_dsc(output / dsc.name)
