"""The licence of a project, as debian/copyright needs it."""

import re
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 128 * 1024
FILES = ("LICENSE", "LICENCE", "COPYING", "LICENSE.txt", "LICENSE.md", "LICENCE.txt", "COPYING.txt")

# SPDX identifier: short name of the copyright format 1.0, and the file in
# /usr/share/common-licenses (policy 12.5) when Debian has the text.
NAMES = {
    "GPL-2.0-only": ("GPL-2", "GPL-2"),
    "GPL-2.0-or-later": ("GPL-2+", "GPL-2"),
    "GPL-3.0-only": ("GPL-3", "GPL-3"),
    "GPL-3.0-or-later": ("GPL-3+", "GPL-3"),
    "AGPL-3.0-only": ("AGPL-3", None),
    "AGPL-3.0-or-later": ("AGPL-3+", None),
    "LGPL-2.1-or-later": ("LGPL-2.1+", "LGPL-2.1"),
    "LGPL-3.0-or-later": ("LGPL-3+", "LGPL-3"),
    "Apache-2.0": ("Apache-2.0", "Apache-2.0"),
    "MPL-2.0": ("MPL-2.0", "MPL-2.0"),
    "CC0-1.0": ("CC0-1.0", "CC0-1.0"),
    "MIT": ("Expat", None),
    "BSD-2-Clause": ("BSD-2-clause", None),
    "BSD-3-Clause": ("BSD-3-clause", None),
    "ISC": ("ISC", None),
}
PHRASES = (
    ("Permission is hereby granted, free of charge, to any person", "MIT"),
    ("Apache License", "Apache-2.0"),
    ("Mozilla Public License Version 2.0", "MPL-2.0"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0-or-later"),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 3", "LGPL-3.0-or-later"),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1", "LGPL-2.1-or-later"),
    ("GNU GENERAL PUBLIC LICENSE Version 3", "GPL-3.0-or-later"),
    ("GNU GENERAL PUBLIC LICENSE Version 2", "GPL-2.0-or-later"),
    ("Permission to use, copy, modify, and/or distribute this software for any", "ISC"),
    ("Neither the name of", "BSD-3-Clause"),
    ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
)


@dataclass(frozen=True, kw_only=True)
class Licence:
    """`text` is the paragraph body for debian/copyright, already indented."""

    name: str
    text: str
    known: bool


def find_licence(directory: Path, said: str = "", file: str = "") -> Licence:
    """From what the project says of itself (`said`), else from the licence file's own words.

    `said` is an SPDX identifier or free text, `file` a licence file that the project names.
    """
    text = _text(directory, file)
    spdx = _spdx(said, text)
    name, common = NAMES.get(spdx or "", ("custom", None))
    if common is not None:
        body = (
            f"On Debian systems, the full text of this licence is in the file\n"
            f"/usr/share/common-licenses/{common}."
        )
    else:
        body = text or "The project does not say under which licence it may be distributed."
    return Licence(name=name, text=_body(body), known=spdx is not None or bool(text))


def _spdx(said: str, text: str) -> str | None:
    wanted = said.strip().lower()
    for spdx in NAMES:
        if wanted in (spdx.lower(), spdx.lower().removesuffix("-or-later") + "+"):
            return spdx
    flat = " ".join((text or said).split())
    for phrase, spdx in PHRASES:
        if " ".join(phrase.split()).lower() in flat.lower():
            return spdx
    return "MIT" if re.fullmatch(r"(?i)(the )?mit( licen[sc]e)?|expat", said.strip()) else None


def _text(directory: Path, file: str) -> str:
    names = [file, *FILES] if file else FILES
    top = directory.resolve()
    for name in names:
        path = directory / name
        # A licence that is a link to somewhere else must not carry that file into the package.
        if path.is_file() and path.resolve().is_relative_to(top):
            with path.open("rb") as stream:
                return stream.read(MAX_BYTES).decode("utf-8", "replace")
    return ""


def _body(text: str) -> str:
    """Continuation lines of a control file: one space before, " ." for an empty one."""
    lines = []
    for line in text.strip().splitlines():
        clean = "".join(c if c.isprintable() else " " for c in line.expandtabs()).rstrip()
        lines.append(f" {clean}" if clean.strip() else " .")
    return "\n".join(lines)
