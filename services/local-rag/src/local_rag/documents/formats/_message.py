"""A mail as sections: who wrote what to whom, and what is attached."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from local_rag.core.errors import InvalidInput, RagError
from local_rag.core.types import Section
from local_rag.documents.formats.base import Source
from local_rag.text.normalise import one_line

MAX_DEPTH = 3
MAX_ATTACHMENTS = 200
# As people search for them; what else is in a header is for machines.
HEADERS = ("From", "To", "Cc", "Date", "Subject")


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    data: bytes
    media_type: str | None = None


def body_of(plain: str, page: bytes | str | None) -> str:
    """Return the text of a mail: as plain text, or what its page says."""
    if plain.strip() or not page:
        return plain
    from local_rag.documents.formats import html

    data = page.encode("utf-8") if isinstance(page, str) else page
    charset = "utf-8" if isinstance(page, str) else None
    try:
        found = html.FORMAT.read(Source(data=data, name="mail.html", charset=charset))
    except InvalidInput:
        return ""
    return "\n\n".join(section.text for section in found.sections)


def sections(
    source: Source, headers: Iterable[tuple[str, str]], body: str, attached: list[Attachment]
) -> Iterator[Section]:
    """Yield a mail, then the text of each attachment of a kind that is read.

    What of them is not read is named in the mail, with the reason: one broken attachment must not
    cost the mail.
    """
    given = [(name, one_line(value, 1000)) for name, value in headers if value]
    subject = next((value for name, value in given if name == "Subject"), None)
    head = [f"{name}: {value}" for name, value in given]
    below: list[Section] = []
    for file in attached[:MAX_ATTACHMENTS]:
        try:
            found = _extracted(source, file)
        except RagError as error:
            head.append(f"Attachment: {file.name} (not read: {one_line(error.message)})")
            continue
        head.append(f"Attachment: {file.name}")
        for section in found:
            path = filter(None, [subject, file.name, section.heading])
            below.append(replace(section, heading=" > ".join(path)))
    if len(attached) > MAX_ATTACHMENTS:
        head.append(f"and {len(attached) - MAX_ATTACHMENTS} more attachments, not read")
    yield Section(text="\n".join([*head, "", body]), heading=subject)
    yield from below


def _extracted(source: Source, file: Attachment) -> tuple[Section, ...]:
    from local_rag.documents.formats import extract

    if source.depth >= MAX_DEPTH:
        raise InvalidInput(f"it lies more than {MAX_DEPTH} mails deep")
    inner = replace(
        source, data=file.data, name=file.name, media_type=file.media_type, charset=None,
        depth=source.depth + 1,
    )  # fmt: skip
    return extract(inner).sections
