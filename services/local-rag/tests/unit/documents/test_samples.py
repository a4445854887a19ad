"""Files that other programs wrote (tests/samples), and what is in them."""

import io
import shutil
import subprocess
import zipfile
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import TOP
from kit.files import pdf_drawn, pdf_scanned
from local_rag.core.errors import InvalidInput, LeftOut, RagError, TooLarge
from local_rag.core.types import Extracted
from local_rag.documents.formats import Source, detect, extract
from local_rag.documents.formats import _message as message_module
from local_rag.documents.formats import _package as package_module
from local_rag.documents.formats import _programs as programs
from local_rag.documents.formats import _table as table_module
from local_rag.documents.formats.pdf import flow
from local_rag.text.chunking import join_sections

SAMPLES = TOP / "tests/samples"
POPPLER = pytest.mark.skipif(not shutil.which("pdftotext"), reason="poppler-utils is not installed")
OCR = pytest.mark.skipif(
    not (shutil.which("tesseract") and shutil.which("pdftoppm")),
    reason="tesseract-ocr and poppler-utils are not installed",
)


def sample(name: str) -> Extracted:
    return extract(Source(data=(SAMPLES / name).read_bytes(), name=name))


def read(data: bytes | str, name: str) -> Extracted:
    return extract(Source(data=data.encode() if isinstance(data, str) else data, name=name))


def shown(found: Extracted) -> list[tuple[int | None, str | None, str]]:
    return [(section.page, section.heading, section.text) for section in found.sections]


def test_xlsx_names_the_columns_in_each_row() -> None:
    found = sample("stock.xlsx")
    assert found.title == "stock.xlsx"
    assert shown(found) == [
        (
            None,
            "Stock",
            (
                "Article list 2026\nArticle; Price; Since; In stock\n"
                "Article: Pump A-200; Price: 19.99; Since: 2024-03-01; In stock: True\n"
                "Article: Hose; Price: 0.3; Since: 2025-01-02 13:30; In stock: False\n"
                "Article: far away"
            ),
        ),
        (None, "Zahlen", "0\t0\n1\t1\n2\t4\n3\t9\n4\t16"),
    ]


def test_pptx_is_read_slide_by_slide_with_notes_tables_and_charts() -> None:
    assert shown(sample("meeting.pptx")) == [
        (1, "Annual meeting", "Annual meeting\nChoir of Norddorf"),
        (
            2,
            "Costs",
            "Costs\nRent is 400 euros\nScores cost 120 euros\nNotes: Mention the sponsor Weber.",
        ),
        (3, "Members", "Members\nName\tVoice\nAnn\tAlto\nVisitors: 2024 100, 2025 140"),
    ]


def test_docx_has_its_header_and_its_comments() -> None:
    assert shown(sample("haus.docx"))[2:] == [
        (
            None,
            "Ruhezeiten > Waschküche",
            (
                "Waschküche\nTag\tPartei\nMontag\tWeber\nDer Hof wird gefegt.\n"
                "Comment by Ann: Wer fegt?"
            ),
        ),
        (None, "Header and footer", "Vertraulich - Verein Norddorf"),
    ]


def test_odt_has_its_notes_and_comments() -> None:
    assert shown(sample("garden.odt")) == [
        (None, "Garden", "Garden\nThe lease ends in 2031.\nFootnote 1: See the contract of 1999."),
        (None, "Garden > Beds", "Beds\nBeans\ntwo   words\nComment by Ben: Really?"),
    ]


def test_ods_and_odp() -> None:
    bees, pond = sample("bees.ods"), sample("pond.odp")
    assert bees.media_type == "application/vnd.oasis.opendocument.spreadsheet"
    text = "Hive; Honey kg\nHive: North; Honey kg: 15\nHive: South; Honey kg: 12.5"
    assert shown(bees) == [(None, "Bees", text)]
    assert pond.media_type == "application/vnd.oasis.opendocument.presentation"
    assert shown(pond) == [
        (1, "Welcome", "Welcome\nHello all"),
        (2, "Plan", "Plan\nDig the pond in May"),
    ]


