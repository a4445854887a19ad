"""Problems that no record tells of: a key that expires, a repository that is stale."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from debwright.config import LoadedConfig
from debwright.host.http import client, download
from debwright.keys.configured import configured_keys, home_of
from debwright.keys.gnupg.home import open_home, private_home
from debwright.keys.ring import KeyInfo, keys_of_file, list_keys
from debwright.model.errors import DebwrightError
from debwright.model.targets import Target
from debwright.observe.metrics import Metrics
from debwright.observe.metrics.alerts.rules import Problem

RELEASE_LIMIT = 16 * 1024 * 1024


def outside_problems(loaded: LoadedConfig, dist: Path, now: datetime) -> Iterator[Problem]:
    """Keys and repository. What cannot be looked at is a problem, too."""
    if loaded.config.section(Metrics).alerts.key_days:
        yield from _keys(loaded, dist, now)
    if loaded.config.section(Metrics).alerts.repository_days:
        yield from _repository(loaded, dist, now)


def _keys(loaded: LoadedConfig, dist: Path, now: datetime) -> Iterator[Problem]:
    """Those that sign today; the throw-away key of a job in CI is none of these."""
    wanted = [s.fingerprint for s in configured_keys(loaded, today=now.date())]
    if not wanted:
        return
    try:
        known = {k.fingerprint: k for k in _known(loaded, dist, wanted)}
    except DebwrightError as error:
        yield Problem(
            key="key:unknown", title="the signing key cannot be looked at",
            text=error.what + ".", next=error.fix or "debwright keys list",
        )  # fmt: skip
        return
    for fingerprint in wanted:
        key = known.get(fingerprint)
        left = key.days_left(now) if key else None
        if left is not None and left < loaded.config.section(Metrics).alerts.key_days:
            when = "has expired" if left < 0 else f"expires in {left} days"
            yield Problem(
                key=f"key:{fingerprint}", title=f"the signing key {fingerprint[-16:]} {when}",
                text="Users' machines refuse the repository from then on. They need the next key "
                "before that day.",
                next="debwright keys rotate",
            )  # fmt: skip


def _known(loaded: LoadedConfig, dist: Path, wanted: list[str]) -> list[KeyInfo]:
    """From the GnuPG home; from what is published, where the key comes in a variable."""
    home = home_of(loaded) or Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
    if loaded.config.signing.key_env is None and home.is_dir():
        with open_home(home) as opened:
            return list_keys(opened, *wanted)
    published = dist / loaded.config.repository.path / "key.asc"
    if not published.is_file():
        return []
    with private_home() as opened:
        return keys_of_file(opened, published)


def _repository(loaded: LoadedConfig, dist: Path, now: datetime) -> Iterator[Problem]:
    """As users see it where an address is configured, else as it lies below dist/."""
    url = loaded.config.repository.url
    local = dist / loaded.config.repository.path / "dists"
    dates: dict[str, datetime] = {}
    if url is not None:
        suites = dict.fromkeys(Target.parse(t).suite for t in loaded.config.targets.build)
        names = [s + loaded.config.repository.codename_suffix for s in suites]
        for suite in names:
            try:
                dates[suite] = _fetched(f"{url.rstrip('/')}/dists/{suite}/InRelease")
            except DebwrightError as error:
                yield Problem(
                    key=f"repository:{suite}:unreachable",
                    title=f"the repository's suite {suite} cannot be read",
                    text=error.what + ".", next=f"debwright verify --suite {suite} {url}",
                )  # fmt: skip
    elif local.is_dir():
        for release in sorted(local.glob("*/Release")):
            suite = release.parent.name
            try:
                dates[suite] = _date(release.read_bytes(), str(release))
            except (DebwrightError, OSError) as error:
                yield Problem(
                    key=f"repository:{suite}:unreadable",
                    title=f"the repository's suite {suite} cannot be read",
                    text=f"{error.what if isinstance(error, DebwrightError) else error}.",
                    next="debwright publish",
                )  # fmt: skip
    days = loaded.config.section(Metrics).alerts.repository_days
    for suite, date in dates.items():
        if (age := (now - date).days) > days:
            yield Problem(
                key=f"repository:{suite}", title=f"the repository's suite {suite} is stale",
                text=f"It was published {age} days ago, on {date:%Y-%m-%d}; {days} are allowed.",
                next="debwright publish",
            )  # fmt: skip


def _fetched(url: str) -> datetime:
    with tempfile.TemporaryDirectory(prefix="debwright-alert-") as scratch, client() as http:
        path = Path(scratch) / "InRelease"
        download(http, url, path, limit=RELEASE_LIMIT)
        return _date(path.read_bytes(), url)


def _date(release: bytes, name: str) -> datetime:
    """The field Date of a Release. Raises DebwrightError."""
    from debian.deb822 import Release

    try:
        date = parsedate_to_datetime(str(Release(release)["Date"]))
    except (KeyError, ValueError, TypeError) as error:
        raise DebwrightError(f"{name} has no date that can be read") from error
    return date if date.tzinfo else date.replace(tzinfo=UTC)
