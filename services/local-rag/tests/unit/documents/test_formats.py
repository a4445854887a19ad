"""Reading files of every kind, and files that are not what they say."""

import io
import subprocess
import sys
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.files import docx, paragraph, pdf, table
from local_rag.core.errors import InvalidInput, LeftOut, RagError, TooLarge
from local_rag.core.types import Extracted
from local_rag.documents.formats import Source, described, detect, extract, names, promised, why_not
from local_rag.documents.formats import _package as package_module
from local_rag.documents.formats import _programs as programs
from local_rag.documents.formats import html as html_module
from local_rag.text.chunking import join_sections
from local_rag.text.normalise import one_line

TEXT, MARKDOWN, HTML, PDF = "text/plain", "text/markdown", "text/html", "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def read(data: bytes | str, name: str, **more: str) -> Extracted:
    raw = data.encode() if isinstance(data, str) else data
    return extract(Source(data=raw, name=name, **more))


def text_of(found: Extracted) -> str:
    return join_sections(found.sections)


# -- kinds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "declared", "expected"),
    [
        ("a.txt", b"hello", None, TEXT),
        ("A.MD", b"# x", None, MARKDOWN),
        ("a.htm", b"x", None, HTML),
        ("a.pdf", b"%PDF-1.7", None, PDF),
        ("a.txt", b"%PDF-1.7", None, PDF),
        ("noname", b"  <!DOCTYPE html><p>", None, HTML),
        ("noname", b"\xef\xbb\xbf<html>", None, HTML),
        ("page", b"text", "text/html; charset=utf-8", HTML),
        ("page", b"text", "text/markdown", MARKDOWN),
        ("page", b"text", "application/octet-stream", TEXT),
        ("a.docx", b"PK\x03\x04", None, DOCX),
        ("README", b"text", None, TEXT),
    ],
)
def test_kinds(name: str, data: bytes, declared: str | None, expected: str) -> None:
    assert detect(Source(data=data, name=name, media_type=declared)).media_type == expected


@pytest.mark.parametrize(
    ("name", "data", "declared", "says"),
    [
        ("a.pdf", b"hello", None, "not one"),
        ("a.docx", b"hello", None, "not one"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "old binary Office"),
        ("song", b"ID3\x03", "audio/mpeg", "no text"),
        ("a.zip", b"PK\x03\x04", None, "zip archive"),
        ("a.txt", b"\x00\x01\x02", None, "binary"),
        ("a.txt", b"", None, "no text"),
        ("a.md", b" \n \n", None, "no text"),
        ("a.html", b"<p></p><script>x</script>", None, "no text"),
    ],
)
def test_what_cannot_be_read_says_why(
    name: str, data: bytes, declared: str | None, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        extract(Source(data=data, name=name, media_type=declared))


def test_extensions_ignore_case() -> None:
    pdf_format = promised("X.PDF")
    assert pdf_format is not None
    assert pdf_format.media_type == PDF
    assert promised("x.exe") is None
    assert promised(".md") is None


def test_what_can_be_imported_is_said_with_each_refusal() -> None:
    assert names().startswith("CSV, DOCX, EPUB, HTML, mail, Markdown, MSG, OpenDocument, PDF, ")
    assert names().endswith(" and XLSX")
    with pytest.raises(InvalidInput) as caught:
        read(b"\x00\x01\x02", "a.txt")
    assert caught.value.hint == f"{names()} can be imported"
    assert "HTML (.html .htm .xhtml)" in described()


@pytest.mark.parametrize(
    ("name", "part", "expected"),
    [
        ("a.odt", "", "OpenDocument"),
        ("a", "word/document.xml", "DOCX"),
        ("a.docx", "xl/workbook.xml", "XLSX"),
        ("a.txt", "ppt/presentation.xml", "PPTX"),
    ],
)
def test_zip_archives_are_told_apart_by_their_parts(name: str, part: str, expected: str) -> None:
    assert detect(Source(data=b"PK\x03\x04" + part.encode(), name=name)).name == expected


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("old.doc", "--convert-to docx"),
        ("old.XLS", "--convert-to xlsx"),
        ("a.mp3", "the kind .mp3 are not"),
        ("core", "no extension"),
    ],
)
def test_why_a_file_is_not_read(name: str, says: str) -> None:
    assert promised(name) is None
    assert says in why_not(name)


