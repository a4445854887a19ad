"""Sources: what may be read, what is in a folder, and the bytes of one file."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from local_rag.config.settings import Settings
from local_rag.core.errors import Forbidden, InvalidInput, NotFound, RagError, TooLarge
from local_rag.documents.fetch import check_url
from local_rag.documents.formats import promised, why_not
from local_rag.text.normalise import NotText, decode, one_line

_SYSTEM = (Path("/proc"), Path("/sys"), Path("/dev"), Path("/run"), Path("/etc/local-rag"))
_MAX_DEPTH = 64
_HEAD = 2_048
# A file changed within the time stamp's grain after it was read would look unchanged for ever.
_STAMP_GRAIN_NS = 2_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class FileData:
    """A file that was read; `mtime_ns` is None when it is too fresh to be trusted."""

    data: bytes
    size: int
    mtime_ns: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A file or folder of a walk.

    `error` says why it cannot be read, `skipped` why it is not meant to be.
    """

    uri: str
    size: int = 0
    mtime_ns: int = 0
    error: str | None = None
    skipped: str | None = None


def is_url(source: str) -> bool:
    """Return whether a source is a web address."""
    return source.lower().startswith(("http://", "https://"))


def uri_of(path: Path) -> str:
    """Return the file URI of an absolute path; any file name becomes plain ASCII."""
    return path.as_uri()


def path_of(uri: str) -> Path:
    """Return the path of a file URI. Raises InvalidInput for other URIs."""
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise InvalidInput(f"{one_line(uri)} is not a file")
    # A "?" or "#" in a file name is escaped by as_uri(), so nothing is lost here.
    return Path(os.fsdecode(unquote_to_bytes(parts.path)))


