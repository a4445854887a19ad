"""Whether one publication came after another: by what each was made from, never by its number.

Two machines that start from one publication both make one of the next number, and whoever makes
two has the higher number. Each publication therefore has an identity, and names those before it.
"""

import secrets
from pathlib import Path

from debwright.repository import store
from debwright.repository.model import PublicationRecord
from debwright.repository.plan import record_of

LONGEST = 1000
"""Publications that one names. A place that is further behind is refused, which loses nothing."""


def new_identity() -> str:
    return secrets.token_hex(8)


def identity(record: PublicationRecord) -> str:
    """What tells a publication from all others; those made before identities have their time."""
    return record.identity or f"{record.number}@{record.created}"


def ancestors_after(repo: Path, before: PublicationRecord | None) -> tuple[str, ...]:
    """The ancestors of the publication that follows `before`, the nearest first."""
    if before is None:
        return ()
    older = before.ancestors
    if not before.identity:
        # It names none: those on this disk are its past.
        numbers = [n for n in store.publication_numbers(repo) if n < before.number]
        older = tuple(identity(record_of(repo, n)) for n in reversed(numbers))
    return (identity(before), *older)[:LONGEST]


def comes_from(record: PublicationRecord, other: PublicationRecord) -> bool:
    """Whether `record` is `other`, or was made from it."""
    same = record.repository == other.repository
    return same and identity(other) in (identity(record), *record.ancestors)
