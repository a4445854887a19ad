"""Search over the real index."""

import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.fakes import HashEmbedder
from kit.stocked import incoming
from local_rag.core.errors import InvalidInput, ModelMismatch
from local_rag.index import Store, vectors
from local_rag.index.keyword import quoted
from local_rag.index.schema import MIGRATIONS, statements
from local_rag.index.search import Searcher
from local_rag.text.words import query_words

ANIMALS = {
    "cats.md": "# Cats\nCats purr and sleep all day.",
    "dogs.md": "# Dogs\nDogs bark at the moon.",
    "fish.md": "# Fish\nFish swim in cold water.",
    "code.md": "# Error E1042\nThe pump stops with code E1042 when the filter is blocked.",
    "cafe.md": "# Café\nLe café est très naïve.",
}


@pytest.fixture
def animals(index: Store, words: HashEmbedder) -> Store:
    for uri, body in ANIMALS.items():
        index.documents.put(incoming(words, uri, body))
    return index


@pytest.mark.parametrize("mode", ["hybrid", "vector", "keyword"])
@pytest.mark.parametrize(
    ("question", "best"),
    [("What do dogs bark at?", "dogs.md"), ("fish in cold water", "fish.md")],
)
def test_the_right_document_comes_first(
    animals: Store, words: HashEmbedder, mode: str, question: str, best: str
) -> None:
    found = Searcher(animals, words).search(question, 3, mode)  # type: ignore[arg-type]
    assert found[0].uri == best


def test_scores_and_their_parts(animals: Store, words: HashEmbedder) -> None:
    found = Searcher(animals, words).search("dogs bark", 5)
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert 0.5 < found[0].score <= 1.0
    assert found[0].keyword_rank == 1
    assert all(p.vector_score is not None and -1 <= p.vector_score <= 1 for p in found)
    vector = Searcher(animals, words).search("dogs bark", 5, "vector")
    assert all(p.score == p.vector_score and p.keyword_rank is None for p in vector)
    keyword = Searcher(animals, words).search("dogs bark", 5, "keyword")
    assert [p.score for p in keyword] == [1 / (i + 1) for i in range(len(keyword))]


def test_words_of_a_question_are_weighed_by_how_rare_they_are(animals: Store) -> None:
    weighed = {word.word: word for word in animals.keywords.weigh("Does the pump swim in xyzzy?")}
    assert set(weighed) == {"pump", "swim", "xyzzy"}
    assert (weighed["pump"].count, weighed["xyzzy"].count) == (1, 0)
    assert weighed["xyzzy"].weight > weighed["pump"].weight > 0
    assert animals.keywords.scored("xyzzy", 5) == []


def test_keyword_strength_is_the_share_of_what_the_words_can_give(animals: Store) -> None:
    full = animals.keywords.scored("E1042", 5)
    assert 0.3 < full[0][1] <= 1
    # Words that are in no chunk make a match of the others say less.
    partial = animals.keywords.scored("E1042 xyzzy plugh frotz", 5)
    assert partial[0][0] == full[0][0]
    assert 0 < partial[0][1] < full[0][1] / 2


def test_endings_and_languages_do_not_matter(index: Store, words: HashEmbedder) -> None:
    index.documents.put(
        incoming(words, "de.md", "# Mühlen\nDie Mühlen sind an der Donau, und sie mahlen nicht.")
    )
    index.documents.put(incoming(words, "zh.md", "# 磨坊\n磨坊主从磨坊建成以来就一直住在村里。"))
    index.documents.put(incoming(words, "en.md", "# Mills\nThe miller lives in the village."))
    find = Searcher(index, None).search
    assert find("Wo ist die Mühle?")[0].uri == "de.md"
    assert find("Donau Muhle")[0].uri == "de.md"
    assert find("村里")[0].uri == "zh.md"
    assert find("住")[0].uri == "zh.md"
    assert find("Which villages have millers?")[0].uri == "en.md"