def test_epub_chapters_come_in_their_order_without_the_table_of_contents() -> None:
    found = sample("well.epub")
    assert (found.title, found.metadata["author"]) == ("The Well", "Ann Author")
    assert [section.heading for section in found.sections] == ["Depth", "Use"]


def test_a_mail_with_what_is_attached() -> None:
    subject = "Schlüssel für den Garten – März"
    found = sample("key.eml")
    assert found.title == subject
    mail, *attached = found.sections
    assert mail.text.endswith("\n\nDer Schlüssel liegt unter dem Stein.")
    assert "From: Ann Müller <ann@example.org>\nTo: ben@example.org" in mail.text
    assert "Attachment: x.bin (not read: this is binary data, not text)" in mail.text
    assert [section.heading for section in attached] == [
        f"{subject} > stock.xlsx > Stock",
        f"{subject} > stock.xlsx > Zahlen",
        f"{subject} > mail.eml > Inner",
    ]
    assert "The inner mail says 42." in attached[-1].text


def test_a_mailbox_has_a_section_a_mail() -> None:
    found = sample("box.mbox")
    assert found.metadata["mails"] == "3"
    # "From " at the start of a line is quoted in a mailbox, and is no mail of its own.
    assert "\nFrom here on it is 1 o'clock in 2020" in found.sections[1].text


def test_msg_and_rtf() -> None:
    mail, note = sample("quick.msg"), sample("note.rtf")
    assert mail.title == "the quick brown fox"
    assert mail.sections[0].text.endswith("jumps over the lazy dog")
    assert note.title == "Der Zaun"
    assert note.sections[0].text == "Der Zaun ist grün.\nEr kostet 20 € je Meter."


def test_csv_of_any_delimiter_names_the_columns_in_each_row() -> None:
    assert sample("people.csv").sections[0].text == (
        "Name; Age; City\nName: Ann; Age: 34; City: Kiel\n"
        "Name: Ben; jr.; Age: 5; City: Bad Segeberg"
    )
    assert read("1\t2\n3\t4\n", "x.tsv").sections[0].text == "1\t2\n3\t4"
    assert read("a,b\n1,2\n", "x.csv").sections[0].text == "a; b\na: 1; b: 2"


@given(st.text(st.sampled_from('ab1,;\t"\n '), max_size=200))
def test_csv_loses_no_letters(text: str) -> None:
    try:
        found = read(text, "x.csv").sections[0].text
    except InvalidInput:
        return
    assert sum(map(found.count, "ab1")) >= sum(map(text.count, "ab1"))


def test_source_code_is_called_by_its_name() -> None:
    found = read("#!/bin/sh\necho hello\n", "run.sh")
    assert (found.title, found.media_type) == ("run.sh", "text/x-code")


# -- hostile ones ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.*")), ids=lambda path: path.name)
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_file_that_was_cut_is_read_or_refused(path: Path, keep: float) -> None:
    data = path.read_bytes()
    with suppress(RagError):
        read(data[: int(len(data) * keep)], path.name)


def test_a_scribbled_package_is_read_or_refused() -> None:
    for name in ("garden.odt", "bees.ods", "well.epub", "quick.msg", "stock.xlsx"):
        data = bytearray((SAMPLES / name).read_bytes())
        for place in range(40, len(data), max(len(data) // 25, 1)):
            data[place : place + 4] = b"\xff\x00\x41\xff"
            with suppress(RagError):
                read(bytes(data), name)


def bomb(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a.xlsx", "xl/workbook.xml"),
        ("a.odt", "content.xml"),
        ("a.epub", "META-INF/container.xml"),
        ("a.pptx", "ppt/presentation.xml"),
    ],
)
def test_what_unpacks_to_too_much_is_refused(
    name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_module, "MAX_PART", 100_000)
    with pytest.raises(TooLarge, match="unpacks"):
        read(bomb({part: b"<a>" + b" " * 1_000_000 + b"</a>"}), name)
    monkeypatch.setattr(package_module, "MAX_TOTAL", 1_000_000)
    with pytest.raises(TooLarge, match="unpacks"):
        read(bomb({part: b"<a/>", "x": b" " * 2_000_000}), name)


def test_entities_are_refused() -> None:
    evil = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
    with pytest.raises(InvalidInput, match="not valid XML"):
        read(bomb({"content.xml": evil}), "a.odt")


def test_a_sheet_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "MAX_CELLS", 10)
    with pytest.raises(TooLarge, match="10 cells"):
        sample("stock.xlsx")
    with pytest.raises(TooLarge, match="10 cells"):
        read("a,b\n" * 20, "x.csv")


