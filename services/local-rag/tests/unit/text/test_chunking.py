"""Cutting documents into chunks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.fakes import WordTokens
from local_rag.core.errors import InvalidInput
from local_rag.core.types import Chunk, Section
from local_rag.text.chunking import chunk_sections, embedding_text, join_sections

TOKENS = WordTokens()


class CharTokens:
    """Every character is a token, as in the worst case of a byte-level tokenizer."""

    def count_tokens(self, text: str) -> int:
        return len(text)


class GreedyTokens:
    """Counts a whole above the sum of its parts."""

    def count_tokens(self, text: str) -> int:
        words = len(text.split())
        return words + words // 2


def cut(
    text: str | list[Section], limit: int = 20, overlap: int = 4, title: str = ""
) -> list[Chunk]:
    sections = [Section(text=text)] if isinstance(text, str) else text
    return chunk_sections(sections, TOKENS, max_tokens=limit, overlap_tokens=overlap, title=title)


sections_strategy = st.lists(
    st.builds(
        Section,
        text=st.text(st.sampled_from("ab .\n!?。é漢\t-"), max_size=200),
        page=st.one_of(st.none(), st.integers(1, 3)),
        heading=st.one_of(st.none(), st.just("Head")),
    ),
    max_size=6,
)


@given(sections_strategy, st.integers(4, 40), st.integers(0, 12))
@settings(max_examples=200)
def test_every_character_is_covered(sections: list[Section], limit: int, overlap: int) -> None:
    overlap = min(overlap, limit // 2)
    text = join_sections(sections)
    chunks = chunk_sections(sections, TOKENS, max_tokens=limit, overlap_tokens=overlap)
    covered = [False] * len(text)
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        covered[chunk.start : chunk.end] = [True] * (chunk.end - chunk.start)
    assert all(covered[i] for i, c in enumerate(text) if not c.isspace())


@given(sections_strategy, st.integers(4, 40), st.sampled_from([TOKENS, CharTokens()]))
def test_no_chunk_is_too_long(
    sections: list[Section], limit: int, tokens: WordTokens | CharTokens
) -> None:
    for chunk in chunk_sections(sections, tokens, max_tokens=limit, overlap_tokens=limit // 4):
        assert tokens.count_tokens(chunk.text) <= limit
        assert chunk.token_count == tokens.count_tokens(chunk.text)


@given(sections_strategy, st.integers(6, 40))
def test_chunks_are_in_order_and_none_is_empty(sections: list[Section], limit: int) -> None:
    chunks = chunk_sections(sections, TOKENS, max_tokens=limit, overlap_tokens=limit // 3)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text.strip() == chunk.text != "" for chunk in chunks)
    starts = [chunk.start for chunk in chunks]
    ends = [chunk.end for chunk in chunks]
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert len(set(zip(starts, ends, strict=True))) == len(chunks)


@given(st.text(min_size=1), st.integers(2, 30))
def test_cutting_is_repeatable(text: str, limit: int) -> None:
    assert cut(text, limit, 1) == cut(text, limit, 1)


def test_a_short_text_is_one_chunk() -> None:
    (chunk,) = cut("One small sentence.")
    assert (chunk.text, chunk.start, chunk.end) == ("One small sentence.", 0, 19)


def test_sentences_stay_whole() -> None:
    chunks = cut("One two three four. Five six seven eight. Nine ten eleven.", 10, 0)
    assert [chunk.text for chunk in chunks] == [
        "One two three four. Five six seven eight.",
        "Nine ten eleven.",
    ]


def test_neighbours_share_whole_sentences() -> None:
    chunks = cut("Aa bb cc. Dd ee. Ff gg hh. Ii jj.", 8, 4)
    assert chunks[0].text == "Aa bb cc. Dd ee."
    assert chunks[1].text.startswith("Dd ee.")


def test_a_long_sentence_is_cut_between_words() -> None:
    chunks = cut(" ".join(f"w{i}" for i in range(50)), 20, 0)
    assert [chunk.token_count for chunk in chunks] == [20, 20, 10]


def test_an_endless_word_is_cut_in_pieces() -> None:
    chunks = chunk_sections(
        [Section(text="x" * 1000)], CharTokens(), max_tokens=64, overlap_tokens=0
    )
    assert "".join(chunk.text for chunk in chunks) == "x" * 1000


def test_pages_are_never_mixed() -> None:
    chunks = cut([Section(text="small one", page=1), Section(text="small two", page=2)], 50)
    assert [chunk.page for chunk in chunks] == [1, 2]


def test_small_sections_of_one_page_join() -> None:
    sections = [Section(text=f"# H{i}\nabc", heading=f"H{i}") for i in range(3)]
    (chunk,) = cut(sections, 80)
    assert chunk.heading == "H0"
    assert "H2" in chunk.text


def test_large_sections_stay_apart() -> None:
    sections = [Section(text="word " * 30, heading=f"H{i}") for i in range(3)]
    assert [chunk.heading for chunk in cut(sections, 40)] == ["H0", "H1", "H2"]


def test_cjk_sentences_end_without_spaces() -> None:
    text = "今日は雨です。" * 3
    chunks = chunk_sections([Section(text=text)], CharTokens(), max_tokens=15, overlap_tokens=0)
    assert chunks[0].text == "今日は雨です。今日は雨です。"


def test_a_tokenizer_that_counts_wholes_higher_is_obeyed() -> None:
    tokens = GreedyTokens()
    text = "a b c. " * 40
    for chunk in chunk_sections([Section(text=text)], tokens, max_tokens=16, overlap_tokens=0):
        assert tokens.count_tokens(chunk.text) <= 16


def test_the_label_takes_its_share_of_the_tokens() -> None:
    title = "A rather long title of many words"
    for chunk in cut("word " * 200, 40, 0, title=title):
        assert TOKENS.count_tokens(embedding_text(title, chunk)) <= 41


@pytest.mark.parametrize(("limit", "overlap"), [(0, 0), (10, 10), (10, 11), (10, -1)])
def test_impossible_sizes_are_refused(limit: int, overlap: int) -> None:
    with pytest.raises(InvalidInput):
        cut("text", limit, overlap)


@pytest.mark.parametrize("text", ["", "   ", "\n\n\t"])
def test_nothing_gives_no_chunk(text: str) -> None:
    assert cut(text) == []


def test_embedding_text_names_document_and_heading() -> None:
    (chunk,) = cut([Section(text="Body.", heading="Setup > Disk")], title="Manual")
    assert embedding_text("Manual", chunk) == "Manual: Setup > Disk\nBody."


def test_embedding_text_does_not_repeat_a_title_that_is_the_heading() -> None:
    (chunk,) = cut([Section(text="Body.", heading="Manual")], title="Manual")
    assert embedding_text("Manual", chunk) == "Manual\nBody."
    assert (
        embedding_text(
            "", Chunk(ordinal=0, text="x", page=None, heading=None, start=0, end=1, token_count=1)
        )
        == "x"
    )


@pytest.mark.parametrize("text", ["." * 300_000 + "x", ".)" * 150_000, "x" * 300_000])
def test_endless_rows_are_cut_in_time_that_goes_with_their_length(text: str) -> None:
    # With its square these would take hours, and the whole service would wait.
    chunks = chunk_sections([Section(text=text)], CharTokens(), max_tokens=256, overlap_tokens=0)
    assert sum(len(chunk.text) for chunk in chunks) == len(text)
