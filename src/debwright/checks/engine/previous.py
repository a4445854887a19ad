"""The previous release of the packages: what users come from when they upgrade."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debwright.model.errors import UsageError
from debwright.model.targets import Target
from debwright.packages.debs import Deb, read_deb

NONE_FOUND = (
    "no previous release is known: the APT repository below dist/ has no older version; "
    "name one with `--previous FILE.deb` or [upgrade] previous, or see [upgrade] from_release"
)
KNOWN = 51
"""Older versions that are read of a package; no configuration asks for more."""


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The packages of the previous release, or why there are none."""

    debs: tuple[Deb, ...] = ()
    older: tuple[tuple[Deb, ...], ...] = ()
    """The packages of each version before it that is known, the newest first."""
    reason: str = NONE_FOUND


def find_previous(
    target: Target,
    debs: Sequence[Deb],
    *,
    files: Sequence[Path] = (),
    repository: Path | None = None,
) -> Previous:
    """The release before `debs`, from the files named or else from a repository of debwright's.

    Raises UsageError for a file that is not a package, or one that is not older.
    """
    if files:
        return _named(target, debs, files)
    if repository is None or not repository.is_dir():
        return Previous()
    return _published(target, debs, repository)


def expand(directory: Path, patterns: Sequence[str]) -> list[Path]:
    """The files of `[upgrade] previous`; relative to the configuration's directory.

    Raises UsageError when a pattern matches nothing: a check would silently not be done.
    """
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        base, relative = (Path("/"), str(path)[1:]) if path.is_absolute() else (directory, pattern)
        matches = sorted(base.glob(relative)) if relative else []
        if not matches:
            raise UsageError(
                f"[upgrade] previous names {pattern}, but there is no such file",
                fix=f"ls {directory / pattern}",
            )
        found += matches
    return found


def _named(target: Target, debs: Sequence[Deb], files: Sequence[Path]) -> Previous:
    from debian.debian_support import Version

    packages = {d.package: d for d in debs}
    chosen = []
    for path in files:
        old = read_deb(path)
        if old.arch not in {target.arch, "all"} or old.package not in packages:
            continue
        new = packages[old.package]
        if not Version(old.version) < Version(new.version):
            raise UsageError(
                f"{path.name} is no previous release: {old.version} is not older than "
                f"{new.version}",
                fix="name the .deb of an older version",
            )
        chosen.append(old)
    if not chosen:
        names = ", ".join(sorted(packages))
        return Previous(reason=f"none of the previous files is {names} for {target.arch}")
    return _ordered(chosen)


def _published(target: Target, debs: Sequence[Deb], repository: Path) -> Previous:
    from debian.debian_support import Version

    from debwright.repository import plan as publication

    state = publication.load(repository)
    suite = state.suites.get(target.suite) if state is not None else None
    if suite is None:
        return Previous()
    packages = {d.package: Version(d.version) for d in debs}
    older = [
        e
        for package in packages
        for e in suite.entries.named(package)
        if e.kind == "deb"
        and e.architecture in {target.arch, "all"}
        and Version(e.version) < packages[e.package]
    ]
    older.sort(key=lambda e: (Version(e.version), e.path), reverse=True)
    found = [read_deb(repository / e.path) for e in older[: KNOWN * len(packages)]]
    return _ordered(found) if found else Previous()


def _ordered(debs: Sequence[Deb]) -> Previous:
    """The newest of each package is the previous release; each version before is one by itself."""
    from debian.debian_support import Version

    newest: dict[str, Deb] = {}
    for deb in sorted(debs, key=lambda d: Version(d.version)):
        newest[deb.package] = deb
    before: dict[str, list[Deb]] = {}
    for deb in debs:
        if deb is not newest[deb.package]:
            before.setdefault(deb.version, []).append(deb)
    versions = sorted(before, key=Version, reverse=True)
    return Previous(
        debs=tuple(newest[name] for name in sorted(newest)),
        older=tuple(tuple(before[version]) for version in versions),
    )