def test_mails_within_mails_come_to_an_end() -> None:
    mail = b"Subject: core\n\nthe innermost\n"
    for _ in range(message_module.MAX_DEPTH + 2):
        around = EmailMessage()
        around["Subject"] = "around"
        around.add_attachment(mail, maintype="application", subtype="x", filename="inner.eml")
        mail = around.as_bytes()
    text = join_sections(read(mail, "x.eml").sections)
    assert "mails deep" in text
    assert "the innermost" not in text


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: =?utf-8?b?////?=\nFrom: <<<>>>@\nTo: a\x00b\nDate: never\n\nx",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: text/plain; charset=nonsense\nContent-Transfer-Encoding: base64\n\n####",
        b"Content-Type: text/plain; name*=''%\n\nx",
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 1000,
    ],
)
def test_broken_mails_are_read_or_refused(mail: bytes) -> None:
    with suppress(InvalidInput):
        assert read(mail, "x.eml").sections


# -- PDF -------------------------------------------------------------------------------------

LEFT = ["The garden is leased until", "the thirty-first of March", "and may be dug up only by"]
RIGHT = ["its tenant, who pays twenty", "euros for it in each year,", "in advance and in coins."]


@POPPLER
def test_pdf_columns_are_read_one_after_the_other() -> None:
    # Drawn line by line across both columns, as some programs do.
    drawn = [
        (x, 700 - 14 * line, text)
        for line, pair in enumerate(zip(LEFT, RIGHT, strict=True))
        for x, text in zip((72, 330), pair, strict=True)
    ]
    text = " ".join(join_sections(read(pdf_drawn([drawn]), "x.pdf").sections).split())
    assert text == " ".join(LEFT + RIGHT)


def test_lines_of_a_paragraph_are_joined_and_lists_are_not() -> None:
    page = (
        "The boiler was serviced in March by the man\nfrom Kiel, who left a bill of ninety for\n"
        "us.\n\nBring:\n- a pump\n- two hoses and a bucket that is not too small\n- soap\n"
    )
    assert flow(page) == (
        "The boiler was serviced in March by the man from Kiel, who left a bill of ninety for "
        "us.\n\nBring:\n- a pump\n- two hoses and a bucket that is not too small\n- soap\n"
    )


@OCR
def test_scanned_pages_are_recognised_and_others_are_not() -> None:
    told: list[tuple[int, int]] = []
    typed = pdf_drawn([[(72, 700, "The lease ends on 31 March 2031.")]], size=18)
    picture = subprocess.run(
        ["pdftoppm", "-gray", "-r", "100", "-"], input=typed, capture_output=True, check=True
    ).stdout
    source = Source(
        data=pdf_scanned([picture]), name="x.pdf", languages=("eng",),
        alive=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    found = extract(source)
    assert "The lease ends on 31 March 2031" in found.sections[0].text
    assert found.sections[0].page == 1
    assert found.metadata["recognised_pages"] == "1"
    assert told == [(1, 1)]


def test_without_tesseract_a_picture_is_left_out_and_the_way_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "have", lambda _: False)
    with pytest.raises(LeftOut, match="tesseract is not installed") as caught:
        read(b"\x89PNG\r\n\x1a\n", "x.png")
    assert "apt install tesseract-ocr" in str(caught.value.hint)


def test_texts_that_begin_with_two_letters_are_no_bitmaps() -> None:
    assert detect(Source(data=b"BMW 320, serviced in May.", name="car.txt")).name == "text"
