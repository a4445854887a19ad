"""The formats that can be imported: each file here is one, and all else follows.

But for base.py and the files that begin with an underscore: what several formats share.
"""

import importlib
import pkgutil
from pathlib import PurePosixPath

from local_rag.core.errors import InvalidInput
from local_rag.core.types import Extracted
from local_rag.documents.formats.base import Format, Source
from local_rag.text.normalise import NotText

__all__ = [
    "FORMATS",
    "Format",
    "Source",
    "described",
    "detect",
    "extract",
    "names",
    "promised",
    "why_not",
]


def _found() -> tuple[Format, ...]:
    files = sorted(file.name for file in pkgutil.iter_modules(__path__))
    return tuple(
        importlib.import_module(f"{__name__}.{file}").FORMAT
        for file in files
        if file != "base" and not file.startswith("_")
    )


FORMATS = _found()
# Of source code there are a hundred.
_NAMED = 8
_BY_EXTENSION = {extension: known for known in FORMATS for extension in known.extensions}
_BY_MEDIA_TYPE = {kind: known for known in FORMATS for kind in (known.media_type, *known.aliases)}
# What neither bytes nor name nor server say anything about is this (RFC 2046, 4.1.3).
_DEFAULT = _BY_MEDIA_TYPE["text/plain"]


def names() -> str:
    """Return the names of all formats as a part of a sentence."""
    *others, last = sorted((known.name for known in FORMATS), key=str.lower)
    return f"{', '.join(others)} and {last}"


def described() -> str:
    """Return the names of all formats with the extensions by which their files are known."""
    known = sorted(FORMATS, key=lambda known: known.name.lower())
    return ", ".join(f"{kind.name} ({_some(kind.extensions)})" for kind in known)


def _some(extensions: tuple[str, ...]) -> str:
    more = len(extensions) - _NAMED
    return " ".join(extensions) if more <= 0 else f"{' '.join(extensions[:_NAMED])} …"


def promised(name: str) -> Format | None:
    """Return the format that a file name promises, or None for one that is not read."""
    return _BY_EXTENSION.get(PurePosixPath(name.lower()).suffix)


def why_not(name: str) -> str:
    """Return why a file whose name promises none of our formats is not read."""
    suffix = PurePosixPath(name.lower()).suffix
    for known in FORMATS:
        if suffix in known.convertible:
            target = known.extensions[0].removeprefix(".")
            return f"{suffix} is not read; convert it: soffice --headless --convert-to {target}"
    if not suffix:
        return "its name has no extension, and it is not text"
    return f"files of the kind {suffix} are not read"


def detect(source: Source) -> Format:
    """Return the format of a file: by its first bytes, then its name, then what was declared.

    Raises InvalidInput for a file that cannot be read, naming the way out where there is one.
    """
    head = source.data[:1024]
    named = promised(source.name)
    fitting = [known for known in FORMATS if known.begins and known.begins(head)]
    certain = [known for known in fitting if known.always]
    if len(certain) > 1 or (certain and certain[0].holds):
        # Zip archives, say: what is in them says which of the formats it is.
        held = [known for known in certain if known.holds is None or known.holds in source.data]
        certain = held or [known for known in certain if known is named]
    if certain:
        return named if named in certain else certain[0]
    for known in FORMATS:
        for start, (what, way_out) in known.mistaken.items():
            if head.startswith(start):
                raise InvalidInput(
                    f"{source.name} is {what}", hint=way_out.format(name=repr(source.name))
                )
    if named and named.always:
        raise InvalidInput(
            f"{source.name} is named like a {named.name} file but is not one",
            hint=f"see what it is: file {source.name!r}",
        )
    if named or fitting:
        return named or fitting[0]
    declared = (source.media_type or "").partition(";")[0].strip().lower()
    if declared.partition("/")[0] in ("image", "audio", "video", "font"):
        raise InvalidInput(f"{source.name} is {declared}, which holds no text to index")
    stated = _BY_MEDIA_TYPE.get(declared)
    return stated if stated and not stated.always else _DEFAULT


def extract(source: Source) -> Extracted:
    """Return the text of a file of any known format, in this process.

    Files of others are better given to `extraction.Extraction`, which limits time and memory.
    Raises InvalidInput and TooLarge.
    """
    try:
        return detect(source).read(source)
    except NotText as error:
        raise InvalidInput(error.message, hint=f"{names()} can be imported") from None