def test_an_index_of_an_earlier_version_is_made_again(tmp_path: Path, words: HashEmbedder) -> None:
    path = tmp_path / "index.sqlite3"
    with Store(path, embedder_id=words.model_id, dimensions=words.dimensions) as store:
        store.documents.put(incoming(words, "a.md", "# Mühlen\nDie Mühle ist an der Donau."))
        with store.connections.write() as db:
            db.execute("INSERT INTO keywords (keywords) VALUES ('delete-all')")
            db.execute("UPDATE meta SET value='0' WHERE key='analysis'")
        assert not store.check("quick").ok
    with Store(path) as store:
        assert store.check("full").ok
        assert Searcher(store, None).search("Donau")[0].uri == "a.md"


def test_an_index_of_the_first_layout_is_brought_up_to_date(
    tmp_path: Path, words: HashEmbedder
) -> None:
    path = tmp_path / "index.sqlite3"
    with Store(path, embedder_id=words.model_id, dimensions=words.dimensions) as store:
        store.documents.put(incoming(words, "a.md", "# Mühlen\nDie Mühle ist an der Donau."))
        gone = store.documents.put(incoming(words, "b.md", "# Berge\nDie Alpen sind hoch."))
        store.documents.delete(gone.document_id)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP TABLE keywords")
        first = set(re.findall(r"TABLE (\w+)", MIGRATIONS[0]))
        later = set(re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS[1:]))) - first
        for table in later:
            db.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in statements(MIGRATIONS[0]):
            if "live_chunks" in statement:
                db.execute(statement)
        db.execute("INSERT INTO keywords (keywords) VALUES ('rebuild')")
        db.execute("DELETE FROM meta WHERE key IN ('analysis', 'languages')")
        db.execute("DROP INDEX sources_collection")
        for table, column in (
            ("sources", "collection_id"),
            ("folders", "collection_id"),
            ("folders", "watched"),
        ):
            db.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        db.execute("PRAGMA user_version=1")
    with Store(path) as store:
        assert store.check("full").ok
        assert Searcher(store, None).search("Mühlen")[0].uri == "a.md"
        assert Searcher(store, None).search("Alpen") == []


def test_a_weak_keyword_match_does_not_outvote_the_meaning(
    index: Store, words: HashEmbedder
) -> None:
    index.documents.put(incoming(words, "right.md", "the feline animal sleeps by day"))
    for i in range(8):
        index.documents.put(incoming(words, f"{i}.md", f"a house number{i} with a roof"))
    # "house" is in many chunks, most words of the question are in none.
    found = Searcher(index, words).search("feline animal sleeps wherever quietly house")
    assert found[0].uri == "right.md"


def test_a_keyword_hit_beyond_the_candidates_has_a_cosine_too(
    animals: Store, words: HashEmbedder
) -> None:
    found = Searcher(animals, words, candidates=1).search("moon water", 1)
    assert all(passage.vector_score is not None for passage in found)


def test_codes_are_found_by_keyword(animals: Store) -> None:
    assert Searcher(animals, None).search("E1042")[0].uri == "code.md"


def test_without_a_model_hybrid_is_keyword(animals: Store) -> None:
    searcher = Searcher(animals, None)
    assert searcher.search("dogs barking")[0].uri == "dogs.md"
    assert searcher.search("xyzzy") == []
    with pytest.raises(InvalidInput, match="needs an embedding model"):
        searcher.search("dogs", mode="vector")


@pytest.mark.parametrize(
    ("question", "uri"),
    [
        ("cafe tres naive", "cafe.md"),
        ("CAFÉ", "cafe.md"),
        ("barked", "dogs.md"),
        ("swims", "fish.md"),
    ],
)
def test_accents_case_and_endings_do_not_matter(animals: Store, question: str, uri: str) -> None:
    assert Searcher(animals, None).search(question)[0].uri == uri


