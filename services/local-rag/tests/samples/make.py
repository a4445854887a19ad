# ruff: noqa: E501, E741
"""Makes the samples with the programs that people use for such files, none of which is ours.

    uv venv scratch
    uv pip install --python scratch python-docx python-pptx openpyxl odfpy ebooklib
    scratch/bin/python tests/samples/make.py

The files are kept, as the libraries are no part of the tests. `quick.msg` is not made here: it is
tests/msg/standardized_text.msg of textract (MIT licence, (c) 2014 Dean Malmgren).
"""

from pathlib import Path

out = Path(__file__).parent


def xlsx() -> None:
    import datetime

    import openpyxl

    wb = openpyxl.Workbook()
    ws = wb.active
    ws.title = "Stock"
    ws.append(["Article list 2026"])
    ws.append([])
    ws.append(["Article", "Price", "Since", "In stock"])
    ws.append(["Pump A-200", 19.99, datetime.date(2024, 3, 1), True])
    since = datetime.datetime(2025, 1, 2, 13, 30)  # noqa: DTZ001 - a sheet has no zones
    ws.append(["Hose", 0.1 + 0.2, since, False])
    ws["A5000"] = "far away"
    wb.create_sheet("Leer")
    w3 = wb.create_sheet("Zahlen")
    for i in range(5):
        w3.append([i, i * i])
    wb.save(out / "stock.xlsx")


def pptx() -> None:
    from pptx import Presentation
    from pptx.util import Inches

    pr = Presentation()
    s = pr.slides.add_slide(pr.slide_layouts[0])
    s.shapes.title.text = "Annual meeting"
    s.placeholders[1].text = "Choir of Norddorf"
    s = pr.slides.add_slide(pr.slide_layouts[1])
    s.shapes.title.text = "Costs"
    tf = s.placeholders[1].text_frame
    tf.text = "Rent is 400 euros"
    p = tf.add_paragraph()
    p.text = "Scores cost 120 euros"
    p.level = 1
    s.notes_slide.notes_text_frame.text = "Mention the sponsor Weber."
    s = pr.slides.add_slide(pr.slide_layouts[5])
    s.shapes.title.text = "Members"
    t = s.shapes.add_table(2, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    t.cell(0, 0).text = "Name"
    t.cell(0, 1).text = "Voice"
    t.cell(1, 0).text = "Ann"
    t.cell(1, 1).text = "Alto"
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    cd = CategoryChartData()
    cd.categories = ["2024", "2025"]
    cd.add_series("Visitors", (100, 140))
    s.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(2), cd
    )
    pr.save(out / "meeting.pptx")


def docx() -> None:
    import docx

    d = docx.Document()
    d.add_heading("Hausordnung", 0)
    d.add_heading("Ruhezeiten", 1)
    d.add_paragraph("Von 13 bis 15 Uhr ist Ruhe.")
    d.add_heading("Waschküche", 2)
    t = d.add_table(2, 2)
    t.cell(0, 0).text = "Tag"
    t.cell(0, 1).text = "Partei"
    t.cell(1, 0).text = "Montag"
    t.cell(1, 1).text = "Weber"
    d.sections[0].header.paragraphs[0].text = "Vertraulich - Verein Norddorf"
    r = d.add_paragraph("Der Hof wird gefegt.").runs[0]
    d.add_comment(r, text="Wer fegt?", author="Ann", initials="A")
    d.save(out / "haus.docx")