class Policy:
    """Decides which paths may be read. The uploads directory always may.

    Not `guarded` is what a person sends of their own accord: nothing is kept from them.
    """

    def __init__(self, settings: Settings, *, guarded: bool = True) -> None:
        self._follow = settings.imports.follow_symlinks
        self._max_bytes = settings.imports.max_file_mb * 1_000_000
        self._max_mb = settings.imports.max_file_mb
        self._uploads = _real(settings.storage.uploads)
        self._allowed = tuple(_real(path) for path in settings.imports.allowed_paths)
        refused = (*_SYSTEM, _real(settings.storage.data_dir))
        self._refused = refused if guarded else ()

    def source(self, source: str) -> str:
        """Return the URI of a path or URL that a person gave.

        Raises InvalidInput, Forbidden, and NotFound when a file is not there.
        """
        if is_url(source):
            return check_url(source)
        if source.startswith("file:"):
            path = path_of(source)
        elif "://" in source:
            raise InvalidInput(f"{one_line(source)} is neither a path nor an http or https URL")
        else:
            path = Path(source)
        if "\x00" in str(path) or not path.is_absolute():
            raise InvalidInput(
                f"{one_line(str(path))!r} is not an absolute path",
                hint=f"the service does not know your directory: {Path.cwd() / path.name}",
            )
        return uri_of(self.check(path))

    def check(self, path: Path) -> Path:
        """Return the real path of a readable file or folder.

        Raises NotFound, Forbidden, InvalidInput.
        """
        shown = one_line(str(path))
        try:
            # Before it is known whether it exists, or refusals would tell what does.
            self._require_allowed(path.resolve(), shown)
            real = path.resolve(strict=True)
            mode = real.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"{shown} does not exist", hint=f"ls -ld {shown!r}") from None
        except PermissionError:
            raise _unreadable(shown) from None
        except (OSError, RuntimeError) as error:
            raise InvalidInput(f"{shown} cannot be read: {error}") from None
        self._require_allowed(real, shown)
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InvalidInput(f"{shown} is neither a file nor a folder")
        if not os.access(real, os.R_OK):
            raise _unreadable(shown)
        return real

    def is_upload(self, path: Path) -> bool:
        """Return whether a path is that of an uploaded file."""
        return path.is_relative_to(self._uploads) and path != self._uploads

    def _require_allowed(self, real: Path, shown: str) -> None:
        if self.is_upload(real):
            return
        if any(real.is_relative_to(root) for root in self._refused):
            raise Forbidden(f"{shown} is not something to import: it belongs to the system")
        if self._allowed and not any(real.is_relative_to(root) for root in self._allowed):
            raise Forbidden(
                f"{shown} is outside of imports.allowed_paths",
                hint="add its folder to imports.allowed_paths in /etc/local-rag/config.yaml",
            )

    @contextmanager
    def opened(self, path: Path) -> Iterator[BinaryIO]:
        """Yield a file that may be read.

        What was opened is what is checked, so a path exchanged meanwhile gains nothing. Raises
        NotFound, Forbidden, InvalidInput, TooLarge.
        """
        shown = one_line(str(path))
        try:
            # Non-blocking, or opening a pipe would wait for a writer for ever.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"{shown} does not exist any more") from None
        except PermissionError:
            raise _unreadable(shown) from None
        except OSError as error:
            raise InvalidInput(f"{shown} cannot be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise InvalidInput(f"{shown} is not a file")
            self._require_allowed(Path(f"/proc/self/fd/{descriptor}").readlink(), shown)
            if found.st_size > self._max_bytes:
                raise self._too_large(shown, found.st_size)
            yield stream

    def read(self, path: Path) -> FileData:
        """Return the bytes of a file that may be read. Raises what `opened` raises."""
        shown = one_line(str(path))
        with self.opened(path) as stream:
            found = os.fstat(stream.fileno())
            try:
                data = stream.read(self._max_bytes + 1)
            except OSError as error:
                raise InvalidInput(f"{shown} cannot be read: {error.strerror}") from None
        if len(data) > self._max_bytes:
            raise self._too_large(shown, len(data))
        fresh = time.time_ns() - found.st_mtime_ns < _STAMP_GRAIN_NS
        trusted = not fresh and len(data) == found.st_size
        return FileData(
            data=data,
            size=len(data),
            mtime_ns=found.st_mtime_ns if trusted else None,
        )

    def _too_large(self, shown: str, size: int) -> TooLarge:
        return TooLarge(
            f"{shown} has {size / 1e6:.0f} MB, the limit is {self._max_mb} MB",
            hint="raise imports.max_file_mb if that is wanted",
        )

    def walk(self, root: Path, *, recursive: bool) -> Iterator[Found]:
        """Yield all that is in a folder, in order: documents, what cannot be read, what is skipped.

        Nothing is passed over in silence. Hidden files and files of kinds we do not read are
        skipped; links are unless imports.follow_symlinks is set, and then only lead to what is
        allowed. What lies in a skipped folder is not looked at.
        """
        seen: set[tuple[int, int]] = set()
        pending = [(root, 0)]
        while pending:
            folder, depth = pending.pop()
            folders: list[Path] = []
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
                identity = folder.stat()
            except OSError as error:
                yield Found(uri=uri_of(folder), error=f"cannot be read: {error.strerror}")
                continue
            if (identity.st_dev, identity.st_ino) in seen:
                yield _skipped(folder, "a link leads to it a second time")
                continue
            seen.add((identity.st_dev, identity.st_ino))
            for entry in entries:
                found, child = self._entry(entry)
                if child is not None and (not recursive or depth >= _MAX_DEPTH):
                    deep = "subfolders are not asked for" if not recursive else "lies too deep"
                    found = Found(uri=uri_of(child), skipped=deep)
                elif child is not None:
                    folders.append(child)
                if found is not None:
                    yield found
            pending += [(child, depth + 1) for child in reversed(folders)]

    def _entry(self, entry: "os.DirEntry[str]") -> tuple[Found | None, Path | None]:
        """Return what an entry of a folder is: something found, or a folder to look into."""
        path = Path(entry.path)
        try:
            if entry.name.startswith("."):
                return _skipped(path, "it is hidden"), None
            if entry.is_symlink():
                if not self._follow:
                    return _skipped(path, "it is a link, and imports.follow_symlinks is off"), None
                is_folder, path = entry.is_dir(), self.check(path)
            else:
                is_folder = entry.is_dir(follow_symlinks=False)
                self._require_allowed(path, entry.name)
                if not is_folder and not entry.is_file(follow_symlinks=False):
                    return _skipped(path, "it is neither a file nor a folder"), None
        except (OSError, RagError) as error:
            return _skipped(path, str(error)), None
        if is_folder:
            return None, path
        if not promised(entry.name) and not _is_plain(path):
            return _skipped(path, why_not(entry.name)), None
        return _found(path), None


def _is_plain(path: Path) -> bool:
    """Return whether a file without an extension (README, Makefile) begins as text does."""
    if path.suffix:
        return False
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        # It is tried, and what is wrong with it is said then.
        return True
    try:
        return bool(decode(head).strip())
    except NotText:
        return False


def _skipped(path: Path, reason: str) -> Found:
    return Found(uri=uri_of(path), skipped=reason)


def _found(path: Path) -> Found:
    try:
        facts = path.stat()
    except OSError as error:
        return Found(uri=uri_of(path), error=f"cannot be read: {error.strerror}")
    return Found(uri=uri_of(path), size=facts.st_size, mtime_ns=facts.st_mtime_ns)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _unreadable(shown: str) -> Forbidden:
    return Forbidden(
        f"{shown} may not be read by this service",
        hint=f"let its user read it: setfacl -m u:local-rag:r {shown!r}",
    )
