"""One number for the state of a source tree, fast enough to ask at every run."""

import ast
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from debwright.host.git import UntrustedRepository, git
from debwright.model.errors import DebwrightError, UsageError

OUTPUT = "dist"
"""What debwright writes below a source tree; never part of the source."""

_Entry = tuple[bytes, bytes, bytes]
"""Path, kind with permission, and what stands for the content."""

_TRACKED = re.compile(r"(\S) ([0-7]{6}) ([0-9a-f]{40,64}) [0-3]\t(.*)")


def source_digest(directory: Path) -> str:
    """SHA-256 in hex over the names, modes, contents and link targets of the sources.

    In a git work tree the sources are the files git tracks below `directory` and those it
    neither tracks nor ignores; elsewhere all files. dist/ is left out unless it is tracked. In
    git, a clean file is represented by the object id that git already has, a changed one by the
    id it would get, so that committing does not change the digest. The digest of a tree in git
    differs from that of the same files outside. Raises UsageError when something cannot be read.
    """
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", fix="debwright plan")
    try:
        entries = list(_in_git(directory))
    except UntrustedRepository:
        raise  # without git's word other files would be taken for sources than its owner means
    except (DebwrightError, OSError):
        entries = []  # no git, or no repository
    # A directory that git ignores as a whole has no files in its eyes, and still changes.
    kind = b"git" if entries else b"files"
    digest = hashlib.sha256(kind)
    try:
        entries = sorted(entries or _outside_git(directory))
    except OSError as error:
        raise UsageError(
            f"{error.filename!r} cannot be read: {error.strerror}",
            cause="every file of the source must be readable by whoever builds it",
            fix=f"find {shlex.quote(str(directory))} ! -readable",
        ) from error
    for entry in entries:
        for part in entry:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


@dataclass
class _Listing:
    """Collects what `git ls-files -v --stage --cached --modified --others` prints.

    Names stay as git quotes them: one line of ASCII each, whatever bytes they are made of.
    """

    clean: dict[str, tuple[str, str]] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)

    def __call__(self, line: str) -> None:
        if line.startswith("? "):
            self.unsure.add(line[2:])
        elif match := _TRACKED.fullmatch(line):
            tag, mode, oid, name = match.groups()
            if tag == "H":
                self.clean[name] = (mode, oid)
            else:
                # Changed, unmerged, or (lower case, S) marked so that git does not look.
                self.unsure.add(name)


def _in_git(directory: Path) -> Iterator[_Entry]:
    listing = _Listing()
    git(
        directory,
        *("ls-files", "-v", "--stage", "--cached", "--modified", "--others"),
        "--exclude-standard",
        sink=listing,
    )
    tracked = set(listing.clean)
    to_hash: list[tuple[str, bytes]] = []
    for quoted, (mode, oid) in listing.clean.items():
        if quoted in listing.unsure or mode in ("120000", "160000"):
            listing.unsure.add(quoted)
        else:
            yield unquoted(quoted), _mode(int(mode, 8)), oid.encode()
    for quoted in listing.unsure:
        name = unquoted(quoted)
        if quoted not in tracked and name.split(b"/", 1)[0] == OUTPUT.encode():
            continue
        path = os.path.join(os.fsencode(directory), name)  # noqa: PTH118 - bytes
        try:
            info = os.lstat(path)
        except FileNotFoundError:
            continue  # removed from the work tree
        if stat.S_ISLNK(info.st_mode):
            yield name, b"link", os.readlink(path)  # noqa: PTH115 - bytes
        elif stat.S_ISDIR(info.st_mode):  # a submodule, or a repository within
            yield name, b"repository", source_digest(Path(os.fsdecode(path))).encode()
        elif stat.S_ISREG(info.st_mode):
            to_hash.append((quoted, _mode(info.st_mode)))
    yield from _hashed(directory, to_hash)


def _hashed(directory: Path, files: list[tuple[str, bytes]]) -> Iterator[_Entry]:
    """The ids git would give the files, with its filters applied as for a commit."""
    if not files:
        return
    names = "".join(f"{quoted}\n" for quoted, _ in files)
    oids: list[str] = []
    git(directory, "hash-object", "--stdin-paths", stdin=names, sink=oids.append)
    for (quoted, mode), oid in zip(files, oids, strict=True):
        yield unquoted(quoted), mode, oid.encode()


def _mode(mode: int) -> bytes:
    """All that git and a source package keep of a regular file's mode."""
    return b"program" if mode & stat.S_IXUSR else b"file"


def unquoted(name: str) -> bytes:
    """A name as git prints it under core.quotePath: C escapes within quotes, or itself."""
    if not name.startswith('"'):
        return name.encode()
    # git's escapes are those of C, of which Python's bytes literals are a superset.
    value = ast.literal_eval(f"b{name}")
    assert isinstance(value, bytes)
    return value


def _outside_git(directory: Path) -> Iterable[_Entry]:
    root = os.fsencode(directory)
    for parent, directories, files in os.walk(root):
        relative = os.path.relpath(parent, root)
        prefix = b"" if relative == b"." else relative + b"/"
        directories[:] = [d for d in directories if d != b".git" and prefix + d != OUTPUT.encode()]
        links = [d for d in directories if os.path.islink(os.path.join(parent, d))]  # noqa: PTH114, PTH118 - bytes
        for name in (*files, *links):
            path = os.path.join(parent, name)  # noqa: PTH118 - bytes
            info = os.lstat(path)
            if stat.S_ISLNK(info.st_mode):
                yield prefix + name, b"link", os.readlink(path)  # noqa: PTH115 - bytes
            elif stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:  # noqa: PTH123 - bytes
                    content = hashlib.file_digest(file, "sha256").digest()
                yield prefix + name, _mode(info.st_mode), content
