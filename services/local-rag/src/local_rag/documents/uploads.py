"""Where uploaded files are kept: below one directory, under names that cannot leave it."""

import hashlib
import os
import re
import unicodedata
from pathlib import Path
from threading import Lock

from local_rag.core.errors import InvalidInput
from local_rag.core.files import compute_sha256, sync_directory

_MAX_COMPONENT_BYTES = 180
_MAX_DEPTH = 12
_MAX_VARIANTS = 10_000
# Characters that some file system or shell gives a meaning to; unprintable ones go as well.
_UNSAFE = frozenset('<>:"|?*')


def safe_relative(name: str) -> Path:
    """Return the relative path to keep a file under whose client called it `name`.

    Folders in the name are kept, so that files of one name from two folders stay apart; whatever
    would lead out of them is dropped. Raises InvalidInput when nothing is left.
    """
    cleaned = name.encode("utf-8", "replace").decode("utf-8")
    parts = []
    for raw in re.split(r"[/\\]+", unicodedata.normalize("NFC", cleaned)):
        printable = "".join(c if c.isprintable() and c not in _UNSAFE else "_" for c in raw)
        part = printable.strip().lstrip(".").strip(" ").rstrip(". ")
        if part:
            parts.append(_shorten(part))
    if not parts:
        raise InvalidInput(
            f"{name[:100]!r} is not a usable file name.", hint="give the file another name"
        )
    return Path(*parts[-_MAX_DEPTH:])


def _shorten(part: str) -> str:
    if len(part.encode()) <= _MAX_COMPONENT_BYTES:
        return part
    stem, dot, suffix = part.rpartition(".")
    if not dot or len(suffix.encode()) > 16:
        stem, dot, suffix = part, "", ""
    # A digest keeps two long names apart that begin alike.
    tail = f"-{hashlib.sha256(part.encode()).hexdigest()[:8]}{dot}{suffix}"
    room = _MAX_COMPONENT_BYTES - len(tail.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + tail


class UploadStore:
    """The directory of uploaded files."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._lock = Lock()

    @property
    def uri(self) -> str:
        """The beginning of the URIs of all our files; resolved, as those of documents are."""
        return f"{self.root.resolve().as_uri()}/"

    @property
    def staging(self) -> Path:
        """Where uploads are written while they arrive: on the same file system."""
        return self.root / ".incoming"

    def clean(self) -> None:
        """Remove what uploads that broke off have left; call it once, at the start."""
        for path in self.staging.glob(".part-*"):
            path.unlink(missing_ok=True)

    def take(self, staged: Path, name: str, sha256: str, *, replace: bool) -> Path:
        """Move a staged file to its place and return that.

        With `replace` a file of the same name is replaced. Otherwise the new one gets a number
        behind its name, unless the content is the same.
        """
        relative = safe_relative(name)
        target = self.root / relative
        # One at a time, or two uploads of one name would take the same free name.
        with self._lock:
            return self._place(staged, target, sha256, replace=replace)

    def _place(self, staged: Path, target: Path, sha256: str, *, replace: bool) -> Path:
        name = target.relative_to(self.root)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        except (FileExistsError, NotADirectoryError) as error:
            raise InvalidInput(
                f"{name} cannot be kept: a file has the name of one of its folders.",
                hint="give the file another name",
            ) from error
        if not target.resolve().is_relative_to(self.root.resolve()):
            raise InvalidInput(f"{name} leads out of the upload directory.")
        if not replace:
            target = _free_name(target, sha256)
        elif target.is_dir():
            raise InvalidInput(f"{name} is a folder already.", hint="give the file another name")
        staged.replace(target)
        sync_directory(target.parent)
        return target

    def holds(self, path: Path) -> bool:
        """Return whether a path is one of ours."""
        return path.resolve().is_relative_to(self.root.resolve())

    def remove(self, path: Path) -> bool:
        """Remove one of our files and the folders it leaves empty; False when it is not ours."""
        if not self.holds(path) or path.resolve() == self.root.resolve():
            return False
        path.unlink(missing_ok=True)
        parent = path.parent
        while parent != self.root and self.holds(parent):
            try:
                parent.rmdir()
            except OSError:
                break
            parent = parent.parent
        return True

    def files(self) -> list[Path]:
        """Return every uploaded file that has its place."""
        return [
            Path(folder, name)
            for folder, _, names in os.walk(self.root.resolve())
            if Path(folder).name != self.staging.name
            for name in names
        ]

    def clear(self) -> int:
        """Remove every uploaded file; returns how many there were."""
        count = 0
        for folder, folders, files in os.walk(self.root, topdown=False):
            for name in files:
                Path(folder, name).unlink(missing_ok=True)
                count += 1
            for name in folders:
                path = Path(folder, name)
                if path.is_symlink():
                    path.unlink(missing_ok=True)
                else:
                    path.rmdir()
        return count


def _free_name(target: Path, sha256: str) -> Path:
    for number in range(1, _MAX_VARIANTS):
        variant = target if number == 1 else target.with_stem(f"{target.stem} ({number})")
        if not variant.exists() or (variant.is_file() and compute_sha256(variant) == sha256):
            return variant
    raise InvalidInput(
        f"There are {_MAX_VARIANTS} files called {target.name} already.",
        hint="replace one, or give the file another name",
    )
