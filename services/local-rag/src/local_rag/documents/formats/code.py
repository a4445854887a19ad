"""Source code and configuration: text as it stands, called by its name."""

from pathlib import PurePosixPath

from local_rag.core.types import Extracted, Section
from local_rag.documents.formats.base import Format, Source, build
from local_rag.text.normalise import decode

_EXTENSIONS = """
.py .pyi .js .mjs .cjs .jsx .ts .tsx .vue .svelte .c .h .cc .cpp .cxx .hh .hpp .cs .java .kt .kts
.scala .groovy .go .rs .swift .m .mm .rb .php .pl .pm .lua .r .jl .dart .ex .exs .erl .hs .ml .fs
.clj .lisp .el .vb .pas .ada .f90 .asm .s .sh .bash .zsh .fish .ps1 .bat .cmd .sql .graphql .proto
.css .scss .less .json .jsonl .yaml .yml .toml .ini .cfg .conf .properties .xml .xsd .xsl .tex .bib
.cmake .mk .gradle .nix .tf .service .timer .diff .patch .po .ino .gd .sol .zig .v .sv .vhd .tcl
"""


def _read(source: Source) -> Extracted:
    """Return a file of source code as one section. Raises InvalidInput for binary data."""
    name = PurePosixPath(source.name).name
    text = decode(source.data, declared=source.charset)
    return build(
        title=name,
        fallback=name,
        sections=[Section(text=text)],
        media_type=FORMAT.media_type,
    )


FORMAT = Format(
    name="source code",
    media_type="text/x-code",
    extensions=tuple(_EXTENSIONS.split()),
    read=_read,
    aliases=frozenset({"application/json", "application/xml", "text/xml", "application/x-sh"}),
    parsed=False,
)