def test_a_process_that_knows_the_formats_holds_no_parser() -> None:
    code = (
        "import sys, local_rag.documents.formats; "
        "print({'pypdf', 'defusedxml', 'xml.etree.ElementTree'} & sys.modules.keys() or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "none"


# -- plain text ------------------------------------------------------------------------------


def test_plain_text_takes_its_first_line_as_title() -> None:
    found = read("My notes\n\nBuy milk.", "n.txt")
    assert (found.title, found.media_type) == ("My notes", TEXT)
    assert text_of(found) == "My notes\n\nBuy milk."


@pytest.mark.parametrize("first", ["This is a sentence.", "x" * 90, "a\tb"])
def test_plain_text_without_a_headline_is_called_by_its_name(first: str) -> None:
    assert read(first + "\nmore", "dir/n.txt").title == "n.txt"


def test_tables_are_called_by_their_name() -> None:
    assert read("name,age\nann,3", "people.csv").title == "people.csv"


# -- Markdown --------------------------------------------------------------------------------


def test_markdown_sections_carry_their_path() -> None:
    found = read("# A\none\n## B\ntwo\n### C\nthree\n## D\nfour", "x.md")
    assert [section.heading for section in found.sections] == [
        "A",
        "A > B",
        "A > B > C",
        "A > D",
    ]
    assert found.title == "A"


def test_markdown_code_has_no_headings() -> None:
    found = read("# A\n```sh\n# not a heading\n```\n~~~\n# nor this\n```\n~~~\nend", "x.md")
    assert [section.heading for section in found.sections] == ["A"]
    assert "# not a heading" in text_of(found)


def test_markdown_setext_headings_and_front_matter() -> None:
    found = read("---\ntitle: 'The Title'\nx: y\n---\nOne\n===\ntext\n\nTwo\n---\nmore", "x.md")
    assert found.title == "The Title"
    assert [section.heading for section in found.sections] == ["One", "One > Two"]


def test_markdown_rules_are_not_headings() -> None:
    found = read("text\n\n---\n\nmore", "x.md")
    assert [section.heading for section in found.sections] == [None]


def test_markdown_headings_are_plain() -> None:
    found = read("# **Bold** `code` [link](http://x/y) ##\ntext", "x.md")
    assert found.title == "Bold code link"


@given(st.text(st.sampled_from("#`~=- \nab[]()*"), max_size=300))
def test_markdown_loses_no_letters(text: str) -> None:
    try:
        found = read(text, "x.md")
    except InvalidInput:
        assert not text.strip()
        return
    # Only front matter is left out, and it needs three dashes at the start.
    if not text.startswith("---\n"):
        kept = text_of(found)
        assert [c for c in kept if c in "ab"] == [c for c in text if c in "ab"]


# -- HTML ------------------------------------------------------------------------------------


def test_html_text_by_heading() -> None:
    page = (
        "<html lang=en><head><title>T &amp; t</title><meta name=description content=D>"
        "<style>p{}</style></head><body><p>Intro<h1>One</h1><p>a <b>b</b>\n c</p>"
        "<h2>Two</h2><ul><li>x<li>y</ul><script>alert(1)</script></body>"
    )
    found = read(page, "p.html")
    assert found.title == "T & t"
    assert [(s.heading, s.text) for s in found.sections] == [
        (None, "Intro"),
        ("One", "One\n\na b c"),
        ("One > Two", "Two\n\nx\ny"),
    ]
    assert found.metadata == {"description": "D", "language": "en"}


def test_html_keeps_preformatted_text() -> None:
    assert "a\n    b" in text_of(read("<p>x</p><pre>a\n    b</pre>", "p.html"))


def test_html_tables_and_images() -> None:
    text = text_of(read("<table><tr><td>a<td>b</table><img alt='A cat'>", "p.html"))
    assert "a" in text
    assert "b" in text
    assert "A cat" in text


@pytest.mark.parametrize(
    ("page", "charset"),
    [
        ('<meta charset="koi8-r"><p>Привет', None),
        ('<meta http-equiv=x content="text/html; charset=koi8-r"><p>Привет', None),
        ("<p>Привет", "koi8-r"),
    ],
)
def test_html_encodings(page: str, charset: str | None) -> None:
    found = extract(Source(data=page.encode("koi8-r"), name="p.html", charset=charset))
    assert "Привет" in text_of(found)


def test_html_bombs_cost_only_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "<div>" * 200_000 + "core" + "</div>" * 200_000
    assert text_of(read(deep, "p.html")) == "core"
    monkeypatch.setattr(html_module, "MAX_TAGS", 1000)
    with pytest.raises(TooLarge, match="tags"):
        read("<b>" * 1001 + "x", "p.html")
    monkeypatch.setattr(html_module, "MAX_TEXT_CHARS", 10)
    with pytest.raises(TooLarge, match="characters"):
        read("<p>more than ten characters", "p.html")


@pytest.mark.parametrize(
    "page",
    [
        "<p>a<![CDATA[b]]>",
        "<!-- <p>",
        "<p a='",
        "<h1>x<h2>y",
        "</p></p>ok",
        "<title>only",
        "&#xD800;x",
    ],
)
def test_broken_html_is_read_or_refused(page: str) -> None:
    try:
        found = read(page, "p.html")
    except InvalidInput:
        return
    text_of(found).encode("utf-8")


@given(st.text(st.sampled_from("<>/ab='\"!-[]&; h1pre\n"), max_size=200))
def test_any_html_is_read_or_refused(page: str) -> None:
    try:
        found = read(page, "p.html")
    except RagError:
        return
    assert text_of(found).strip()


# -- PDF -------------------------------------------------------------------------------------


def test_pdf_pages() -> None:
    found = read(pdf(["First page\nmore", "Second (page)"], "The Title"), "x.pdf")
    assert (found.title, found.media_type) == ("The Title", PDF)
    assert [section.page for section in found.sections] == [1, 2]
    assert "First page" in found.sections[0].text
    assert "Second (page)" in found.sections[1].text
    assert found.metadata["pages"] == "2"


def test_pdf_words_parted_at_line_ends_are_joined() -> None:
    assert "temperature" in text_of(read(pdf(["tempera-\nture"]), "x.pdf"))


def test_pdf_without_text_points_to_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "have", lambda _: False)
    with pytest.raises(LeftOut, match="scanned") as caught:
        read(pdf(["", ""]), "x.pdf")
    assert "ocrmypdf" in str(caught.value.hint)


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.4\n",
        b"%PDF-1.4\n%%EOF",
        b"%PDF-1.7\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF",
        pdf(["hello"])[:200],
        pdf(["hello"]).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        pdf(["hello"]).replace(b"/Pages 2 0 R", b"/Pages 9 0 R"),
        b"%PDF-1.4\n" + b"\xff" * 5000,
    ],
)
def test_damaged_pdfs_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read(data, "x.pdf")


