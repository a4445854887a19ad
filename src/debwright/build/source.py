"""From a directory with debian/, or a .dsc, to a source package that builds anywhere."""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from debian.changelog import Changelog, ChangelogParseError
from debian.deb822 import Deb822, Dsc

from debwright import process
from debwright.errors import BuildError, ConfigError, Evidence, UsageError
from debwright.files import sha256_file
from debwright.process import CommandError, LineSink
from debwright.roots.cache import Cache
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.sandbox.namespaces import Bind

_NEVER = (".git", ".venv", "dist", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")
INSIDE = "/source"


@dataclass(frozen=True, kw_only=True)
class SourcePackage:
    """A .dsc and the files it names, all in one directory."""

    dsc: Path
    name: str
    version: str
    files: tuple[Path, ...]
    architectures: frozenset[str]
    """The union of the binary packages' Architecture fields, as `{"any", "all"}`."""
    binaries: tuple[str, ...]

    @property
    def has_all(self) -> bool:
        return "all" in self.architectures

    def has_any_for(self, arch: str) -> bool:
        """Whether something is to be built for `arch` beside what is `all` (policy 5.6.8)."""
        wildcards = {"any", "linux-any", arch, f"any-{arch}", f"linux-{arch}"}
        return bool(self.architectures & wildcards)

    def digest(self) -> str:
        return sha256_file(self.dsc)


def read_dsc(path: Path) -> SourcePackage:
    """Read a .dsc; its files must lie beside it.

    Raises UsageError when it is none, names a path, or a file lacks. Their checksums are verified
    by dpkg-source when it unpacks them.
    """
    try:
        fields = Dsc(path.read_bytes())
        name, version = fields["Source"], fields["Version"]
        entries = fields["Checksums-Sha256"]
    except (OSError, KeyError, ValueError) as error:
        raise UsageError(
            f"{path.name} is not a Debian source control file (.dsc)",
            evidence=[Evidence(text=str(error), file=str(path))],
            fix="name a .dsc file, or a directory that has debian/",
        ) from error
    files = []
    for entry in entries:
        member = entry["name"]
        if "/" in member or member in {".", ".."}:
            raise UsageError(f"{path.name} names a file outside its directory: {member}")
        if not (path.parent / member).is_file():
            raise UsageError(
                f"{member}, which {path.name} names, is not beside it",
                fix=f"fetch the whole source package, as with: dget URL/{path.name}",
            )
        files.append(path.parent / member)
    return SourcePackage(
        dsc=path,
        name=name,
        version=version,
        files=tuple(files),
        architectures=frozenset(fields.get("Architecture", "any").split()),
        binaries=tuple(b.strip() for b in fields.get("Binary", "").split(",") if b.strip()),
    )


@dataclass(frozen=True, kw_only=True)
class SourceTree:
    """A directory with debian/, read and found sound."""

    directory: Path
    name: str
    version: str
    """Of the newest changelog entry."""
    format: str
    maintainer: str
    epoch_seconds: int
    """The newest changelog entry's date."""


def read_tree(directory: Path) -> SourceTree:
    """Read debian/control, debian/changelog and debian/source/format of `directory`.

    Raises BuildError (`source/no-debian`, `source/bad-changelog`) with the line at fault.
    """
    debian = directory / "debian"
    if not (debian / "control").is_file():
        raise NoPackageError(
            f"{directory.name or directory}: there is no debian/control",
            code="source/no-debian",
            cause="the directory is not a Debian source package yet",
            fix=f"debwright init {directory}" if (directory / "pyproject.toml").exists()
            else "name a directory that has debian/, or a .dsc file",
        )  # fmt: skip
    entry = _newest_entry(debian / "changelog")
    with (debian / "control").open() as handle:
        name = Deb822(handle).get("Source", entry.package)
    format_file = debian / "source/format"
    return SourceTree(
        directory=directory,
        name=name,
        version=str(entry.version),
        format=format_file.read_text().strip() if format_file.exists() else "1.0",
        maintainer=entry.author or "",
        epoch_seconds=_seconds(entry.date),
    )


class SourceError(BuildError):
    """The source package cannot be made; `code` is the finding's."""

    def __init__(self, what: str, *, code: str, evidence: Iterable[Evidence] = (),
                 cause: str | None = None, fix: str | None = None) -> None:  # fmt: skip
        super().__init__(what, evidence=tuple(evidence), cause=cause, fix=fix)
        self.code = code


class NoPackageError(SourceError):
    """The directory named is no package at all: an argument is wrong, not a build."""

    exit_code = 2


def _newest_entry(path: Path):  # type: ignore[no-untyped-def]
    try:
        text = path.read_text(encoding="utf-8")
        log = Changelog(text, strict=True)
        entry = log[0]
        _seconds(entry.date)
    except (OSError, UnicodeDecodeError, ChangelogParseError, IndexError, ValueError) as error:
        raise SourceError(
            "debian/changelog cannot be read",
            code="source/bad-changelog",
            evidence=_bad_line(path, str(error)),
            cause="an entry is `name (version) suite; urgency=...`, changes indented by two spaces "
            "and ` -- Name <mail>  date` (Debian policy 4.4)",
            fix="dpkg-parsechangelog -l debian/changelog",
        ) from error
    return entry


def _bad_line(path: Path, said: str) -> list[Evidence]:
    """The line python-debian complains of, found again by its text."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return [Evidence(text=said, file="debian/changelog")]
    for number, line in enumerate(lines, 1):
        if line.strip() and line.strip() in said:
            return [Evidence(text=line, file="debian/changelog", line=number)]
    return [Evidence(text=said, file="debian/changelog")]


def _seconds(date: str | None) -> int:
    from email.utils import parsedate_to_datetime

    if not date:
        raise ValueError("the newest entry has no date")
    return int(parsedate_to_datetime(date).timestamp())


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
) -> SourcePackage:
    """Write `tree` as a source package of `version` into `output`.

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
        _set_times(export, epoch)
        bind = Bind(source=work, target=INSIDE, read_only=False)
        with opened(overlay, network=False, binds=[bind]) as inside:
            try:
                for name in work.glob("*.orig.tar"):
                    inside.run(["xz", "-T1", "-6", "--", name.name], cwd=INSIDE, sink=sink)
                inside.run(
                    ["dpkg-source", "-b", export.name],
                    cwd=INSIDE,
                    env={"SOURCE_DATE_EPOCH": str(epoch)},
                    sink=sink,
                    merge=True,
                )
            except CommandError as error:
                raise _dpkg_source_error(error) from error
        return _collect(work, output)


def _dpkg_source_error(error: CommandError) -> SourceError:
    said = [line for line in error.done.tail(12) if "error" in line] or error.done.tail(4)
    return SourceError(
        "the source package cannot be made",
        code="source/failed",
        evidence=[Evidence(text=line) for line in said],
        cause="dpkg-source refuses the tree: a patch does not apply, a file it cannot represent, "
        "or a wrong debian/source/format",
        fix="dpkg-source -b .",
    )


def _export(source: Path, target: Path, exclude: tuple[str, ...]) -> None:
    """Copy the files that belong to the project; links must stay inside it."""
    root = source.resolve()
    for relative in project_files(source):
        if any(fnmatch(relative, pattern) for pattern in exclude):
            continue
        origin, copy = source / relative, target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        info = origin.lstat()
        if stat.S_ISLNK(info.st_mode):
            if not (origin.parent / origin.readlink()).resolve().is_relative_to(root):
                raise ConfigError(
                    f"{relative} is a symbolic link that leads out of the project",
                    fix=f'leave it out: [package] exclude = ["{relative}"]',
                )
            copy.symlink_to(origin.readlink())
        elif stat.S_ISREG(info.st_mode):
            shutil.copyfile(origin, copy)
            copy.chmod(0o755 if info.st_mode & stat.S_IXUSR else 0o644)


def project_files(source: Path) -> list[str]:
    """Files of the project, sorted: what git tracks or would add; without git, all but caches."""
    listing = process.run(
        ["git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=False,
    )
    if listing.returncode == 0 and listing.output:
        names = sorted(set(listing.output.rstrip("\0").split("\0")))
        return [n for n in names if (source / n).is_symlink() or (source / n).is_file()]
    found = []
    for folder, directories, files in os.walk(source):
        directories[:] = sorted(d for d in directories if d not in _NEVER)
        found += [str((Path(folder) / f).relative_to(source)) for f in files]
        links = [d for d in directories if (Path(folder) / d).is_symlink()]
        found += [str((Path(folder) / d).relative_to(source)) for d in links]
    return sorted(found)


def _orig(tree: SourceTree, export: Path, work: Path, upstream: str, epoch: int) -> None:
    """The upstream tarball: one that lies beside the tree already, else one made from it."""
    if upstream == tree.version.rsplit("-", 1)[0]:
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
    for path in read_dsc(dsc).files:
        shutil.copyfile(path, output / path.name)
    shutil.copyfile(dsc, output / dsc.name)
    return read_dsc(output / dsc.name)
