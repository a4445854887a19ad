"""One pass over a log: candidate lines by one pattern for all rules, then the rules themselves."""

from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from debwright.diagnose.lines import bare, pieces, window, without_colour
from debwright.diagnose.model import Line
from debwright.diagnose.rules import Book, Compiled, Mark, Rule
from debwright.errors import printable

INSTANCES = 20
"""Different things kept of one rule; after so many nothing new is learned."""

EVIDENCE = 3
TEXT = 400
"""Characters kept of an evidence line."""

MARKS = 6
LITERALS = 64
"""Strings of rules looked for in one line; what has more of them is no tool's message."""

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


@dataclass
class Scan:
    """What one pass has found so far."""

    book: Book
    hits: dict[tuple[str, int, tuple[tuple[str, str], ...]], Hit] = field(default_factory=dict)
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
        text = bare(raw.decode("utf-8", "replace"))
        failures, heard = self.told, False
        for index in sorted(wanted):
            entry = self.book.entries[index]
            if self.full.get(index, 0) >= INSTANCES and not isinstance(entry.about, Mark):
                continue
            details = _details(entry, text)
            if details is None:
                continue
            heard = True
            if isinstance(entry.about, Mark):
                self._mark(entry.about, number, text)
            elif not self.hidden:
                self._hit(index, entry, number, text, details)
        if not heard and len(key) < WORTH_KEEPING:
            if len(self.silent) > KEPT:
                self.silent.clear()
            self.silent.add(key)
        if self.told > failures:
            for hit in self.hits.values():
                hit.proven = True

    def _mark(self, mark: Mark, number: int, text: str) -> None:
        self.marks[mark.name] = number
        if mark.kind in ("hide", "show"):
            self.hidden = mark.kind == "hide"
        elif self.hidden:
            return
        elif mark.kind == "failure":
            self.failures.append(Line(number=number, text=cut(text)))
            self.told += 1
        elif mark.kind == "success":
            self.failures.clear()
            void = [k for k, h in self.hits.items() if h.rule.code // 1000 in mark.voids]
            for key in void:
                del self.hits[key]
            self.full.clear()

    def _hit(
        self, index: int, entry: Compiled, number: int, text: str, details: dict[str, str]
    ) -> None:
        rule = entry.about
        assert isinstance(rule, Rule)
        if rule.near is not None and number - self.marks.get(rule.near, -9999) > rule.within:
            return
        key = (entry.topic, rule.code, tuple(sorted(details.items())))
        if (known := self.hits.get(key)) is not None:
            known.count += 1
            if len(known.lines) < EVIDENCE and known.lines[-1].number != number:
                known.lines.append(Line(number=number, text=cut(text)))
            return
        self.full[index] = self.full.get(index, 0) + 1
        line = Line(number=number, text=cut(text))
        self.hits[key] = Hit(rule, entry.topic, details, [line], proven=rule.sure)


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
