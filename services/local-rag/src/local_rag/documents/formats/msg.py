"""MSG: a mail as Outlook saves it (MS-OXMSG), through python-oxmsg."""

import io
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted
from local_rag.documents.formats._message import Attachment, body_of, sections
from local_rag.documents.formats.base import Format, Source, build

if TYPE_CHECKING:
    from oxmsg import Message

_HEADER = re.compile(r"^(From|To|Cc):[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)


def _read(source: Source) -> Extracted:
    """Return a mail with what is attached. Raises InvalidInput for a damaged one."""
    from oxmsg import Message

    name = PurePosixPath(source.name).name
    # It raises whatever the bytes of a damaged file lead to: KeyError, struct.error, OSError.
    try:
        mail = Message.load(io.BytesIO(source.data))
        headers = _headers(mail)
        body = body_of(mail.body or "", mail.html_body)
        attached = [
            Attachment(name=file.file_name or "attachment", data=file.file_bytes or b"",
                       media_type=file.mime_type)
            for file in mail.attachments
            if file.attached_by_value
        ]  # fmt: skip
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001
        raise InvalidInput(f"{name} is a damaged MSG file: {type(error).__name__}") from None
    return build(
        title=mail.subject or name,
        fallback=name,
        sections=list(sections(source, headers, body, attached)),
        media_type=FORMAT.media_type,
        metadata={"author": mail.sender or "", "date": dict(headers)["Date"]},
    )


def _headers(mail: "Message") -> list[tuple[str, str]]:
    # What was sent through no server has no headers but the recipients.
    transported = "\n".join(f"{key}: {value}" for key, value in mail.message_headers.items())
    given = dict(_HEADER.findall(transported))
    people = ", ".join(
        f"{person.name} <{person.email_address}>" if person.name else person.email_address
        for person in mail.recipients
    )
    sent = mail.sent_date
    return [
        ("From", given.get("From") or mail.sender or ""),
        ("To", given.get("To") or people),
        ("Cc", given.get("Cc") or ""),
        ("Date", sent.isoformat(" ", "minutes") if sent else ""),
        ("Subject", mail.subject or ""),
    ]


FORMAT = Format(
    name="MSG",
    media_type="application/vnd.ms-outlook",
    extensions=(".msg",),
    read=_read,
    begins=lambda head: head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    always=True,
    holds="__substg1.0_".encode("utf-16-le"),
)