@pytest.mark.parametrize(
    "question",
    [
        '"',
        '""',
        "'",
        "dogs AND",
        "NOT dogs",
        "dogs OR",
        "NEAR(dogs, 2)",
        "title:dogs",
        "dogs*",
        "^dogs",
        "(dogs",
        "{title}: dogs",
        "-dogs",
        "dogs\x00cats",
        "'; DROP TABLE chunks; --",
        "dogs; DELETE FROM documents",
        "%",
        "_",
        "\\",
        "a" * 5000,
        "🐕 dogs",
        "\u202edogs",
        "dogs + cats",
        "rank MATCH 'x'",
        "\ud800",
    ],
)
def test_no_question_is_syntax(animals: Store, words: HashEmbedder, question: str) -> None:
    found = Searcher(animals, words).search(question)
    assert len(found) <= len(ANIMALS)
    if "dogs" in question:
        assert "dogs.md" in [passage.uri for passage in found[:2]]
    assert animals.documents.count() == len(ANIMALS)


@given(st.text(min_size=1, max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_question_is_answered_or_refused(animals: Store, question: str) -> None:
    try:
        Searcher(animals, None).search(question)
    except InvalidInput:
        assert not question.replace("\x00", " ").split()


@pytest.mark.parametrize("question", ["", "  \n ", "\x00", "x" * 9000])
def test_empty_and_overlong_questions_are_refused(
    animals: Store, words: HashEmbedder, question: str
) -> None:
    with pytest.raises(InvalidInput):
        Searcher(animals, words).search(question)


def test_k_must_be_positive(animals: Store, words: HashEmbedder) -> None:
    with pytest.raises(InvalidInput):
        Searcher(animals, words).search("dogs", 0)
    assert animals.search_vectors(words.embed(["x"])[0], 0) == []
    assert animals.search_keywords("dogs", 0) == []


def test_common_words_count_only_alone() -> None:
    assert [word for word, _ in query_words("What is the colour of the sky?")] == ["colour", "sky"]
    assert [word for word, _ in query_words("The who")] == ["the", "who"]
    assert [word for word, _ in query_words("dog dog DOG")] == ["dog"]
    assert quoted('a"b') == '"a""b"'


def test_titles_weigh_more_than_text(index: Store, words: HashEmbedder) -> None:
    index.documents.put(incoming(words, "a.md", "# Weather\nNothing of zebra here."))
    index.documents.put(incoming(words, "b.md", "# Zebra\nStripes and grass to eat."))
    assert Searcher(index, None).search("zebra")[0].uri == "b.md"


def test_an_empty_index_finds_nothing(index: Store, words: HashEmbedder) -> None:
    assert Searcher(index, words).search("anything") == []


def test_vectors_of_another_length_are_refused(animals: Store) -> None:
    with pytest.raises(ModelMismatch, match="length 64"):
        animals.search_vectors(np.ones(10, dtype=np.float32), 3)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_useless_vectors_are_survived(animals: Store, value: float) -> None:
    query = np.full(64, value, dtype=np.float32)
    with np.errstate(all="ignore"):
        assert len(animals.search_vectors(query, 3)) <= 3


@pytest.mark.parametrize("dimensions", [8, 12, 33, 64])
def test_lengths_that_fill_no_whole_bytes(
    tmp_path_factory: pytest.TempPathFactory, dimensions: int
) -> None:
    model = HashEmbedder(dimensions, f"m@{dimensions}")
    path = tmp_path_factory.mktemp("d") / "i.sqlite3"
    with Store(path, embedder_id=model.model_id, dimensions=dimensions) as store:
        for i in range(30):
            store.documents.put(incoming(model, f"{i}.txt", f"alpha{i} beta{i} gamma{i}"))
        query = model.embed(["alpha3 beta3 gamma3"])[0]
        near, exact = store.search_vectors(query, 5), store.vectors.exact(query, 5)
        assert [key for key, _ in near] == [key for key, _ in exact]
        assert [value for _, value in near] == pytest.approx([value for _, value in exact])


def test_approximate_search_agrees_with_exact_search(index: Store, words: HashEmbedder) -> None:
    random = np.random.default_rng(3)
    vocabulary = [f"word{i}" for i in range(200)]
    for i in range(300):
        index.documents.put(incoming(words, f"{i}.txt", " ".join(random.choice(vocabulary, 12))))
    hits = 0
    for _ in range(20):
        query = words.embed([" ".join(random.choice(vocabulary, 6))])[0]
        near = {key for key, _ in index.search_vectors(query, 10)}
        hits += len(near & {key for key, _ in index.vectors.exact(query, 10)})
    assert hits >= 196


def test_more_neighbours_than_one_shard_gives(index: Store, words: HashEmbedder) -> None:
    for i in range(60):
        index.documents.put(incoming(words, f"{i}.txt", f"same words again, and number{i}"))
    query = words.embed(["same words again"])[0]
    found = index.search_vectors(query, 60)
    assert len(found) == 60
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)


def test_fifty_questions_at_once(animals: Store, words: HashEmbedder) -> None:
    searcher = Searcher(animals, words)
    errors: list[Exception] = []
    answers: list[str] = []

    def ask() -> None:
        try:
            answers.append(searcher.search("dogs bark at the moon")[0].uri)
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for number in range(10):
        animals.documents.put(incoming(words, f"new{number}.md", f"# N\nnothing {number}"))
    for thread in threads:
        thread.join()
    assert not errors
    assert answers == ["dogs.md"] * 50


def test_very_common_words_give_way_to_rare_ones(
    index: Store, words: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_rag.index.keyword.ROW_BUDGET", 10)
    for i in range(30):
        index.documents.put(incoming(words, f"{i}.txt", f"common item rare{i}."))
    assert Searcher(index, None).search("common rare7")[0].uri == "7.txt"
    assert len(Searcher(index, None).search("common", 5)) == 5


def test_passages_keep_the_order_of_ids(animals: Store) -> None:
    assert [p.chunk_id for p in animals.passages([3, 1, 999, 2])] == [3, 1, 2]
    assert animals.chunks.passage(2).uri == "dogs.md"


def test_a_word_that_arrives_during_a_question_is_found_afterwards(
    animals: Store, words: HashEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = animals.keywords.count
    arrived = threading.Event()

    def meanwhile() -> None:
        animals.documents.put(incoming(words, "zebra.md", "# Zebra\nZebras graze."))

    def count(*given: object) -> int:
        found = counted(*given)  # type: ignore[arg-type]
        if not arrived.is_set():
            arrived.set()
            other = threading.Thread(target=meanwhile)
            other.start()
            other.join()
        return found

    monkeypatch.setattr(animals.keywords, "count", count)
    animals.search_keywords("cats zebras", 5)
    monkeypatch.undo()
    assert len(animals.search_keywords("zebras", 5)) == 1


def test_vectors_that_all_point_one_way_are_told_apart_by_their_middle(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    way = np.full(64, 1.0, dtype=np.float32)
    rows = way + 0.3 * dice.standard_normal((400, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = {}
    for name, centre in (("with", rows[:16].mean(axis=0)), ("without", None)):
        path = tmp_path / f"{name}.sqlite3"
        with Store(path) as store:
            store.bind_embedder("way@1", 64, centre=centre)
            with store.connections.write() as db:
                for number, row in enumerate(rows, start=1):
                    db.execute(
                        "INSERT INTO documents VALUES (?,?,'','text/plain',1,NULL,1,'{}','','',"
                        "NULL,NULL,'way@1')",
                        (number, str(number)),
                    )
                    db.execute(
                        "INSERT INTO chunks VALUES (?,?,0,'','',NULL,NULL,0,0,1,x'00',1)",
                        (number, number),
                    )
                    vectors.insert(db, [number], row[None, :])
            with store.connections.read() as db:
                bits = [bytes(r[0]) for r in db.execute("SELECT embedding FROM vector_bits")]
            found[name] = len(set(bits))
            if centre is not None:
                assert store.search_vectors(rows[7], 5)[0][0] == 8
    assert found["without"] < 50 < found["with"]
