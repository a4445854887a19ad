"""From a directory with debian/, or a .dsc, to a source package that builds anywhere."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType

from debian.changelog import Changelog

from debwright.host.files import share
from debwright.host.git import NotARepository
from debwright.host.process import CommandError, LineSink
from debwright.isolation.namespaces import Bind
from debwright.model.errors import ConfigError, Evidence, MissingError
from debwright.model.fix import Command
from debwright.roots.cache import Cache
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.source.components import Component, put_real, put_stand_ins
from debwright.source.listing import OUTPUT, Listing, at, listing_of, require_whole
from debwright.source.package import (
    NoPackageError,
    SourceError,
    SourcePackage,
    SourceTree,
    read_dsc,
    read_tree,
    require_rules,
)
from debwright.source.tarball import add_copy

LFS_LIMIT = 1024
"""Bytes that a pointer of Git LFS has at most."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that stands for one of Git LFS (git-lfs, docs/spec.md)."""
_NOT_UPSTREAM = (
    r"--extend-diff-ignore=^(debwright\.toml|\.github|\.gitea|\.forgejo|\.gitlab-ci\.yml)($|/)"
)
"""What the packaging adds at the top of a tree is no change of upstream's (dpkg-source(1))."""
_NEVER = (".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
_NEVER_ON_TOP = (OUTPUT, "node_modules")
"""What debwright, and npm for the developer, put there. Deeper, tests have such directories."""
INSIDE = "/source"

__all__ = [
    "NoPackageError",
    "SourceError",
    "SourcePackage",
    "SourceTree",
    "export_tree",
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
    generated: Mapping[str, str] = MappingProxyType({}),
) -> SourcePackage:
    """Write `tree` as a source package of `version` into `output`.

    `components` are further upstream tarballs that were made before; `generated` are texts for
    files below debian/ that the tree does not have.

    dpkg-source and xz run in the root `layer`, so that the bytes do not depend on this machine.
    File dates are `epoch` (seconds), modes are 644 or 755, owners root: what git does not record
    does not show (reproducible-builds.org, "archives").
    """
    require_rules(tree.directory)
    upstream = version.rsplit("-", 1)[0].split(":", 1)[-1]
    native = "native" in tree.format or "-" not in version
    with throwaway(cache, layer, "source") as overlay:
        work = overlay.directory / "source"
        work.mkdir(mode=0o755)
        export = work / f"{tree.name}-{upstream}"
        export_tree(tree.directory, export, tuple(exclude))
        if version != tree.version:
            _prepend_entry(export / "debian/changelog", tree, version, epoch, suite)
        for path, text in generated.items():
            (export / path).write_text(text, encoding="utf-8")
        options = put_stand_ins(tree, export, work, upstream, components)
        if not native and _orig(tree, export, work, upstream, epoch):
            options.append(_NOT_UPSTREAM)
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
    last = error.done.tail(12)
    # The files that differ from upstream's tarball are listed after an "info", indented.
    said = [n for n in last if "error" in n or n.startswith(" ")] or last[-4:]
    return SourceError(
        "the source package cannot be made",
        code="source/failed",
        evidence=[Evidence(text=line) for line in said],
        cause="dpkg-source refuses the tree: a patch does not apply, a file it cannot represent, "
        "or a wrong debian/source/format",
        fix=Command("dpkg-source", "-b", "."),
    )


def export_tree(source: Path, target: Path, exclude: tuple[str, ...]) -> None:
    """Copy the files that belong to the project; links must stay inside it."""
    root = source.resolve()
    pointers = []
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
            if info.st_size < LFS_LIMIT and copy.read_bytes().startswith(_LFS_POINTER):
                pointers.append(relative)
    if pointers and _uses_lfs(target):
        raise ConfigError(
            f"{len(pointers)} files are pointers of Git LFS, and not the files themselves",
            evidence=[Evidence(text=_LFS_POINTER.decode(), file=p, line=1) for p in pointers[:5]],
            cause="the repository was cloned without git-lfs, or the files were not fetched",
            fix=Command("git", "lfs", "pull"),
        )


def _uses_lfs(tree: Path) -> bool:
    """Whether a .gitattributes gives files to Git LFS; else a pointer is somebody's test data."""
    return any(
        b"filter=lfs" in path.read_bytes()
        for path in tree.rglob(".gitattributes")
        if path.is_file() and not path.is_symlink()
    )


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

    Files of submodules are among them. Raises UsageError where the checkout is not whole.
    """
    try:
        listing = listing_of(source)
    except (NotARepository, MissingError):
        listing = Listing()
    if listing.tracked or listing.others:
        require_whole(source, listing)
        return sorted(_listed(source, listing))
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


def _listed(source: Path, listing: Listing) -> Iterator[str]:
    """Names of the files that a listing has, those of its submodules included."""
    for quoted in (*listing.tracked, *listing.others):
        path = at(source, quoted)
        if path.is_symlink() or path.is_file():
            yield str(path.relative_to(source))
        elif path.is_dir() and quoted in listing.tracked:
            yield from (str((path / f).relative_to(source)) for f in project_files(path))


def _orig(tree: SourceTree, export: Path, work: Path, upstream: str, epoch: int) -> bool:
    """The upstream tarball: one that lies next to the tree already, else one made from it.

    Returns whether it is upstream's own.
    """
    if upstream == tree.version.rsplit("-", 1)[0].split(":", 1)[-1]:
        for beside in sorted(
            tree.directory.resolve().parent.glob(f"{tree.name}_{upstream}.orig.tar.*")
        ):
            if beside.suffix != ".asc" and beside.is_file():
                shutil.copyfile(beside, work / beside.name)
                return True
    target = work / f"{tree.name}_{upstream}.orig.tar"
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(export.rglob("*")):
            relative = path.relative_to(export)
            if relative.parts[0] != "debian":
                add_copy(tar, f"{tree.name}-{upstream}/{relative}", path, date=epoch)
    return False


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
