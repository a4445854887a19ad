"""One number for the state of a source tree, fast enough to ask at every run."""

import hashlib
import os
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from debwright.host.git import NotARepository, git
from debwright.model.errors import MissingError, UsageError
from debwright.source.listing import OUTPUT, SUBMODULE, listing_of, quoted, require_whole, unquoted

_Entry = tuple[bytes, bytes, bytes]
"""Path, kind with permission, and what stands for the content."""


def source_digest(directory: Path) -> str:
    """SHA-256 in hex over the names, modes, contents and link targets of the sources.

    In a git work tree the sources are the files git tracks below `directory` and those it
    neither tracks nor ignores; elsewhere all files. dist/ is left out unless it is tracked. In
    git, a clean file is represented by the object id that git already has, a changed one by the
    id it would get, so that committing does not change the digest. The digest of a tree in git
    differs from that of the same files outside. Raises UsageError when something cannot be read,
    when the checkout is not whole, and when git does not trust the repository: without git's word
    other files would be taken for sources than its owner means.
    """
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", fix="debwright plan")
    try:
        entries = list(_in_git(directory))
    except (NotARepository, MissingError):
        entries = []
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


def _in_git(directory: Path) -> Iterator[_Entry]:
    listing = listing_of(directory)
    require_whole(directory, listing)
    unsure = listing.others | listing.unsure
    to_hash: list[tuple[str, bytes]] = []
    for shown, (mode, oid) in listing.tracked.items():
        if mode in ("120000", SUBMODULE):
            unsure.add(shown)
        elif shown not in unsure:
            yield unquoted(shown), _mode(int(mode, 8)), oid.encode()
    for shown in unsure:
        name = unquoted(shown)
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
            to_hash.append((shown, _mode(info.st_mode)))
    yield from _hashed(directory, to_hash)


def _hashed(directory: Path, files: list[tuple[str, bytes]]) -> Iterator[_Entry]:
    """The ids git would give the files, with its filters applied as for a commit."""
    if not files:
        return
    # git looks for these names below the top of the work tree, whatever directory it is run in.
    top = directory / git(directory, "rev-parse", "--show-cdup").output.strip()
    below = os.fsencode(directory.resolve().relative_to(top.resolve()))
    names = [quoted(os.path.normpath(os.path.join(below, unquoted(n)))) for n, _ in files]  # noqa: PTH118 - bytes
    oids: list[str] = []
    lines = "".join(f"{name}\n" for name in names)
    git(top, "hash-object", "--stdin-paths", stdin=lines, sink=oids.append)
    for (name, mode), oid in zip(files, oids, strict=True):
        yield unquoted(name), mode, oid.encode()


def _mode(mode: int) -> bytes:
    """All that git and a source package keep of a regular file's mode."""
    return b"program" if mode & stat.S_IXUSR else b"file"


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
