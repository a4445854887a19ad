"""What `init` would do to the files of a project: written, merged with what was edited, kept."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from debwright.host.git import merge_file
from debwright.init.model import Written
from debwright.model.errors import Evidence, MissingError, UsageError
from debwright.model.fix import Command

CHANGELOG = "debian/changelog"
"""Its history cannot be made again, so what is there stays."""
NEEDED = frozenset({"debwright.toml", "debian/control", "debian/rules", "debian/source/format"})
"""Without these nothing can be built: they are written again when they are gone."""


class Act(StrEnum):
    """What happens to a file, as messages say it."""

    WROTE = "wrote"
    UPDATED = "updated"
    MERGED = "merged"
    KEPT = "kept"
    REMOVED = "removed"
    SAME = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A file, what is in it now and what will be. `why` tells a person what is to be looked at."""

    path: str
    act: Act
    before: str | None
    after: str | None
    executable: bool = False
    missed: tuple[str, str] | None = None
    """What `init` wrote and would write, where an edit was kept instead."""
    why: str = ""
    bookkeeping: bool = False
    """A file that nobody reads."""

    @property
    def touches(self) -> bool:
        """Whether the file is to be written or removed."""
        return self.act not in (Act.SAME, Act.KEPT)

    def diff(self) -> Iterator[str]:
        """Unified, as `diff -u` has it, with /dev/null for a file that is not there."""
        if self.touches and not self.bookkeeping:
            yield from _diff(self.path, self.before, self.after)
        if self.missed is not None:
            yield f"# not in {self.path}, where you edited the same lines:"
            yield from _diff(self.path, *self.missed)


def compare(
    directory: Path, files: Iterable[Written], wrote: Mapping[str, str], *, force: bool
) -> list[Change]:
    """What to do to each of `files`, and to those that were written before and are no more.

    `wrote` are the texts that `init` wrote before. Raises UsageError for files that it did not
    write and that are not what it would write, unless `force`d; and for a symbolic link, or
    something else, where a file is to be.
    """
    wanted = {file.path: file for file in files}
    gone = [path for path in wrote if path not in wanted]
    refuse_links(directory, [*wanted, *gone])
    foreign = [f.path for f in wanted.values() if f.path not in wrote and _differs(directory, f)]
    if foreign and not force:
        raise UsageError(
            "there are packaging files that init did not write",
            evidence=[Evidence(text=path) for path in foreign],
            cause="--force replaces them; with --dry-run you see what would become of them",
            fix=Command("debwright", "-C", directory, "init", "--force", "--dry-run"),
        )
    changes = [_change(directory, file, wrote.get(file.path), force) for file in wanted.values()]
    return [*changes, *(_removed(directory, path, wrote[path]) for path in gone)]


def _differs(directory: Path, file: Written) -> bool:
    there = read_text(directory / file.path)
    return there not in (None, file.text) and file.path != CHANGELOG


def _change(directory: Path, file: Written, wrote: str | None, force: bool) -> Change:
    before = read_text(directory / file.path)
    same = Change(
        path=file.path, act=Act.SAME, before=before, after=before, executable=file.executable
    )
    updated = replace(same, act=Act.UPDATED, after=file.text)
    if before is None:
        if wrote is None or force or file.path in NEEDED:
            return replace(updated, act=Act.WROTE)
        return replace(same, act=Act.KEPT, why="was removed; --force writes it again")
    if file.path == CHANGELOG:
        return same
    if before == file.text:
        lost = file.executable and not (directory / file.path).stat().st_mode & 0o100
        return updated if lost else same
    if force or wrote in (None, before):
        return updated
    return same if wrote == file.text else _merged(updated, wrote or "", file.text)


def _merged(change: Change, wrote: str, wanted: str) -> Change:
    """The change of a file that was edited, and that `init` would write differently by now."""
    before = change.before or ""
    merged, whole = merge(before, wrote, wanted)
    missed = None if whole else (wrote, wanted)
    if merged == before:
        act = Act.SAME if whole else Act.KEPT
        why = "" if whole else "you edited what changes; see above"
        return replace(change, act=act, after=before, missed=missed, why=why)
    why = "with your edits" if whole else "with your edits, which were kept where both changed"
    return replace(change, act=Act.MERGED, after=merged, missed=missed, why=why)


def _removed(directory: Path, path: str, wrote: str) -> Change:
    """A file that `init` wrote for what the project no longer is."""
    before = read_text(directory / path)
    change = Change(path=path, act=Act.SAME, before=before, after=None)
    if before is None:
        return change
    if before == wrote:
        return replace(change, act=Act.REMOVED)
    return replace(change, act=Act.KEPT, why="is no longer needed, but was edited: remove it?")


def merge(mine: str, base: str, other: str) -> tuple[str, bool]:
    """A three-way merge that keeps `mine` where both changed, and whether it was never so.

    Without git, and for what is no UTF-8, `mine` is kept as a whole.
    """
    with TemporaryDirectory(prefix="debwright-init-") as name:
        paths = [Path(name, part) for part in ("mine", "base", "other")]
        try:
            for path, text in zip(paths, (mine, base, other), strict=True):
                path.write_bytes(text.encode())
            clean = merge_file("-p", "-q", *paths)
            if clean.returncode == 0:
                return clean.output, True
            kept = merge_file("-p", "-q", "--ours", *paths)
        except (MissingError, UnicodeEncodeError):
            return mine, False
    return (kept.output if kept.returncode == 0 else mine), False


def read_text(path: Path) -> str | None:
    """The file as it is: line ends are kept, and bytes that are no UTF-8 too."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def refuse_links(directory: Path, paths: Iterable[str]) -> None:
    """Raise UsageError where a path leads through a link, or to something that is no file."""
    for path in paths:
        parts = Path(path).parts
        steps = [directory / Path(*parts[: n + 1]) for n in range(len(parts))]
        for step in steps:
            if step.is_symlink():
                raise UsageError(
                    f"{step.relative_to(directory)} is a symbolic link",
                    cause="init writes inside the project's directory only",
                    fix=f"rm {step.relative_to(directory)}",
                )
        if (directory / path).is_dir() or any(s.exists() and not s.is_dir() for s in steps[:-1]):
            raise UsageError(f"{path} cannot be written: something else is in its place")


def _diff(path: str, before: str | None, after: str | None) -> Iterator[str]:
    old, new = ("/dev/null" if text is None else path for text in (before, after))
    yield from difflib.unified_diff(_lines(before), _lines(after), old, new, lineterm="")


def _lines(text: str | None) -> list[str]:
    """The text's lines; what follows the last line's end is none."""
    lines = (text or "").split("\n")
    return lines if lines[-1] else lines[:-1]