@given(st.integers(0, 600), st.binary(min_size=1, max_size=8))
def test_scribbled_pdfs_are_read_or_refused(place: int, scribble: bytes) -> None:
    data = bytearray(pdf(["hello there"]))
    data[place : place + len(scribble)] = scribble
    with suppress(InvalidInput, TooLarge):
        read(bytes(data), "x.pdf")


# -- DOCX ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("# One", "One"),
        ("#  One  ##  ", "One"),
        ("# One#", "One#"),
        ("# #", None),
        ("#One", None),
        ("# a" + " " * 300_000 + "b", "a" + " " * 300_000 + "b"),
    ],
)
def test_markdown_headings(line: str, heading: str | None) -> None:
    found = read((line + "\n\nText.").encode(), "x.md").sections[-1].heading
    assert found == (heading and one_line(heading))


def test_docx_paragraphs_headings_and_tables() -> None:
    body = (
        paragraph("Handbook", "Title")
        + paragraph("Welcome & hello")
        + paragraph("Setup", "Heading2")
        + table([["a", "b"], ["c", "d"]])
    )
    found = read(docx(body, "Core Title"), "x.docx")
    assert found.title == "Core Title"
    assert found.metadata["author"] == "Ann"
    assert [section.heading for section in found.sections] == ["Handbook", "Handbook > Setup"]
    assert "Welcome & hello" in text_of(found)
    assert "a\tb\nc\td" in text_of(found)


def test_docx_tables_in_tables_are_read_once() -> None:
    inner = table([["inner left", "inner right"]])
    cell = "<w:tc>" + paragraph("outer") + inner + "</w:tc>"
    body = f"<w:tbl><w:tr>{cell}<w:tc>{paragraph('beside')}</w:tc></w:tr></w:tbl>"
    text = read(docx(body), "x.docx").sections[0].text
    assert text == "outer inner left inner right\tbeside"


def test_docx_deep_tables_take_no_longer_than_their_length() -> None:
    depth = 2_000
    body = "<w:tbl><w:tr><w:tc>" * depth + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * depth
    assert read(docx(body), "x.docx").sections[0].text == "deep"


def test_docx_blocks_in_wrappers_are_read_in_order() -> None:
    body = (
        f"<w:sdt><w:sdtContent>{paragraph('Terms', 'Heading1')}{table([['a', 'b']])}"
        f"</w:sdtContent></w:sdt><w:customXml>{paragraph('wrapped')}</w:customXml>"
    )
    found = read(docx(body), "x.docx").sections
    assert [(s.heading, s.text) for s in found] == [("Terms", "Terms\na\tb\nwrapped")]


def test_docx_text_boxes_are_read_once() -> None:
    mc = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body = (
        "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>before </w:t></w:r><w:r>"
        f"<mc:AlternateContent {mc}><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    )
    assert read(docx(body), "x.docx").sections[0].text == "before boxed"


def test_docx_without_properties_takes_its_first_heading() -> None:
    assert read(docx(paragraph("Intro", "Heading1") + paragraph("x")), "x.docx").title == "Intro"


def zip_of(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zip_of("hello.txt", b"x"), "not a DOCX"),
        (zip_of("word/document.xml", b"<a>"), "not valid XML"),
        (docx(paragraph("x"))[:60], "damaged"),
        (b"PK\x03\x04" + b"\x00" * 50, "damaged"),
        (docx("&x;", prolog='<!DOCTYPE d [<!ENTITY x "y">]>'), "not valid XML"),
        (
            docx("&x;", prolog='<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "not valid XML",
        ),
        (docx(""), "no text"),
    ],
)
def test_docx_that_are_not(data: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read(data, "x.docx")


def test_docx_bombs_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "MAX_PART", 100_000)
    with pytest.raises(TooLarge, match="unpacks"):
        read(zip_of("word/document.xml", b"<a>" + b" " * 10_000_000), "x.docx")
    monkeypatch.setattr(package_module, "MAX_MEMBERS", 0)
    with pytest.raises(TooLarge, match="parts"):
        read(zip_of("a", b""), "x.docx")
