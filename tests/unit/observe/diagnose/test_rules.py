"""Every rule reads its own examples, and none reads another's as something else."""

from pathlib import Path

import pytest
import re2

from debwright.model.errors import DebwrightError
from debwright.observe.diagnose.diagnose import diagnose_text
from debwright.observe.diagnose.lines import bare
from debwright.observe.diagnose.pages import pages
from debwright.observe.diagnose.rank import known
from debwright.observe.diagnose.rules import Mark, Rule, make_book, standard_book

BOOK = standard_book()
RULES = [rule for _, rule in BOOK.rules]
MARKS = [e for e in BOOK.entries if isinstance(e.about, Mark)]
END = "\n=== failed with status 2\n"
TOP = Path(__file__).parents[4]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.code}-{r.name}")
def test_rule_reads_its_examples_and_ranks_first(rule: Rule) -> None:
    for example in rule.examples:
        found = diagnose_text(example.log + END)
        hits = [p for p in found.problems if p.code == rule.code]
        assert hits, example.log
        assert found.problems[0].code == rule.code, [p.code for p in found.problems]
        assert any(example.details.items() <= p.details.items() for p in hits), hits
        assert all(p.evidence and p.fix and bool(p.cause) is bool(rule.cause) for p in hits)


@pytest.mark.parametrize(
    "rule", [r for r in RULES if r.counter], ids=lambda r: f"{r.code}-{r.name}"
)
def test_rule_passes_over_what_only_looks_like_it(rule: Rule) -> None:
    for line in rule.counter:
        assert rule.code not in [p.code for p in diagnose_text(line + END).problems], line


@pytest.mark.parametrize("entry", MARKS, ids=lambda e: e.about.name)
def test_mark_reads_its_examples(entry: object) -> None:
    assert hasattr(entry, "about")
    for line in entry.about.examples:
        assert any(find in line.encode() for find in entry.finds), line  # type: ignore[attr-defined]
        read = line if entry.about.raw else bare(line)
        assert any(p.search(read) for p in entry.patterns), line  # type: ignore[attr-defined]


def test_codes_are_stable_and_named_once() -> None:
    names = {(r.code, r.name) for r in RULES}
    assert len({code for code, _ in names}) == len(names) == len({name for _, name in names})
    assert {r.code // 1000 for r in RULES} == {1, 2, 3}


def test_every_rule_can_be_found_by_its_literals() -> None:
    for rule in RULES:
        for example in rule.examples:
            assert any(find in example.log for find in rule.find), (rule.code, example.log)


def test_every_reading_of_a_rule_leaves_something_to_do() -> None:
    """A command whose {name} a pattern does not catch is not shown."""
    silent = [
        (e.about.code, pattern.pattern)
        for e in BOOK.entries if isinstance(e.about, Rule) and e.about.fix
        for pattern in e.patterns
        if not any(known(f, dict.fromkeys(pattern.groupindex, "x")) for f in e.about.fix)
    ]  # fmt: skip
    assert silent == []


def test_near_names_a_mark_that_exists() -> None:
    marks = {e.about.name for e in MARKS if isinstance(e.about, Mark)}
    assert {r.near for r in RULES if r.near} <= marks


def test_hidden_codes_exist() -> None:
    codes = {r.code for r in RULES}
    assert {c for r in RULES for c in r.hides} <= codes


def test_documentation_is_that_of_the_rules() -> None:
    there = {p.name: p.read_text() for p in (TOP / "docs/diagnosis").glob("*.md")}
    assert there == pages(BOOK), "python -m debwright.observe.diagnose.pages writes it anew"


@pytest.mark.parametrize(
    "text",
    [
        "topic = 1",
        'topic = "x"\nabout = "y"\n[[rule]]\ncode = 12',
        'topic = "x"\nabout = "y"\n[[mark]]\nname = "m"\nfind = ["a"]\nmatch = ["("]\n'
        'examples = ["a"]\n',
        "not toml",
    ],
)
def test_bad_rules_are_refused_with_their_file(text: str) -> None:
    with pytest.raises(DebwrightError) as caught:
        book = make_book([("mine.toml", text)])
        _ = [e.patterns for e in book.entries]
    assert "rule" in caught.value.render()


def test_patterns_are_linear() -> None:
    """RE2 has neither back-references nor look-around: what it takes, it reads in linear time."""
    for entry in BOOK.entries:
        for pattern in entry.about.match:
            re2.compile(pattern)
