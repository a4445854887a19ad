"""Where sentences end."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.text.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("Dr. Meier kam am 3. Mai. Er blieb.", ["Dr. Meier kam am 3. Mai.", "Er blieb."]),
        ("It cost 3.50 euros, approx. half. Good.", ["It cost 3.50 euros, approx. half.", "Good."]),
        ("J. S. Bach wrote it. It is long.", ["J. S. Bach wrote it.", "It is long."]),
        ("He said “no.” She left.", ["He said “no.”", "She left."]),
        ("他来了。他走了！", ["他来了。", "他走了！"]),
        ("वह आया। वह गया।", ["वह आया।", "वह गया।"]),
        ("هل وصل؟ نعم وصل.", ["هل وصل؟", "نعم وصل."]),
        ("Πού είναι; Είναι εδώ.", ["Πού είναι;", "Είναι εδώ."]),
        ("first; second. Third.", ["first; second.", "Third."]),
        ("A heading\n\nA line\nthat goes on.", ["A heading", "A line\nthat goes on."]),
        ("Buy:\n- milk\n- bread", ["Buy:", "- milk", "- bread"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in sentences(text)] == expected


def test_thai_phrases_are_cut_at_spaces_when_long() -> None:
    text = "หอคอยของโบสถ์สูงหกสิบเอ็ดเมตรและเปิดให้ขึ้นได้ " * 4
    assert len(sentences(text)) > 1


@given(st.text(max_size=300))
def test_nothing_is_lost_and_nothing_overlaps(text: str) -> None:
    found = sentences(text)
    for sentence in found:
        assert text[sentence.start : sentence.end] == sentence.text
    for one, two in pairwise(found):
        assert one.end <= two.start
    kept = "".join("".join(sentence.text.split()) for sentence in found)
    assert kept == "".join(text.split())
