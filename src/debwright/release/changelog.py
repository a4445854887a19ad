"""The entry of debian/changelog (deb-changelog(5)) for a list of changes."""

import re
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from debian.changelog import ChangeBlock, Changelog, ChangelogParseError

from debwright.host.files import atomic_write
from debwright.model.errors import Evidence, UsageError
from debwright.model.fix import Command
from debwright.release.commits import Change, Kind
from debwright.source.order import compare, why_older

WIDTH = 78
MOST = 200
_QUIET = (Kind.INTERNAL, Kind.DOCUMENTATION)
# dpkg reads these as orders to close bugs of Debian's or Launchpad's trackers.
_ORDERS = re.compile(r"\b(closes|lp)\s*:(?=\s*(?:bug)?\s*#?\s*\d)", re.IGNORECASE)


def entry(
    package: str, version: str, changes: Sequence[Change], *, distribution: str, author: str,
    when: datetime,
) -> str:  # fmt: skip
    """One entry, ending with a line end. What is internal is left out unless there is no more."""
    log = Changelog()
    log.new_block(
        package=package,
        version=version,
        distributions=distribution,
        urgency="high" if any(c.kind is Kind.SECURITY for c in changes) else "medium",
        author=author,
        date=format_datetime(when.astimezone(UTC)),
    )
    log.add_change("")
    for line in lines(changes):
        log.add_change(line)
    log.add_change("")
    text = str(log)
    # Nothing that a commit says may read as another entry.
    parsed = Changelog(text, strict=True)
    assert len(parsed) == 1
    return text.rstrip("\n") + "\n"


def lines(changes: Sequence[Change]) -> list[str]:
    """The bullets: what breaks first, then by kind, each wrapped."""
    order = list(Kind)
    wanted = [c for c in changes if c.breaking or c.kind not in _QUIET] or list(changes)
    wanted.sort(key=lambda c: (c.breaking is None, order.index(c.kind)))
    found: list[str] = []
    for change in wanted[:MOST]:
        found += _bullet(_sentence(change))
    if len(wanted) > MOST:
        found += _bullet(f"and {len(wanted) - MOST} more changes")
    return found or _bullet("No changes that users see.")


def prepend(path: Path, text: str) -> bool:
    """Put an entry in front of a debian/changelog, which is made when it is not there.

    False when it has an entry of this version already: nothing is done then. Raises UsageError when
    the file cannot be read as a changelog, or its first entry is of a higher version.
    """
    fresh = Changelog(text, strict=True)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        present = [str(block.version) for block in Changelog(old, strict=True)] if old else []
    except ChangelogParseError as error:
        raise UsageError(
            f"{path} cannot be read: {error}", fix=Command("dpkg-parsechangelog", "-l", path)
        ) from error
    version = str(fresh.version)
    if version in present:
        return False
    if present and compare(version, present[0]) < 0:
        raise UsageError(
            f"{version} is below {present[0]}, which {path} has: a changelog never goes back",
            evidence=[Evidence(text=old.split("\n", 1)[0][:200], file=str(path), line=1)],
            cause=why_older(version, present[0]),
            fix=Command("debwright", "plan"),
        )
    atomic_write(path, text + ("\n" + old if old else ""))
    return True


def says_the_same(path: Path, text: str) -> bool:
    """Whether the entry of this version in a debian/changelog has the same changes as `text`."""
    fresh = Changelog(text, strict=True)
    for block in Changelog(path.read_text(encoding="utf-8"), strict=True):
        if str(block.version) == str(fresh.version):
            return _changes(block) == _changes(fresh[0])
    return False


def _changes(block: ChangeBlock) -> list[str]:
    return [line.strip() for line in block.changes() if line.strip()]


def _sentence(change: Change) -> str:
    text = f"{change.scope}: {change.text}" if change.scope else change.text
    if change.breaking is not None:
        more = "" if change.breaking == change.text else f" ({change.breaking})"
        text = f"BREAKING: {text}{more}"
    missing = [f"#{n}" for n in change.issues if f"#{n}" not in text]
    text += f" ({', '.join(missing)})" if missing else ""
    return _ORDERS.sub(r"\1", text)


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="  * ", subsequent_indent="    ", break_long_words=True,
        break_on_hyphens=False,
    )  # fmt: skip
