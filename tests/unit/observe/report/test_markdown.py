import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.kit import samples

from debwright.observe.report import markdown
from debwright.observe.report.markdown import cell, code, escape, fenced, render

PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")

texts = st.one_of(
    st.sampled_from(samples.HOSTILE),
    st.text(alphabet="`|\\\n<>&*_[]()#~!-=+.1 \tab", max_size=40),
    st.text(max_size=40),
)


def flatten(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flatten(token.children or [])


def tokens(text: str) -> list[Token]:
    return list(flatten(PARSER.parse(text)))


def is_html(token: Token) -> bool:
    """Whether a token is HTML that is more than what takes a link apart."""
    return token.type.startswith("html") and token.content.strip() != "<!-- -->"


def content(text: str) -> str:
    return "".join(t.content for t in tokens(text) if t.type in ("text", "text_special"))


@given(texts)
def test_escaped_text_is_one_paragraph_of_nothing_but_text(text: str) -> None:
    kinds = {t.type for t in tokens(escape(text)) if is_html(t) or t.type != "html_inline"}
    assert kinds <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}


@given(texts)
def test_text_in_a_table_stays_in_its_cell(text: str) -> None:
    table = markdown._table(["a", "b", "c"], [[escape(text), cell(text), "end"]])
    found = tokens(table)
    assert sum(t.type == "td_open" for t in found) == 3
    assert sum(t.type == "tr_open" for t in found) == 2
    html = [t.content for t in found if is_html(t)]
    assert html == ["<code>", "</code>"]


@given(st.text(alphabet="@#:/.-whtpsGHa1 ", max_size=30) | texts)
def test_nothing_becomes_a_link_and_nobody_is_notified(text: str) -> None:
    """GitHub looks at the text of what was rendered, piece by piece between tags and comments."""
    for written in (escape(text), cell(text)):
        pieces: list[str] = [""]
        for token in tokens(written):
            if token.type.startswith("html"):
                pieces.append("")
            elif token.type in ("text", "text_special"):
                pieces[-1] += token.content
        for piece in pieces:
            assert not re.search(r"@\w|#\d|GH-\d|\w://|\bwww\.", piece, re.IGNORECASE)


@given(texts, st.text(alphabet="`~ \n", max_size=30))
def test_a_fence_holds_whatever_is_inside(text: str, ticks: str) -> None:
    found = tokens(fenced(text + ticks) + "\nafter\n")
    assert [t.type for t in found if t.type == "fence"] == ["fence"]
    assert [t.content for t in found if t.type == "text"] == ["after"]


@given(texts.filter(lambda t: bool(t.split())))
def test_a_code_span_holds_whatever_is_inside(text: str) -> None:
    found = tokens(f"before {code(text)} after")
    spans = [t for t in found if t.type == "code_inline"]
    assert len(spans) == 1
    assert [t.content for t in found if t.type == "text"] == ["before ", " after"]


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_text_leaves_the_shape_of_the_report(text: str) -> None:
    def shape(of: str) -> list[str]:
        return [t.type for t in PARSER.parse(render(samples.hostile(of)))]

    if text.strip():
        assert shape(text) == shape("x")
    html = [t.content for t in tokens(render(samples.hostile(text))) if is_html(t)]
    allowed = {"<code>", "</code>", "<details><summary>Stages and times</summary>", "</details>"}
    assert {h.strip() for h in html} <= allowed


def test_no_control_character_reaches_the_report() -> None:
    for text in samples.HOSTILE:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", render(samples.hostile(text)))


def test_a_pass_says_versions_sizes_and_sums() -> None:
    result = samples.passing()
    text = render(result)
    assert "✅ greeter 1\\.4.2\\-1: Both targets passed" in text
    deb = result.targets[0].artifacts[0]
    assert f"<code>{deb.sha256}</code>" in text
    assert "2.3 MiB" in text
    assert "URIs: https://packages.example.org/greeter" in text
    assert "no earlier release of greeter to upgrade from" in text
    assert "thrown away" in text


def test_a_failure_shows_evidence_log_and_command() -> None:
    text = render(samples.failing_build())
    assert "❌" in text.splitlines()[0]
    assert "\n1208: src/fastgreet.c:3:10: fatal error: zlib.h" in text
    assert "→ add zlib1g\\-dev to Build\\-Depends" in text
    assert "debwright build -t bookworm-arm64" in text
    assert f"dist/{samples.VERSION}/bookworm-arm64/build.log" in text
    assert "a target failed, so nothing is published" in text


def test_the_limit_leaves_out_whole_parts_and_says_so() -> None:
    result = samples.failing_check()
    whole = render(result)
    small = render(result, limit=1500)
    assert len(small.encode()) <= 1500
    assert "left out here" in small
    assert "left out here" not in whole
    assert small.count("```") % 2 == 0
    assert small.startswith(whole.splitlines()[0])


def test_escape_keeps_the_words() -> None:
    assert content(escape("a_b *c* 1. [x](y) <z> & co | d")) == "a_b *c* 1. [x](y) <z> & co | d"
