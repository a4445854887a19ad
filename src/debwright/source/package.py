"""What a source package is, read from a .dsc or from a directory with debian/."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from debian.changelog import Changelog, ChangelogParseError
from debian.deb822 import Deb822, Dsc

from debwright.host.files import sha256_file
from debwright.model.codes import ERROR, Code, CodedError, Codes
from debwright.model.errors import BuildError, Evidence, ExitCode, UsageError
from debwright.model.fix import Command

DSC_LIMIT = 4 * 1024 * 1024

# Debian policy 5.6.1 and 5.6.12. Names and versions become parts of paths: nothing else may.
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+", re.ASCII)
_VERSION = re.compile(r"(?:\d+:)?\d[A-Za-z0-9.+~:-]*", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.~_%-]*", re.ASCII)


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
    when they are built.
    """
    try:
        fields = Dsc(_content(path))
        name, version = str(fields["Source"]), str(fields["Version"])
        members = [str(entry["name"]) for entry in fields["Checksums-Sha256"]]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path.name} is not a Debian source control file (.dsc)",
            evidence=[Evidence(text=str(error), file=str(path))],
            fix="name a .dsc file, or a directory that has debian/",
        ) from error
    if problem := _bad_identity(name, version):
        raise UsageError(
            f"{path.name}: {problem}",
            cause="policy 5.6.1 and 5.6.12 say what names and versions are made of",
        )
    files = []
    for member in members:
        if not _FILE.fullmatch(member):
            raise UsageError(f"{path.name} names a file outside its directory: {member!r}")
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


def _content(path: Path) -> bytes:
    with path.open("rb") as handle:
        text = handle.read(DSC_LIMIT + 1)
    if len(text) > DSC_LIMIT:
        raise ValueError(f"it is longer than {DSC_LIMIT} bytes")
    return text


def _bad_identity(name: str, version: str) -> str | None:
    if not _NAME.fullmatch(name):
        return f"{name!r} is not a package's name"
    if not _VERSION.fullmatch(version):
        return f"{version!r} is not a Debian version"
    return None


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


def binaries_of(directory: Path) -> tuple[str, ...]:
    """The binary packages that debian/control of `directory` names (Policy 5.2).

    Raises SourceError when it cannot be read.
    """
    try:
        with (directory / "debian/control").open("rb") as handle:
            paragraphs = Deb822.iter_paragraphs(handle, use_apt_pkg=False)
            return tuple(str(p["Package"]) for p in paragraphs if "Package" in p)
    except (OSError, ValueError) as error:
        raise SourceError(
            "debian/control cannot be read", code="source/bad-control",
            evidence=[Evidence(text=str(error), file="debian/control")],
        ) from error  # fmt: skip


def read_tree(directory: Path) -> SourceTree:
    """Read debian/control, debian/changelog and debian/source/format of `directory`.

    Raises BuildError (`source/no-debian`, `source/bad-changelog`) with the line at fault.
    """
    debian = directory / "debian"
    if debian.is_symlink():
        raise SourceError(
            "debian is a symbolic link",
            code="source/linked-debian",
            evidence=[Evidence(text=f"debian -> {debian.readlink()}")],
            cause="dpkg-source takes a directory only",
            fix=f"put the directory itself there: rm debian; mv {debian.readlink()} debian",
        )
    if not (debian / "control").is_file():
        raise NoPackageError(
            f"{directory.name or directory}: there is no debian/control",
            code="source/no-debian",
            cause="the directory is not a Debian source package yet",
            fix=Command("debwright", "init")
            if directory.resolve() == Path.cwd()
            else Command("debwright", "-C", directory, "init"),
        )  # fmt: skip
    entry = _newest_entry(debian / "changelog")
    try:
        with (debian / "control").open("rb") as handle:
            name = str(Deb822(handle).get("Source", entry.package))
    except (OSError, ValueError) as error:
        raise SourceError(
            "debian/control cannot be read", code="source/bad-control",
            evidence=[Evidence(text=str(error), file="debian/control")],
        ) from error  # fmt: skip
    if problem := _bad_identity(name, str(entry.version)):
        raise SourceError(
            f"debian/control or debian/changelog: {problem}", code="source/bad-name",
            cause="policy 5.6.1 and 5.6.12 say what names and versions are made of",
        )  # fmt: skip
    if name != entry.package:
        raise SourceError(
            f"debian/control is of {name}, and debian/changelog of {entry.package}",
            code="source/two-names",
            evidence=[
                Evidence(text=f"Source: {name}", file="debian/control"),
                Evidence(
                    text=f"{entry.package} ({entry.version})", file="debian/changelog", line=1
                ),
            ],
            cause="the package was renamed in one of them alone; its name is the same in both "
            "(policy 4.4)",
            fix=Command(
                "sed", "-i", f"1s/^{re.escape(entry.package)} /{name} /", debian / "changelog"
            ),
        )
    format_file = debian / "source/format"
    return SourceTree(
        directory=directory,
        name=name,
        version=str(entry.version),
        format=format_file.read_text(errors="replace").strip() if format_file.exists() else "1.0",
        maintainer=entry.author or "",
        epoch_seconds=_seconds(entry.date),
    )


