"""Cutting a document into pieces that the embedding model can take whole.

A chunk ends at a paragraph or sentence where it can, at a word where it must, and inside a word
only if that word alone is too long. Chunks never cross a page; small sections of a page join.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Chunk, Section, Tokens
from local_rag.text.normalise import one_line

SECTION_GAP = "\n\n"
# A sentence ends after its mark and closing quotes, before white space (none in CJK text); a
# line break ends one too, which keeps lists and tables in lines. Only runs are looked for, each
# once: a pattern for whole sentences takes time with the square of a long row of dots.
_END = re.compile(r"(?P<marks>[.!?…]+[\"'”’)\]]*)|[。！？]+[”’）」』]*|\n")
_WORD = re.compile(r"\S+")
# Merging stops here: a larger section has enough of its own to be found by.
_SMALL_SECTION = 0.25
_PREFIX_SHARE = 0.2
_MOST_CHARS_A_TOKEN = 64


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    page: int | None
    heading: str | None


def join_sections(sections: Sequence[Section]) -> str:
    """Return the whole text of a document; the offsets of its chunks count in it."""
    return SECTION_GAP.join(section.text for section in sections)


def embedding_text(title: str, chunk: Chunk) -> str:
    """Return what the embedding model is given: the chunk below its document and heading.

    A chunk from the middle of a manual seldom names what it is about; the heading does.
    """
    label = _label(title, chunk.heading)
    return f"{label}\n{chunk.text}" if label else chunk.text


def _label(title: str, heading: str | None) -> str:
    parts = [one_line(part, 120) for part in (title, heading or "") if part and part.strip()]
    return ": ".join(dict.fromkeys(parts))


def chunk_sections(
    sections: Sequence[Section],
    tokens: Tokens,
    *,
    max_tokens: int,
    overlap_tokens: int,
    title: str = "",
) -> list[Chunk]:
    """Return the chunks of a document in order.

    Every character that is not white space is in at least one chunk, and a chunk's text is the
    slice `start:end` of `join_sections(sections)`. A chunk with its label has at most
    `max_tokens` tokens, unless a single character is already more. Raises InvalidInput when the
    overlap is not smaller than a chunk.
    """
    if max_tokens < 1 or not 0 <= overlap_tokens < max_tokens:
        raise InvalidInput("overlap_tokens must be smaller than max_tokens")
    text = join_sections(sections)
    chunks: list[Chunk] = []
    for block in _blocks(sections, tokens, max_tokens):
        label = tokens.count_tokens(_label(title, block.heading))
        budget = max(max_tokens - min(label, int(max_tokens * _PREFIX_SHARE)), 1)
        overlap = min(overlap_tokens, budget // 2)
        for start, end in _pack(text, block, tokens, budget, overlap):
            body = text[start:end]
            chunks.append(
                Chunk(
                    ordinal=len(chunks),
                    text=body,
                    page=block.page,
                    heading=block.heading,
                    start=start,
                    end=end,
                    token_count=tokens.count_tokens(body),
                )
            )
    return chunks


def _blocks(sections: Sequence[Section], tokens: Tokens, max_tokens: int) -> Iterator[_Block]:
    small = int(max_tokens * _SMALL_SECTION)
    position = 0
    held: _Block | None = None
    held_tokens = 0
    for section in sections:
        start, end = position, position + len(section.text)
        position = end + len(SECTION_GAP)
        if not section.text.strip():
            continue
        # Long sections are not counted: four characters a token is already far above small.
        count = max_tokens if end - start > 20 * small + 20 else tokens.count_tokens(section.text)
        if held and held.page == section.page and held_tokens + count <= small:
            held = _Block(held.start, end, held.page, held.heading)
            held_tokens += count
            continue
        if held:
            yield held
        held = _Block(start, end, section.page, section.heading)
        held_tokens = count
    if held:
        yield held


def _pack(
    text: str, block: _Block, tokens: Tokens, budget: int, overlap: int
) -> Iterator[tuple[int, int]]:
    run: list[_Unit] = []
    total = 0
    fresh = False
    for unit in _units(text, block.start, block.end, tokens, budget):
        if run and total + unit.tokens > budget:
            if fresh:
                yield from _fit(text, run, tokens, budget)
            run, total = _tail(run, min(overlap, budget - unit.tokens))
            fresh = False
        run.append(unit)
        total += unit.tokens
        fresh = True
    if run and fresh:
        yield from _fit(text, run, tokens, budget)


def _tail(run: list[_Unit], overlap: int) -> tuple[list[_Unit], int]:
    kept: list[_Unit] = []
    total = 0
    for unit in reversed(run):
        if total + unit.tokens > overlap:
            break
        kept.insert(0, unit)
        total += unit.tokens
    return kept, total


def _fit(text: str, run: list[_Unit], tokens: Tokens, budget: int) -> Iterator[tuple[int, int]]:
    """Yield one span, or halves: some tokenizers count a whole above the sum of its parts."""
    start, end = run[0].start, run[-1].end
    if len(run) == 1 or tokens.count_tokens(text[start:end]) <= budget:
        yield start, end
        return
    middle = len(run) // 2
    yield from _fit(text, run[:middle], tokens, budget)
    yield from _fit(text, run[middle:], tokens, budget)


def _units(text: str, start: int, end: int, tokens: Tokens, budget: int) -> Iterator[_Unit]:
    for left, right in _sentences(text, start, end):
        # What is far longer than so many tokens can be is not counted: it takes long for nothing.
        endless = right - left > _MOST_CHARS_A_TOKEN * budget
        count = budget + 1 if endless else tokens.count_tokens(text[left:right])
        if count <= budget:
            yield _Unit(left, right, count)
        else:
            yield from _split_sentence(text, left, right, tokens, budget)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    position = start
    for match in _END.finditer(text, start, end):
        stop = match.end()
        if match["marks"] and stop < end and not text[stop].isspace():
            continue
        left, right = _strip(text, position, stop)
        if left < right:
            yield left, right
        position = stop
    left, right = _strip(text, position, end)
    if left < right:
        yield left, right


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split_sentence(
    text: str, start: int, end: int, tokens: Tokens, budget: int
) -> Iterator[_Unit]:
    for match in _WORD.finditer(text, start, end):
        yield from _split_word(text, match.start(), match.end(), tokens, budget)


def _split_word(text: str, start: int, end: int, tokens: Tokens, budget: int) -> Iterator[_Unit]:
    pending = [(start, end)]
    while pending:
        left, right = pending.pop()
        # Tokenizers are slow on one endless word, so it is cut before it is counted.
        if right - left > 8 * budget:
            count = budget + 1
        else:
            count = tokens.count_tokens(text[left:right])
        if count <= budget or right - left == 1:
            yield _Unit(left, right, count)
            continue
        middle = (left + right) // 2
        pending += [(middle, right), (left, middle)]
