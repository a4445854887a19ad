"""Release, InRelease, Release.gpg and the by-hash links of a suite.

Formats: Debian's wiki page DebianRepository/Format, and apt-secure(8).
"""

import os
import re
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from debwright.keys.signing import Signer
from debwright.model.errors import DebwrightError
from debwright.repository import store
from debwright.repository.describe import OPTIONS, ftparchive
from debwright.repository.manifest import SuiteManifest
from debwright.repository.model import RepositorySettings
from debwright.repository.promises import Promise

SIGNED_FILES = ("Release", "InRelease", "Release.gpg")
BY_HASH_GENERATIONS = 4
"""By-hash files of this publication and the three before it stay, so that a client that has
read an older InRelease still finds the indices it names."""
APT_FUTURE = 10
"""Seconds by which a Release may be ahead of a user's clock (Acquire::Max-FutureTime)."""
SKEW_SECONDS = 60.0
"""By which the clocks of machines that publish in turn may differ."""


def release_date(previous: SuiteManifest | None, now: int, say: store.Say = store.silent) -> int:
    """The Date of a suite's next Release, in seconds since 1970: later than the one before.

    apt ignores a Release that is older than the one it has, and a web server that compares
    whole seconds would call one of the same second not modified. So a second publication
    within a second waits for the next. A Release before that was far in the future is in no user's
    apt, which refuses it: what comes after it has the time that it is.
    """
    if previous is None:
        return now
    date = max(now, previous.date + 1)
    ahead = date - time.time()
    if ahead > SKEW_SECONDS:
        say(
            f"the publication before is of {release_time(previous.date)}, which has not come: "
            "users' apt refuses that one; this one has today's date. Look at this machine's clock, "
            "and at that of the machine that published before"
        )
        return now
    if ahead > 0:
        time.sleep(ahead)
    return date


def now_seconds() -> int:
    """SOURCE_DATE_EPOCH, or the time. Raises DebwrightError for one that is no number or has not
    come: apt of all users would refuse what is published with it."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        return int(time.time())
    if not text.isascii() or not text.isdecimal():
        raise DebwrightError(
            f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds",
            fix="unset SOURCE_DATE_EPOCH",
        )
    if len(text) > 20 or int(text) > time.time() + APT_FUTURE:
        raise DebwrightError(
            f"SOURCE_DATE_EPOCH is {text[:40]}, which is in the future",
            cause="users' apt refuses what is dated later than their clocks; the commit or the "
            "clock it was taken from is ahead",
            fix="unset SOURCE_DATE_EPOCH",
        )
    return int(text)


def release_text(
    repo: Path,
    suite_directory: Path,
    promise: Promise,
    settings: RepositorySettings,
    *,
    date: int,
    valid_until: int | None = None,
) -> bytes:
    """The Release of a suite whose indices are in place."""
    suite = suite_directory.name
    fields = {
        "Origin": settings.origin,
        "Label": settings.label,
        "Suite": suite,
        "Codename": suite,
        "Date": release_time(date),
        # apt-ftparchive writes the second only together with the first, and as it is given.
        "ValidTime": str(valid_until - date) if valid_until is not None else "",
        "Valid-Until": release_time(valid_until) if valid_until is not None else "",
        "Acquire-By-Hash": "yes",
        "Architectures": " ".join(promise.architectures),
        "Components": " ".join(promise.components),
        "Description": settings.description,
    }
    options = [f"APT::FTPArchive::Release::{k}={v}" for k, v in fields.items() if v]
    return ftparchive(
        repo, ["release", str(suite_directory.relative_to(repo))], [*OPTIONS, *options]
    )


def sign(suite_directory: Path, release: bytes, signer: Signer, date: int) -> None:
    """Write Release, InRelease and Release.gpg."""
    contents = (release, signer.clearsign(release), signer.detach(release))
    for name, content in zip(SIGNED_FILES, contents, strict=True):
        path = suite_directory / name
        path.write_bytes(content)
        # Web servers and rsync look at the time: it must move with the content.
        os.utime(path, (date, date))


def release_time(date: int) -> str:
    """A date as Debian writes it: `Mon, 01 Jan 2024 00:00:00 UTC`."""
    return format_datetime(datetime.fromtimestamp(date, UTC)).replace("+0000", "UTC")


def listed_files(release: bytes) -> list[tuple[str, int, str]]:
    """Path, size and SHA-256 of every index a Release names.

    Read here: python-debian takes longer to be imported than a small publication to be written.
    """
    field = re.search(rb"^SHA256:[ \t]*\n((?:[ \t].*(?:\n|\Z))*)", release, re.MULTILINE)
    rows = field[1].decode("utf-8", "replace").splitlines() if field else []
    split = [row.split() for row in rows]
    return [(r[2], int(r[1]), r[0]) for r in split if len(r) == 3 and r[1].isdecimal()]


def link_by_hash(suite_directory: Path, release: bytes) -> tuple[str, ...]:
    """Link every index under its hash; the by-hash paths below the suite."""
    paths = []
    for name, _, sha256 in listed_files(release):
        path = str(Path(name).parent / "by-hash" / "SHA256" / sha256)
        paths.append(path)
        _link(suite_directory / name, suite_directory / path)
    return tuple(sorted(set(paths)))


def keep_by_hash(
    suite_directory: Path, previous_directory: Path, previous: SuiteManifest
) -> tuple[tuple[str, ...], ...]:
    """Link the by-hash files of earlier publications; their generations, newest first."""
    kept = previous.by_hash[: BY_HASH_GENERATIONS - 1]
    for path in {p for generation in kept for p in generation}:
        if (previous_directory / path).exists():
            _link(previous_directory / path, suite_directory / path)
    return kept


def _link(source: Path, target: Path) -> None:
    store.make_directories(target.parent)
    try:
        os.link(source, target)
    except FileExistsError:
        pass  # the name is the content's hash: it is the same file
