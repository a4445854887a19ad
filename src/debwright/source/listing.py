"""What git says of the files of a source tree, and whether the checkout has them all."""

import ast
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from debwright.host.git import NotARepository, git
from debwright.host.process import CommandError
from debwright.model.errors import Evidence, MissingError, UsageError
from debwright.model.fix import Command

OUTPUT = "dist"
"""What debwright writes below a source tree; never part of the source unless it is tracked."""

SUBMODULE = "160000"
_TRACKED = re.compile(r"(\S) ([0-7]{6}) ([0-9a-f]{40,64}) [0-3]\t(.*)")
_SHOWN = 5


@dataclass
class Listing:
    """Collects what `git ls-files -v --stage --cached --modified --others` prints.

    Names stay as git quotes them: one line of ASCII each, whatever bytes they are made of.
    """

    tracked: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name to mode and object id."""
    unsure: set[str] = field(default_factory=set)
    """Tracked files that are changed or unmerged, or that git has been told not to look at."""
    others: set[str] = field(default_factory=set)
    """Files that git neither tracks nor ignores, but for what debwright wrote."""
    skipped: set[str] = field(default_factory=set)
    """Tracked files that a sparse checkout may leave out."""

    def __call__(self, line: str) -> None:
        if line.startswith("? "):
            if unquoted(line[2:]).split(b"/", 1)[0] != OUTPUT.encode():
                self.others.add(line[2:])
        elif match := _TRACKED.fullmatch(line):
            tag, mode, oid, name = match.groups()
            self.tracked[name] = (mode, oid)
            if tag == "S":
                self.skipped.add(name)
            if tag != "H":
                # Changed, unmerged, or (lower case, S) marked so that git does not look.
                self.unsure.add(name)


def listing_of(directory: Path) -> Listing:
    """The files of `directory` in the eyes of git. Raises what `git` raises."""
    found = Listing()
    git(
        directory,
        *("ls-files", "-v", "--stage", "--cached", "--modified", "--others"),
        "--exclude-standard",
        sink=found,
    )
    return found


def require_whole(directory: Path, listing: Listing) -> None:
    """Raise UsageError where the checkout has not all that the source package is made of."""
    for name, (mode, _) in sorted(listing.tracked.items()):
        path = at(directory, name)
        if mode == SUBMODULE and path.is_dir() and not (path / ".git").exists():
            raise UsageError(
                f"the submodule {name} is not checked out",
                cause="its files are part of the source package",
                fix=Command("git", "submodule", "update", "--init", "--recursive", name),
            )
    missing = sorted(n for n in listing.skipped if not os.path.lexists(at(directory, n)))
    if missing:
        raise UsageError(
            f"the checkout is sparse: {len(missing)} files of the source are not there",
            evidence=[Evidence(text=name) for name in missing[:_SHOWN]],
            cause="a source package made of it would not have them",
            fix=Command("git", "sparse-checkout", "disable"),
        )


def require_debian_in_git(directory: Path) -> None:
    """Raise UsageError where git ignores debian/: the source package would be without it."""
    try:
        done = git(directory, "check-ignore", "-v", "debian/control", "debian/changelog")
    except (NotARepository, MissingError, CommandError):
        return  # no repository; or git ignores none of them, which is its exit status 1
    rule, _, _ = done.output.partition("\n")
    file, line, pattern = (*rule.partition("\t")[0].split(":", 2), "", "")[:3]
    raise UsageError(
        "git ignores debian/",
        evidence=[Evidence(text=pattern, file=file, line=int(line) if line.isdigit() else None)],
        cause="a source package is made of the files that git does not ignore",
        fix=f"remove that line of {file}, and: git add debian",
    )


def at(directory: Path, shown: str) -> Path:
    """Where a file with a name as git quotes it is."""
    return directory / os.fsdecode(unquoted(shown))


def unquoted(name: str) -> bytes:
    """A name as git prints it under core.quotePath: C escapes within quotes, or itself."""
    if not name.startswith('"'):
        return name.encode()
    # git's escapes are those of C, of which Python's bytes literals are a superset.
    value = ast.literal_eval(f"b{name}")
    assert isinstance(value, bytes)
    return value


def quoted(name: bytes) -> str:
    """`name` as git reads it from a list of paths: C escapes within quotes."""
    plain = set(range(32, 127)) - set(b'"\\')
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in name) + '"'
