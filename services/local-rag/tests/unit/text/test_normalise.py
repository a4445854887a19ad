"""Decoding and the normal form of text."""

import codecs
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_rag.core.errors import InvalidInput
from local_rag.text.hashing import content_hash, embedding_hash, source_hash
from local_rag.text.normalise import clean, decode, normalise, one_line


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\n\n a \t\n\n", "a\n"),
        ("", ""),
        (" \n\t\n", ""),
        ("a", "a\n"),
        ("a\n\n\nb", "a\n\n\nb\n"),
        ("a\u2028b\u2029c\x85d", "a\nb\nc\nd\n"),
        ("a\x00b\x07c", "abc\n"),
        ("\ufeffa", "a\n"),
        ("x\ud800y", "x\ufffdy\n"),
        ("one\x0ctwo", "one\ntwo\n"),
    ],
)
def test_normal_form(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_normal_form_keeps_its_promises(text: str) -> None:
    form = normalise(text)
    form.encode("utf-8")
    assert "\r" not in form
    if form:
        assert form.endswith("\n")
        assert not form.endswith("\n\n")
        assert not form.startswith("\n")
        assert all(line == line.strip() for line in form[:-1].split("\n"))


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"])), max_size=8))
def test_line_ends_and_indentation_do_not_change_the_content_hash(lines: list[str]) -> None:
    unix = "\n".join(lines)
    dos = "\r\n".join(f"  {line}\t" for line in lines) + "\r\n\r\n"
    assert content_hash(unix) == content_hash(dos)


@given(st.text(), st.text())
def test_content_hashes_differ_when_normal_forms_do(left: str, right: str) -> None:
    assert (content_hash(left) == content_hash(right)) == (normalise(left) == normalise(right))


def test_content_hash_is_sha256_of_the_normal_form() -> None:
    assert content_hash(" é\r\n") == hashlib.sha256("é\n".encode()).hexdigest()


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        ("größe".encode(), None, "größe"),
        ("größe".encode("cp1252"), None, "größe"),
        ("größe".encode("latin-1"), "latin-1", "größe"),
        ("Привет, мир".encode("koi8-r"), "koi8-r", "Привет, мир"),
        (codecs.BOM_UTF8 + b"abc", None, "abc"),
        (codecs.BOM_UTF16_LE + "ab€".encode("utf-16-le"), None, "ab€"),
        (codecs.BOM_UTF16_BE + "ab€".encode("utf-16-be"), None, "ab€"),
        (codecs.BOM_UTF32_LE + "ab€".encode("utf-32-le"), None, "ab€"),
        ("no mark here".encode("utf-16-le"), None, "no mark here"),
        ("no mark here".encode("utf-16-be"), None, "no mark here"),
        (b"wrongly called", "utf-16", "wrongly called"),
        ("für".encode("cp1252"), "no-such-encoding", "für"),
        ("für".encode("cp1252"), "hex", "für"),
        ("für".encode("cp1252"), "zlib", "für"),
        (b"", None, ""),
    ],
)
def test_encodings(data: bytes, declared: str | None, expected: str) -> None:
    assert decode(data, declared=declared) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\x03" * 10,
        b"\x7fELF\x02\x01\x01" + bytes(50),
        bytes(range(1, 32)) * 20 + b"\xff",
    ],
)
def test_binary_data_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="binary"):
        decode(data)


@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "latin-1", "rot13", "x"]))
def test_any_bytes_decode_or_are_refused(data: bytes, declared: str | None) -> None:
    try:
        text = decode(data, declared=declared)
    except InvalidInput:
        return
    text.encode("utf-8")
    assert "\x00" not in text


@given(st.text(), st.integers(2, 50))
def test_one_line_is_one_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_clean_keeps_tabs_and_accents() -> None:
    assert clean("a\tb é 漢") == "a\tb é 漢"


@given(st.dictionaries(st.text(), st.text(), max_size=3), st.binary(max_size=20), st.text())
def test_source_hash_is_stable_under_order(meta: dict[str, str], data: bytes, uri: str) -> None:
    turned = dict(reversed(list(meta.items())))
    assert source_hash(uri, meta, data) == source_hash(uri, turned, data)


def test_source_hash_does_not_confuse_its_parts() -> None:
    hashes = {
        source_hash("ab", {}, b"c"),
        source_hash("a", {}, b"bc"),
        source_hash("a", {"b": "c"}, b""),
        source_hash("a", {"bc": ""}, b""),
        source_hash("a", {"b": ""}, b"c"),
    }
    assert len(hashes) == 5


def test_embedding_hash_is_short_and_depends_on_the_text() -> None:
    assert len(embedding_hash("a")) == 16
    assert embedding_hash("a") != embedding_hash("b")
