"""How long users' apt takes a Release for current, and when it has to be signed again.

Without an end, whoever serves the repository, or sits between it and its users, can show them an
old publication for ever: its signature stays good, and no update arrives. With one, apt refuses it
from that day on (apt-secure(8), and `Valid-Until` in DebianRepository/Format).
"""

import time
from collections.abc import Iterable

from debwright.repository.manifest import SuiteManifest
from debwright.repository.model import RepositorySettings

DAY = 24 * 3600
RENEWED_AT = 2 / 3
"""Of the period: with less than this left the next publication signs again. A schedule of one run
a week, with 30 days, so never leaves less than 13, and a failed run is not the end."""
WARNED_AT = 1 / 3
"""Of the period: with less than this left, renewing has stopped, and `verify` warns."""


def end_of(date: int, days: int) -> int | None:
    """Until when a Release of `date` is valid, in seconds since 1970; None without an end.

    It counts from the clock where that is later: SOURCE_DATE_EPOCH names a date of the past, and
    a Release whose time is over as it is published helps nobody.
    """
    return int(max(date, time.time())) + days * DAY if days else None


def is_due(suites: Iterable[SuiteManifest], settings: RepositorySettings) -> bool:
    """Whether one of the suites has less time left than a renewal waits for."""
    least = settings.valid_days * DAY * RENEWED_AT
    return any(s.valid_until is not None and s.valid_until - time.time() < least for s in suites)
