"""A zip archive of XML parts, as office programs and book readers write them.

The libraries for such files (python-docx, python-pptx, odfpy, ebooklib) bring lxml and Pillow, or a
licence that does not fit; docs/architecture.md has the table. Only text is wanted here, for which
the parts are walked as they are.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from local_rag.core.errors import InvalidInput, TooLarge

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_PART = 64_000_000
MAX_TOTAL = 600_000_000
MAX_MEMBERS = 10_000
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DC = "{http://purl.org/dc/elements/1.1/}"


class Package:
    """The parts of an archive; names are relative to its top."""

    def __init__(self, archive: zipfile.ZipFile, name: str, kind: str) -> None:
        self.archive = archive
        self._name = name
        self._kind = kind
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise TooLarge(f"{name} has more than {MAX_MEMBERS} parts")
        # zipfile reads no more of a part than its header promises, so the sum is a true limit.
        if sum(member.file_size for member in members) > MAX_TOTAL:
            raise TooLarge(f"{name} unpacks to more than {MAX_TOTAL // 1_000_000} MB")

    def names(self) -> list[str]:
        """Return the names of all parts."""
        return self.archive.namelist()

    def bytes(self, part: str) -> bytes | None:
        """Return a part, None when it is not there. Raises TooLarge above 64 MB."""
        try:
            info = self.archive.getinfo(part)
        except KeyError:
            return None
        if info.file_size > MAX_PART:
            raise TooLarge(f"{self._name}: {part} unpacks to more than {MAX_PART // 1_000_000} MB")
        return self.archive.read(info)

    def xml(self, part: str) -> "Element | None":
        """Return a part as a tree, None when it is not there. Raises InvalidInput, TooLarge."""
        data = self.bytes(part)
        if data is None:
            return None
        # Imported here, where a file is parsed; see Format.
        from xml.etree.ElementTree import ParseError

        from defusedxml.common import DefusedXmlException
        from defusedxml.ElementTree import fromstring

        try:
            element: Element = fromstring(data, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise InvalidInput(f"{self._name}: {part} is not valid XML: {error}") from None
        return element

    def require(self, part: str) -> "Element":
        """Return a part that makes the archive one of its kind. Raises InvalidInput."""
        element = self.xml(part)
        if element is None:
            raise InvalidInput(
                f"{self._name} is a zip archive but not {self._kind} file (it has no {part})"
            )
        return element

    def main(self, usual: str) -> str:
        """Return the part that an Office Open XML file begins with, which may have any name."""
        root = self.xml("_rels/.rels")
        for element in root.iter(_RELATIONS) if root is not None else ():
            if (element.get("Type") or "").endswith("/officeDocument"):
                return resolve(PurePosixPath(), element.get("Target") or "")
        return usual

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return (kind, part) of what an Office Open XML part leads to, by its number."""
        path = PurePosixPath(part)
        root = self.xml(str(path.parent / "_rels" / f"{path.name}.rels"))
        found: dict[str, tuple[str, str]] = {}
        for element in root.iter(_RELATIONS) if root is not None else ():
            if element.get("TargetMode") != "External":
                kind = (element.get("Type") or "").rpartition("/")[2]
                target = resolve(path.parent, element.get("Target") or "")
                found[element.get("Id") or ""] = (kind, target)
        return found


@contextmanager
def opened(data: bytes, name: str, kind: str) -> Iterator[Package]:
    """Yield the archive; `kind` with its article, for messages.

    Raises InvalidInput when it is damaged or encrypted, TooLarge when it unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield Package(archive, name, kind)
    # NotImplementedError is zipfile's for a kind of compression that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        what = kind.partition(" ")[2]
        raise InvalidInput(f"{name} is a damaged {what} file: {error}") from None
    except RuntimeError as error:
        if isinstance(error, RecursionError):
            raise
        raise InvalidInput(f"{name} is encrypted", hint="save it without a password") from None


def resolve(folder: PurePosixPath, target: str) -> str:
    """Return the part that a reference in a folder of the archive leads to."""
    parts: list[str] = []
    path = unquote(target.partition("#")[0])
    for part in (path.lstrip("/") if path.startswith("/") else f"{folder}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def properties(package: Package) -> tuple[str, str]:
    """Return title and author of an Office Open XML file (docProps/core.xml)."""
    core = package.xml("docProps/core.xml")
    return dublin_core(core)


def dublin_core(root: "Element | None") -> tuple[str, str]:
    """Return title and author as the Dublin Core names them, anywhere below an element."""
    if root is None:
        return "", ""
    title, author = root.find(f".//{_DC}title"), root.find(f".//{_DC}creator")
    return (
        (title.text or "").strip() if title is not None else "",
        (author.text or "").strip() if author is not None else "",
    )


def begins_as_zip(head: bytes) -> bool:
    """Return whether these are the first bytes of a zip archive."""
    return head.startswith(b"PK\x03\x04")
