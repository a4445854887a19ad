"""The rules: data in rules/*.toml, read and checked here.

Patterns are RE2's: no back-references, no look-around, and time linear in the line. `find` are
strings one of which every matching line holds; all of them together are looked for at once, and
only lines that hold one are read by a pattern. `@ARCH@` stands for the name of any architecture.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import re2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from debwright.model.arch import ARCHITECTURES
from debwright.model.diagnosis import Category
from debwright.model.errors import DebwrightError, Evidence


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(_Table):
    """Lines as a tool writes them, and what is read in them."""

    log: str
    details: dict[str, str] = {}


class Rule(_Table):
    """One way in which one problem shows itself."""

    code: int = Field(ge=1000, lt=4000)
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    """With {names} of the pattern's groups, as are cause and fix."""
    cause: str = ""
    """Empty where the line says what was found, and no log can say why."""
    fix: tuple[str, ...] = Field(min_length=1)
    find: tuple[str, ...] = Field(min_length=1)
    match: tuple[str, ...] = Field(min_length=1)
    never: str | None = None
    """Lines that match this, too, say something else."""
    near: str | None = None
    """A mark that must have been seen at most `within` lines before."""
    within: int = 40
    depth: int = 50
    """Root causes above symptoms: of two problems the deeper one is named first."""
    confidence: int = Field(95, ge=1, le=100)
    sure: bool = True
    """The line alone proves a failure; otherwise the log must tell of one after it."""
    survivable: bool = False
    """Programs meet this and go on, as with a `git describe` outside of a repository. It is a cause
    only where the work breaks off soon after, and nothing else went wrong in between."""
    hides: tuple[int, ...] = ()
    """Codes that only repeat what this says."""
    inside: bool = False
    """The first thing to do is a command for the system on which the service ran."""
    why: str = ""
    """A paragraph for the code's page."""
    examples: tuple[Example, ...] = Field(min_length=1)
    counter: tuple[str, ...] = ()
    """Lines that look alike and are none."""

    @property
    def category(self) -> Category:
        return Category.of(self.code)


class Mark(_Table):
    """A line that is no problem but gives others their meaning."""

    name: str
    find: tuple[str, ...] = Field(min_length=1)
    match: tuple[str, ...] = Field(min_length=1)
    raw: bool = False
    """The pattern is for the whole line, with what a runner puts before it."""
    kind: str = Field("mark", pattern="^(mark|failure|success|hide|show|aside)$")
    """`hide` and `show` enclose what is quoted from another log; `aside` is of another matter."""
    hard: bool = True
    """Of a failure: the work itself ended, and not only some program within it."""
    voids: tuple[int, ...] = (1, 2, 3)
    """For a success: the thousands of the codes that cannot be what broke, seen before."""
    examples: tuple[str, ...] = Field(min_length=1)


class _File(_Table):
    topic: str
    about: str
    rule: tuple[Rule, ...] = ()
    mark: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Compiled:
    """A rule or mark, ready to be used."""

    about: Rule | Mark
    topic: str
    finds: tuple[bytes, ...]

    @cached_property
    def patterns(self) -> tuple[Any, ...]:
        """Made when they are first needed: a log meets few of the rules."""
        return tuple(compiled(p) for p in self.about.match)

    @cached_property
    def never(self) -> Any | None:
        text = self.about.never if isinstance(self.about, Rule) else None
        return compiled(text) if text else None


@dataclass(frozen=True)
class Book:
    """All rules, and the one pattern that finds candidate lines."""

    entries: tuple[Compiled, ...]
    topics: dict[str, str]
    candidate: Any
    by_literal: dict[bytes, tuple[int, ...]]
    """A literal to the entries that want it, or want what it begins with."""

    @property
    def rules(self) -> list[tuple[str, Rule]]:
        return [(e.topic, e.about) for e in self.entries if isinstance(e.about, Rule)]


CANDIDATE_MEMORY = 64 << 20
PATTERN_MEMORY = 8 << 20


def compiled(pattern: str, memory: int = PATTERN_MEMORY) -> Any:
    """An RE2 pattern. Raises DebwrightError when it is none."""
    options = re2.Options()
    options.max_mem = memory
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as problem:
        raise DebwrightError(f"a rule's pattern is none: {pattern}", cause=str(problem)) from None


def _prepare(about: Rule | Mark, topic: str) -> Compiled:
    return Compiled(about, topic, tuple(f.encode() for f in about.find))


def make_book(files: Sequence[tuple[str, str]]) -> Book:
    """The rules of TOML files, each a name and its text. Raises DebwrightError for a bad one."""
    entries: list[Compiled] = []
    topics: dict[str, str] = {}
    arches = f"(?:{'|'.join(ARCHITECTURES)})"
    for name, text in files:
        try:
            content = _File.model_validate(tomllib.loads(text.replace("@ARCH@", arches)))
            topics[content.topic] = content.about
            entries += [_prepare(mark, content.topic) for mark in content.mark]
            entries += [_prepare(rule, content.topic) for rule in content.rule]
        except (tomllib.TOMLDecodeError, ValidationError) as problem:
            raise DebwrightError(
                f"the rules of {name} cannot be used",
                evidence=[Evidence(text=str(problem)[:500], file=name)],
            ) from problem
    # Marks first: a line may be a mark for a rule that reads the same line.
    entries.sort(key=lambda e: isinstance(e.about, Rule))
    by_literal: dict[bytes, list[int]] = {}
    for number, entry in enumerate(entries):
        for literal in entry.finds:
            by_literal.setdefault(literal, []).append(number)
    words = sorted(by_literal, key=len, reverse=True)
    pattern = "|".join(re2.escape(w.decode()) for w in words)
    return Book(
        tuple(entries), topics, compiled_bytes(pattern.encode()),
        {word: _with_beginnings(word, by_literal) for word in by_literal},
    )  # fmt: skip


def _with_beginnings(word: bytes, by_literal: dict[bytes, list[int]]) -> tuple[int, ...]:
    """Of two literals at one place the longer one is found, and it is the shorter one, too."""
    starts = (word[:n] for n in range(1, len(word) + 1))
    return tuple(sorted({n for start in starts for n in by_literal.get(start, ())}))


def compiled_bytes(pattern: bytes) -> Any:
    options = re2.Options()
    options.max_mem = CANDIDATE_MEMORY
    options.log_errors = False
    return re2.compile(pattern, options)


@cache
def standard_book() -> Book:
    """The rules debwright comes with."""
    home = resources.files("debwright.observe.diagnose") / "rules"
    files = sorted((p for p in home.iterdir() if p.name.endswith(".toml")), key=lambda p: p.name)
    return make_book([(p.name, p.read_text(encoding="utf-8")) for p in files])