def odf() -> None:
    from odf.dc import Creator
    from odf.office import Annotation
    from odf.opendocument import OpenDocumentPresentation, OpenDocumentSpreadsheet, OpenDocumentText
    from odf.text import H, List, ListItem, Note, NoteBody, NoteCitation, P, S

    t = OpenDocumentText()
    t.text.addElement(H(outlinelevel=1, text="Garden"))
    p = P(text="The lease ends in 2031")
    n = Note(noteclass="footnote", id="f1")
    n.addElement(NoteCitation(text="1"))
    b = NoteBody()
    b.addElement(P(text="See the contract of 1999."))
    n.addElement(b)
    p.addElement(n)
    p.addText(".")
    t.text.addElement(p)
    t.text.addElement(H(outlinelevel=2, text="Beds"))
    l = List()
    i = ListItem()
    i.addElement(P(text="Beans"))
    l.addElement(i)
    t.text.addElement(l)
    p = P()
    p.addText("two")
    p.addElement(S(c=3))
    p.addText("words")
    a = Annotation()
    a.addElement(Creator(text="Ben"))
    a.addElement(P(text="Really?"))
    p.addElement(a)
    t.text.addElement(p)
    t.save(out / "garden.odt")
    from odf.table import Table, TableCell, TableRow

    s = OpenDocumentSpreadsheet()
    tb = Table(name="Bees")
    for row in (["Hive", "Honey kg"], ["North", "15"], ["South", "12.5"]):
        r = TableRow()
        tb.addElement(r)
        for c in row:
            x = TableCell(valuetype="string")
            x.addElement(P(text=c))
            r.addElement(x)
        r.addElement(TableCell(numbercolumnsrepeated=16000))
    r = TableRow(numberrowsrepeated=1048570)
    r.addElement(TableCell(numbercolumnsrepeated=16384))
    tb.addElement(r)
    s.spreadsheet.addElement(tb)
    s.save(out / "bees.ods")
    from odf.draw import Frame, Page, TextBox
    from odf.style import MasterPage, PageLayout

    pp = OpenDocumentPresentation()
    pl = PageLayout(name="L")
    pp.automaticstyles.addElement(pl)
    mp = MasterPage(name="M", pagelayoutname=pl)
    pp.masterstyles.addElement(mp)
    for title, text in (("Welcome", "Hello all"), ("Plan", "Dig the pond in May")):
        pg = Page(masterpagename=mp, name=title)
        pp.presentation.addElement(pg)
        f = Frame(width="5cm", height="1cm")
        f.setAttrNS("urn:oasis:names:tc:opendocument:xmlns:presentation:1.0", "class", "title")
        tb = TextBox()
        tb.addElement(P(text=title))
        f.addElement(tb)
        pg.addElement(f)
        f = Frame(width="5cm", height="1cm")
        tb = TextBox()
        tb.addElement(P(text=text))
        f.addElement(tb)
        pg.addElement(f)
    pp.save(out / "pond.odp")


def epub() -> None:
    from ebooklib import epub

    b = epub.EpubBook()
    b.set_identifier("x")
    b.set_title("The Well")
    b.set_language("en")
    b.add_author("Ann Author")
    cs = []
    for i, (h, x) in enumerate(
        (("Depth", "The water stands at 14 metres."), ("Use", "Never drink it unboiled.")), 1
    ):
        c = epub.EpubHtml(title=h, file_name=f"text/c{i}.xhtml", lang="en")
        c.content = f"<h1>{h}</h1><p>{x}</p>"
        b.add_item(c)
        cs.append(c)
    b.toc = tuple(cs)
    b.add_item(epub.EpubNcx())
    b.add_item(epub.EpubNav())
    b.spine = ["nav", *cs]
    epub.write_epub(str(out / "well.epub"), b)


def mail() -> None:
    from email.message import EmailMessage

    m = EmailMessage()
    m["From"] = "Ann Müller <ann@example.org>"
    m["To"] = "ben@example.org"
    m["Subject"] = "Schlüssel für den Garten – März"
    m["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    m.set_content("Der Schlüssel liegt unter dem Stein.")
    m.add_alternative(
        "<html><body><p>Der Schlüssel liegt unter dem <b>Stein</b>.</p></body></html>",
        subtype="html",
    )
    m.add_attachment(
        (out / "stock.xlsx").read_bytes(),
        maintype="application",
        subtype="octet-stream",
        filename="stock.xlsx",
    )
    m.add_attachment(b"\0\1\2", maintype="application", subtype="octet-stream", filename="x.bin")
    inner = EmailMessage()
    inner["From"] = "c@example.org"
    inner["Subject"] = "Inner"
    inner.set_content("The inner mail says 42.")
    m.add_attachment(inner)
    (out / "key.eml").write_bytes(m.as_bytes())
    import mailbox

    mb = mailbox.mbox(str(out / "box.mbox"))
    for i in range(3):
        x = EmailMessage()
        x["From"] = "a@example.org"
        x["Subject"] = f"No {i}"
        x.set_content(f"Line\nFrom here on it is {i} o'clock in 2020\n")
        mb.add(x)
    mb.flush()
    (out / "note.rtf").write_bytes(
        rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\info{\title Der Zaun}}\f0\fs24 Der Zaun ist gr\'fcn.\par Er kostet 20 \u8364? je Meter.\par}"
    )
    (out / "people.csv").write_text('Name;Age;City\nAnn;34;Kiel\n"Ben; jr.";5;"Bad\nSegeberg"\n')


for make in (xlsx, pptx, docx, odf, epub, mail):
    make()
