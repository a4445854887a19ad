"""One pass over a log: candidate lines by one pattern for all rules, then the rules themselves."""

from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from debwright.model.diagnosis import Line
from debwright.model.errors import printable
from debwright.observe.diagnose.lines import bare, pieces, window, without_colour
from debwright.observe.diagnose.rules import Book, Compiled, Mark, Rule

INSTANCES = 20
"""Different things kept of one rule; after so many nothing new is learned."""

EVIDENCE = 3
TEXT = 400
"""Characters kept of an evidence line."""

MARKS = 6
LITERALS = 64
"""Strings of rules looked for in one line; what has more of them is no tool's message."""

SOON = 60
"""Lines within which work breaks off that something survivable has broken."""

OWN_CAUSE, WRAPPER = 40, 50
"""Depths from which on a problem is a cause of its own, and is one where it stands in the very line
that tells of the end: a wrapper's word, as of a container's step, is no cause beside another."""

KEPT = 4096
WORTH_KEEPING = 300
"""Bytes of a line."""


@dataclass
class Hit:
    """A rule's reading of a line, and the lines that say the same."""

    rule: Rule
    topic: str
    details: dict[str, str]
    lines: list[Line]
    count: int = 1
    proven: bool = False
    """A failure was told of after it, or the line alone proves one."""
    last: int = 0
    """The newest line that says it."""
    waiting: bool = False
    """It is among those that are not proven yet."""
    survived: bool = False
    """Something else went wrong between it and the end of the work."""


