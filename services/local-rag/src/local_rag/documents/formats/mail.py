"""Mails (RFC 5322, MIME) and mailboxes full of them (RFC 4155)."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import PurePosixPath
from typing import cast

from local_rag.core.errors import InvalidInput, TooLarge
from local_rag.core.types import Extracted, Section
from local_rag.documents.formats._message import HEADERS, Attachment, body_of, sections
from local_rag.documents.formats.base import MAX_TEXT_CHARS, Format, Source, build

MAX_MAILS = 100_000
MAX_PARTS = 2_000
_FROM = re.compile(rb"^From [^\n]*\d{4}[^\n]*\r?\n", re.MULTILINE)
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def _read(source: Source) -> Extracted:
    """Return a mail, or every mail of a mailbox, with what is attached.

    Raises InvalidInput for what is no mail and TooLarge for too many.
    """
    name = PurePosixPath(source.name).name
    if not _is_mailbox(source.data):
        mail = _parsed(source.data, name)
        return build(
            title=_header(mail, "Subject") or name,
            fallback=name,
            sections=list(_sections(source, mail)),
            media_type=FORMAT.media_type,
            metadata={"author": _header(mail, "From"), "date": _header(mail, "Date")},
        )
    found: list[Section] = []
    total = 0
    for count, data in enumerate(_mails(source.data), start=1):
        if count > MAX_MAILS:
            raise TooLarge(f"{name} holds more than {MAX_MAILS} mails", hint="split it by year")
        for section in _sections(source, _parsed(data, name)):
            total += len(section.text)
            if total > MAX_TEXT_CHARS:
                raise TooLarge(f"{name} holds more than {MAX_TEXT_CHARS} characters of text")
            found.append(section)
    return build(
        title=name,
        fallback=name,
        sections=found,
        media_type="application/mbox",
        metadata={"mails": str(count)},
    )


def _is_mailbox(data: bytes) -> bool:
    return data.startswith(b"From ") and _FROM.match(data) is not None


def _mails(data: bytes) -> Iterator[bytes]:
    # A line that begins so belongs to a mail if no empty line is above it, or no year is in it.
    starts = [
        match
        for match in _FROM.finditer(data)
        if match.start() == 0
        or data[max(match.start() - 3, 0) : match.start()].endswith((b"\n\n", b"\n\r\n"))
    ]
    for match, following in zip(starts, [*starts[1:], None], strict=True):
        end = following.start() if following else len(data)
        yield _QUOTED_FROM.sub(rb"\1", data[match.end() : end])


def _parsed(data: bytes, name: str) -> EmailMessage:
    try:
        mail = BytesParser(policy=policy.default).parsebytes(data)
    except (ValueError, LookupError, TypeError, AttributeError, IndexError) as error:
        raise InvalidInput(f"{name} is a damaged mail: {error}") from None
    if not mail.keys():
        raise InvalidInput(f"{name} is no mail: it has no header")
    return mail


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail.get(name) or "")
    # A header that is nonsense is parsed when it is asked for, and fails in many ways.
    except Exception:  # noqa: BLE001
        raw = next((value for key, value in mail.raw_items() if key.lower() == name.lower()), "")
        return str(raw)


def _sections(source: Source, mail: EmailMessage) -> Iterator[Section]:
    plain: list[str] = []
    pages: list[str] = []
    attached: list[Attachment] = []
    for count, part in enumerate(_leaves(mail)):
        if count >= MAX_PARTS:
            raise TooLarge(f"a mail of more than {MAX_PARTS} parts is not read")
        kind = part.get_content_type()
        name = _filename(part)
        if kind == "message/rfc822":
            inner = cast("list[EmailMessage]", part.get_payload())
            if isinstance(inner, list) and inner:
                attached.append(Attachment(name=name or "mail.eml", data=inner[0].as_bytes()))
        elif name is None and kind in ("text/plain", "text/html"):
            (plain if kind == "text/plain" else pages).append(_text(part))
        elif name is not None and not _shown_within(part):
            data = part.get_payload(decode=True)
            if isinstance(data, bytes):
                attached.append(Attachment(name=name, data=data, media_type=kind))
    headers = [(name, _header(mail, name)) for name in HEADERS]
    body = body_of("\n".join(plain), "\n".join(pages))
    yield from sections(source, headers, body, attached)


def _leaves(mail: EmailMessage) -> Iterator[EmailMessage]:
    """Yield the parts that hold something; of a mail within, that as a whole."""
    pending = [mail]
    while pending:
        part = pending.pop()
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            pending.extend(cast("list[EmailMessage]", payload[::-1]))
        else:
            yield part


def _shown_within(part: EmailMessage) -> bool:
    """Return whether a picture belongs to the page: a logo, not something that was sent."""
    return part.get_content_maintype() == "image" and part.get("Content-ID") is not None


def _filename(part: EmailMessage) -> str | None:
    try:
        name = part.get_filename()
    except Exception:  # noqa: BLE001 - as with other headers
        return "attachment"
    return name.replace("\n", " ") if name else None


def _text(part: EmailMessage) -> str:
    from local_rag.text.normalise import NotText, decode

    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    try:
        # Many programs name a set of characters that is not what they write.
        return decode(data, declared=part.get_content_charset())
    except NotText:
        return ""


FORMAT = Format(
    name="mail",
    media_type="message/rfc822",
    extensions=(".eml", ".mbox", ".mbx"),
    read=_read,
    aliases=frozenset({"application/mbox"}),
    begins=_is_mailbox,
)