def require_rules(directory: Path) -> None:
    """Raises SourceError for a tree that dpkg-buildpackage could only fail on."""
    rules = directory / "debian/rules"
    if not rules.exists():
        raise SourceError(
            "there is no debian/rules", code="source/no-rules",
            cause="it is what builds the package (policy 4.9); where debhelper does, it has three "
            "lines",
            fix=f"printf '#!/usr/bin/make -f\\n%%:\\n\\tdh $@\\n' > {shlex.quote(str(rules))}",
        )  # fmt: skip


CODES = Codes(
    {
        "source/no-debian": Code(ERROR, "There is no debian/control."),
        "source/linked-debian": Code(ERROR, "debian is a symbolic link, not a directory."),
        "source/bad-control": Code(ERROR, "debian/control cannot be read."),
        "source/bad-name": Code(ERROR, "The name or the version of the package is not allowed."),
        "source/two-names": Code(ERROR, "debian/control and debian/changelog have two names."),
        "source/no-rules": Code(ERROR, "There is no debian/rules."),
        "source/bad-changelog": Code(ERROR, "debian/changelog cannot be read."),
        "source/failed": Code(ERROR, "dpkg-source did not make the source package."),
        "source/no-components": Code(ERROR, "The source format has no component tarballs."),
        "source/component-clash": Code(ERROR, "The source has a directory of a component's name."),
    }
)


class SourceError(CodedError, BuildError):
    """The source package cannot be made; `code` is the finding's."""

    codes = CODES


class NoPackageError(SourceError):
    """The directory named is no package at all: an argument is wrong, not a build."""

    exit_code = ExitCode.USAGE


def _newest_entry(path: Path):  # type: ignore[no-untyped-def]
    try:
        text = path.read_text(encoding="utf-8")
        log = Changelog(text, strict=True)
        entry = log[0]
        str(entry.version)  # refused only when asked for
        _seconds(entry.date)
    except (OSError, UnicodeDecodeError, ChangelogParseError, IndexError, ValueError) as error:
        raise SourceError(
            "debian/changelog cannot be read",
            code="source/bad-changelog",
            evidence=_bad_line(path, str(error)),
            cause="the file is not in UTF-8, as policy 5.1 asks for"
            if isinstance(error, UnicodeDecodeError)
            else "an entry is `name (version) suite; urgency=...`, changes indented by two spaces "
            "and ` -- Name <mail>  date` (Debian policy 4.4)",
            fix="iconv -f latin1 -t utf-8 debian/changelog, where it is Latin-1"
            if isinstance(error, UnicodeDecodeError)
            else Command("dpkg-parsechangelog", "-l", "debian/changelog"),
        ) from error
    return entry


def _bad_line(path: Path, said: str) -> list[Evidence]:
    """The line python-debian complains of, found again by its text."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return [Evidence(text=said, file="debian/changelog")]
    # Its complaints end with the line, or quote the version; "eof" means the last one.
    quoted = re.search(r"version string '(.+)'", said)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if said.endswith(f": {line}") or (quoted is not None and f"({quoted[1]})" in line):
            return [Evidence(text=line, file="debian/changelog", line=number)]
        if "date" in said and line.startswith(" -- "):
            return [Evidence(text=f"{line} ({said})", file="debian/changelog", line=number)]
    if "eof" in said and lines:
        return [Evidence(text=said, file="debian/changelog", line=len(lines))]
    return [Evidence(text=said, file="debian/changelog")]


def _seconds(date: str | None) -> int:
    from email.utils import parsedate_to_datetime

    if not date:
        raise ValueError("the newest entry has no date")
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"the date {date!r} is not one of RFC 5322") from error
