"""Small real files of the kinds that are imported, made by hand."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from xml.sax.saxutils import escape

_WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def pdf(pages: Sequence[str], title: str = "") -> bytes:
    """Return a PDF with one line of text a page line."""
    return _pdf([_lines(text) for text in pages], title)


def pdf_drawn(pages: Sequence[Sequence[tuple[int, int, str]]], size: int = 12) -> bytes:
    """Return a PDF on which texts are drawn at (x, y), in the order given; 612 by 792 points."""
    return _pdf(
        [
            " ".join(f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET" for x, y, text in page)
            for page in pages
        ]
    )


def pdf_scanned(pictures: Sequence[bytes]) -> bytes:
    """Return a PDF whose pages are grey pictures (PGM) and nothing else, as a scanner makes it."""
    streams, images = [], []
    for picture in pictures:
        _, size, _, pixels = picture.split(b"\n", 3)
        width, height = size.split()
        images.append(
            b"<< /Type /XObject /Subtype /Image /Width %s /Height %s /ColorSpace /DeviceGray "
            b"/BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream"
            % (width, height, len(packed := zlib.compress(pixels)), packed)
        )
        streams.append("q 612 0 0 792 0 0 cm /Im0 Do Q")
    return _pdf(streams, images=images)


def _lines(text: str) -> str:
    shown = " ".join(
        "({}) Tj 0 -14 Td".format(line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)"))
        for line in text.split("\n")
    )
    return f"BT /F1 12 Tf 72 720 Td {shown} ET"


def _pdf(streams: Sequence[str], title: str = "", images: Sequence[bytes] = ()) -> bytes:
    objects: list[bytes] = []
    count = len(streams)
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(count))
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for index, drawn in enumerate(streams):
        stream = drawn.encode("latin-1")
        image = f"/XObject << /Im0 {5 + 2 * count + index} 0 R >> " if images else ""
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * index} 0 R "
            f"/Resources << {image}/Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    objects.append(f"<< /Title ({title}) >>".encode())
    # Behind the title, so that the numbers of what stands before stay; the trailer names that one.
    objects += images
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for place in places:
        out.write(b"%010d 00000 n \n" % place)
    out.write(
        b"trailer << /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, 4 + 2 * count, start)
    )
    return out.getvalue()


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    body = "".join(
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    return f"<w:tbl>{body}</w:tbl>"


def docx(body: str, title: str = "", prolog: str = "") -> bytes:
    """Return a DOCX file with this body."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        # Without the time of day, so that a file is the same each time.
        archive.writestr(
            zipfile.ZipInfo("word/document.xml"),
            f'<?xml version="1.0"?>{prolog}<w:document {_WORD}>'
            f"<w:body>{body}</w:body></w:document>",
            zipfile.ZIP_DEFLATED,
        )
        if title:
            archive.writestr(
                zipfile.ZipInfo("docProps/core.xml"),
                '<cp:coreProperties xmlns:cp="x" xmlns:dc="http://purl.org/dc/elements/1.1/">'
                f"<dc:title>{title}</dc:title><dc:creator>Ann</dc:creator></cp:coreProperties>",
            )
    return out.getvalue()
