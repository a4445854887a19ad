"""Halving what lies between a good and a bad one, with some that nothing can be said of."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from debwright.host.git import git
from debwright.model.errors import Evidence, UsageError


class Answer(StrEnum):
    """What a try says of a candidate."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    """Something else went wrong, before what is looked for could be seen."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One candidate that was tried."""

    name: str
    answer: Answer
    said: str
    """What was seen, in one line."""
    evidence: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where the search has ended."""

    culprits: tuple[str, ...]
    """The first bad one; several, where those before it could not be judged."""
    tries: tuple[Try, ...]

    def of(self, name: str) -> Try | None:
        """The try of a candidate, if it was tried."""
        return next((t for t in self.tries if t.name == name), None)


class Candidates(Protocol):
    """What is searched through."""

    def between(self, goods: Collection[str], bad: str) -> Sequence[str]:
        """Those that may have brought it, `bad` among them; those that halve them best first."""


@dataclass
class Values:
    """Values in an order, as versions of a dependency from old to new."""

    values: Sequence[str]

    def between(self, goods: Collection[str], bad: str) -> Sequence[str]:
        first = max(self.values.index(good) for good in goods) + 1
        last = self.values.index(bad)
        middle = (first + last - 1) / 2
        order = sorted(range(first, last + 1), key=lambda n: (abs(n - middle), n))
        return [self.values[n] for n in order]


@dataclass
class Commits:
    """Commits of a repository, merges included (git-rev-list(1), --bisect-all)."""

    directory: Path

    def between(self, goods: Collection[str], bad: str) -> Sequence[str]:
        done = git(self.directory, "rev-list", "--bisect-all", bad, "--not", *sorted(goods))
        return [line.split()[0] for line in done.output.splitlines() if line.strip()]


Judge = Callable[[str], Try]
Say = Callable[[str], None]


@dataclass
class _Search:
    candidates: Candidates
    judge: Judge
    say: Say
    tries: list[Try] = field(default_factory=list)

    def tried(self, name: str, left: int | None = None) -> Try:
        found = self.judge(name)
        self.tries.append(found)
        more = f", {left} left" if left is not None else ""
        self.say(f"{name}: {found.answer}{more}: {found.said}")
        return found


def search(candidates: Candidates, good: str, bad: str, judge: Judge, say: Say) -> Outcome:
    """The first bad one. Both ends are tried first: what is not so there is nowhere between.

    Raises UsageError for an end that is not as it was said to be.
    """
    if bad not in candidates.between([good], bad):
        raise UsageError(f"{bad} does not come after {good}", cause="nothing lies between them")
    run = _Search(candidates, judge, say)
    for name, wanted in ((bad, Answer.BAD), (good, Answer.GOOD)):
        seen = run.tried(name)
        if seen.answer is not wanted:
            raise UsageError(
                f"{name} is {seen.answer}, and was said to be {wanted}",
                evidence=[Evidence(text=text) for text in (seen.said, *seen.evidence)],
                cause="an older one may be good" if wanted is Answer.GOOD else None,
            )
    goods, unknown = {good}, set[str]()
    while True:
        left = candidates.between(goods, bad)
        chosen = next((n for n in left if n != bad and n not in unknown), None)
        if chosen is None:
            break
        seen = run.tried(chosen, len(left))
        if seen.answer is Answer.BAD:
            bad = chosen
        elif seen.answer is Answer.GOOD:
            goods.add(chosen)
        else:
            unknown.add(chosen)
    culprits = (bad, *(name for name in candidates.between(goods, bad) if name != bad))
    return Outcome(culprits=culprits, tries=tuple(run.tries))