@dataclass
class Scan:
    """What one pass has found so far."""

    book: Book
    hits: dict[tuple[str, int, tuple[tuple[str, str], ...]], Hit] = field(default_factory=dict)
    pending: list[Hit] = field(default_factory=list)
    """Those that are not proven yet."""
    marks: dict[str, int] = field(default_factory=dict)
    failures: deque[Line] = field(default_factory=lambda: deque(maxlen=MARKS))
    last: deque[Line] = field(default_factory=lambda: deque(maxlen=MARKS))
    full: dict[int, int] = field(default_factory=dict)
    silent: set[bytes] = field(default_factory=set)
    """Candidate lines that no rule knew: logs say the same again and again."""
    hidden: bool = False
    """Inside another log that is quoted here, as debhelper does with config.log."""
    told: int = 0
    """Lines that tell of a failure."""
    ended: int = 0
    """Those among them that tell of the end of the work."""
    over: bool = False
    """The work has ended badly, and no other has ended well since."""
    lines: int = 0
    size: int = 0
    """Bytes read."""

    def read(self, stream: BinaryIO) -> None:
        """Read all of `stream`; memory does not grow with it."""
        for raw in pieces(stream):
            self.size += len(raw)
            self._piece(without_colour(raw))

    def _piece(self, piece: bytes) -> None:
        search, position, counted = self.book.candidate.search, 0, 0
        while (found := search(piece, position)) is not None:
            start, end = window(piece, *found.span())
            self.lines += piece.count(b"\n", counted, start)
            counted = start
            self._line(self.lines + 1, piece[start:end])
            position = max(end, found.end())
        self.lines += piece.count(b"\n", counted)
        tail = piece[-4000:].decode("utf-8", "replace").splitlines()[-MARKS:]
        if any(t.strip() for t in tail):
            number = self.lines - len(tail) + 1
            self.last.extend(
                Line(number=max(1, number + n), text=cut(bare(t)))
                for n, t in enumerate(tail) if t.strip()
            )  # fmt: skip

    def _line(self, number: int, raw: bytes) -> None:
        key = bytes(raw)
        if key in self.silent:
            return
        wanted: set[int] = set()
        position = 0
        for _ in range(LITERALS):
            found = self.book.candidate.search(raw, position)
            if found is None:
                break
            wanted.update(self.book.by_literal[found.group()])
            position = found.start() + 1
        whole = raw.decode("utf-8", "replace")
        text = bare(whole)
        if self._aside(wanted, text):
            return
        failures, ends, heard = self.told, self.ended, False
        here: list[Hit] = []
        for index in sorted(wanted):
            entry = self.book.entries[index]
            if self.full.get(index, 0) >= INSTANCES and not isinstance(entry.about, Mark):
                continue
            as_it_is = isinstance(entry.about, Mark) and entry.about.raw
            details = _details(entry, whole if as_it_is else text)
            if details is None:
                continue
            heard = True
            if isinstance(entry.about, Mark):
                self._mark(entry.about, number, text)
            elif not self.hidden and (hit := self._hit(index, entry, number, text, details)):
                here.append(hit)
        if not heard and len(key) < WORTH_KEEPING:
            if len(self.silent) > KEPT:
                self.silent.clear()
            self.silent.add(key)
        self._overtake(here, WRAPPER if self.ended > ends else OWN_CAUSE)
        if self.told > failures:
            self._prove(number, ended=self.ended > ends)

    def _aside(self, wanted: set[int], text: str) -> bool:
        """Whether the line tells of something else than the work, as of what was not tried."""
        entries = [self.book.entries[index] for index in wanted]
        return any(
            isinstance(e.about, Mark) and e.about.kind == "aside" and _details(e, text) is not None
            for e in entries
        )

    def _overtake(self, here: list[Hit], depth: int) -> None:
        """What was met before and is not what broke the work: something else has, just now."""
        causes = [h for h in here if not h.rule.survivable and h.rule.depth >= depth]
        for hit in self.pending if causes else ():
            if hit.rule.survivable:
                hit.survived = hit.survived or any(
                    hit.last < c.last and c.rule.code not in hit.rule.hides for c in causes
                )

    def _prove(self, number: int, *, ended: bool) -> None:
        for hit in self.pending:
            hit.proven = not hit.rule.survivable or (ended and number - hit.last <= SOON)
            # What is too far away to be a cause waits no longer: a hostile log would gather it.
            hit.waiting = not hit.proven and number - hit.last <= SOON
        self.pending = [h for h in self.pending if h.waiting]

    def _mark(self, mark: Mark, number: int, text: str) -> None:
        self.marks[mark.name] = number
        if mark.kind in ("hide", "show"):
            self.hidden = mark.kind == "hide"
        elif self.hidden:
            return
        elif mark.kind == "failure":
            if not self.failures or self.failures[-1].number != number:
                self.failures.append(Line(number=number, text=cut(text)))
            self.told += 1
            self.ended += mark.hard
            self.over = self.over or mark.hard
        elif mark.kind == "success":
            self.failures.clear()
            self.over = False
            void = [k for k, h in self.hits.items() if h.rule.code // 1000 in mark.voids]
            for key in void:
                del self.hits[key]
            self.pending = [h for h in self.pending if h.rule.code // 1000 not in mark.voids]
            self.full.clear()
            self.silent.clear()

    def _hit(
        self, index: int, entry: Compiled, number: int, text: str, details: dict[str, str]
    ) -> Hit | None:
        rule = entry.about
        assert isinstance(rule, Rule)
        if rule.near is not None and number - self.marks.get(rule.near, -9999) > rule.within:
            return None
        key = (entry.topic, rule.code, tuple(sorted(details.items())))
        if (known := self.hits.get(key)) is not None:
            known.count += 1
            known.last = number
            if not known.proven:
                known.survived = False
                self._wait(known)
            if len(known.lines) < EVIDENCE and known.lines[-1].number != number:
                known.lines.append(Line(number=number, text=cut(text)))
            return known
        self.full[index] = self.full.get(index, 0) + 1
        line = Line(number=number, text=cut(text))
        proven = rule.sure and not rule.survivable
        hit = Hit(rule, entry.topic, details, [line], proven=proven, last=number)
        self.hits[key] = hit
        if not proven:
            self._wait(hit)
        return hit

    def _wait(self, hit: Hit) -> None:
        if not hit.waiting:
            hit.waiting = True
            self.pending.append(hit)


def cut(text: str) -> str:
    """Text fit to be shown: no control characters, and not without end."""
    return printable(text.strip()[:TEXT])


def _details(entry: Compiled, text: str) -> dict[str, str] | None:
    if entry.never is not None and entry.never.search(text) is not None:
        return None
    for pattern in entry.patterns:
        found = pattern.search(text)
        if found is not None:
            return {k: cut(v)[:200] for k, v in found.groupdict().items() if v is not None}
    return None
