"""Words as search compares them, in many scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.text.languages import (
    asks_for_number,
    language_of,
    languages,
    read_languages,
    script_of,
)
from local_rag.text.words import fold, forms, query_words, terms, text_terms, tokens

SENTENCES = {
    "en": "The miller has been in the village since the mill was built.",
    "de": "Der Müller ist seit dem Bau der Mühle im Dorf, und er bleibt auch.",
    "fr": "Le meunier est dans le village depuis que le moulin a été construit.",
    "es": "El molinero está en el pueblo desde que se construyó el molino.",
    "it": "Il mugnaio è nel villaggio da quando il mulino è stato costruito.",
    "tr": "Değirmenci bu köyde çok uzun bir zaman için kaldı ve daha gitmedi.",
    "vi": "Người thợ xay đã ở trong làng từ khi cối xay được xây và không đi.",
    "ru": "Мельник живёт в деревне с тех пор, как была построена мельница.",
    "el": "Ο μυλωνάς είναι στο χωριό από τότε που χτίστηκε ο μύλος.",
    "zh": "磨坊主从磨坊建成以来就一直住在村里。",
    "ja": "水車ができてから、粉屋は村に住んでいる。",
    "ar": "كان الطحان في القرية منذ أن تم بناء الطاحونة التي هي على النهر.",
    "hi": "चक्की बनने के बाद से चक्कीवाला गाँव में है और वह यहाँ से नहीं गया।",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_the_language_of_a_sentence_is_seen(code: str, text: str) -> None:
    assert language_of(text) == code


@pytest.mark.parametrize("text", ["", "   ", "4711", "Xanadu", "E1042 B-7"])
def test_what_is_no_sentence_has_no_language(text: str) -> None:
    assert language_of(text) is None


@pytest.mark.parametrize(
    ("code", "stored", "asked"),
    [
        ("en", "pumps", "pump"),
        ("de", "Häusern", "Haus"),
        ("fr", "moulins", "moulin"),
        ("es", "construcciones", "construcción"),
        ("ru", "мельницами", "мельница"),
        ("el", "μύλους", "μύλος"),
        ("tr", "evlerimiz", "evler"),
    ],
)
def test_endings_do_not_matter(code: str, stored: str, asked: str) -> None:
    (term,) = terms(stored, code)
    word = tokens(asked)[0]
    assert term in forms(word, [code])


def test_a_word_is_looked_for_as_it_is_in_every_language_of_the_index() -> None:
    assert forms("mühlen", ["en", "de"])[0] == "muhlen"
    assert "muhl" in forms("mühlen", ["en", "de"])
    assert forms("mühlen", []) == ("muhlen",)


def test_marks_are_folded_where_they_are_spelling_and_kept_where_they_are_vowels() -> None:
    assert fold("café") == "cafe"
    assert fold("smørrebrød") == "smorrebrod"
    assert fold("कि") != fold("के")
    assert tokens("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert tokens("ภาษาไทย ดี") == ["ภาษาไทย", "ดี"]


def test_scripts_without_spaces_are_cut_into_pairs_and_threes() -> None:
    assert terms("黑豹队 won 24") == ["黑豹", "豹队", "won", "24"]
    assert terms("山") == ["山"]
    assert all(len(term) >= 3 for term in terms("ภาษาไทยง่าย"))
    assert terms("第3章") == ["第", "3", "章"]


def test_common_words_of_the_language_of_the_question_are_left_out() -> None:
    assert query_words("Wie hoch ist der Turm?") == [("hoch", False), ("turm", False)]
    assert query_words("¿Cuándo se construyó la torre?") == [
        ("construyó", False),
        ("torre", False),
    ]
    asked = [word for word, _ in query_words("黑豹队的防守丢了多少分？")]
    assert "黑豹" in asked
    assert "多少" not in asked


def test_a_question_of_common_words_alone_keeps_them() -> None:
    assert [word for word, _ in query_words("Who was it?")] == ["who", "was", "it"]


def test_full_width_signs_are_the_same_as_plain_ones() -> None:
    assert terms("ＡＢＣ１２３") == terms("abc123")


@given(st.text(max_size=200))
def test_no_text_makes_terms_that_the_index_cannot_hold(text: str) -> None:
    for term in text_terms(text):
        assert term
        assert not any(sign.isspace() for sign in term)
        assert '"' not in term


@given(st.text(max_size=80))
def test_what_is_stored_of_a_text_is_found_by_the_text(text: str) -> None:
    stored = set(text_terms(text))
    known = [language_of(text)] if language_of(text) else []
    for word, part in query_words(text):
        wanted = (word,) if part else forms(word, known)
        assert stored.intersection(wanted), word


def test_the_table_is_whole() -> None:
    assert {"en", "de", "fr", "es", "ru", "ar", "hi", "el", "tr", "vi", "zh"} <= set(languages())
    for language in languages().values():
        assert len(language.stop_words) > 20, language.code
        for word in language.stop_words:
            assert script_of(word) == language.script or language.code == "ja", word


def test_a_line_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="line 2"):
        read_languages("# a comment\nxx english\n")


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("When was the mill built?", True),
        ("How many mills are there?", True),
        ("Whenever it rains, who closes the gate?", False),
        ("Wie hoch ist der Turm?", True),
        ("Wie heißt der Turm?", False),
        ("这条河有多长？", True),
        ("谁建了磨坊？", False),
        ("Сколько мельниц в деревне?", True),
    ],
)
def test_what_asks_for_a_number(question: str, number: bool) -> None:
    assert asks_for_number(question) is number
