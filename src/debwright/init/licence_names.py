"""What licences are called: by SPDX, by debian/copyright, by authors, and in their own words."""

import re

# SPDX identifier: short name of the copyright format 1.0, and the file in
# /usr/share/common-licenses (policy 12.5) when every supported suite has the text. Others are
# called what SPDX calls them.
NAMES = {
    "AGPL-3.0-only": ("AGPL-3", None),
    "AGPL-3.0-or-later": ("AGPL-3+", None),
    "Apache-2.0": ("Apache-2.0", "Apache-2.0"),
    "Artistic-1.0-Perl": ("Artistic", "Artistic"),
    "Artistic-2.0": ("Artistic-2.0", None),
    "BSD-2-Clause": ("BSD-2-clause", None),
    "BSD-3-Clause": ("BSD-3-clause", None),
    "CC0-1.0": ("CC0-1.0", "CC0-1.0"),
    "GFDL-1.3-or-later": ("GFDL-1.3+", "GFDL-1.3"),
    "GPL-1.0-or-later": ("GPL-1+", "GPL-1"),
    "GPL-2.0-only": ("GPL-2", "GPL-2"),
    "GPL-2.0-or-later": ("GPL-2+", "GPL-2"),
    "GPL-3.0-only": ("GPL-3", "GPL-3"),
    "GPL-3.0-or-later": ("GPL-3+", "GPL-3"),
    "ISC": ("ISC", None),
    "LGPL-2.0-only": ("LGPL-2", "LGPL-2"),
    "LGPL-2.0-or-later": ("LGPL-2+", "LGPL-2"),
    "LGPL-2.1-only": ("LGPL-2.1", "LGPL-2.1"),
    "LGPL-2.1-or-later": ("LGPL-2.1+", "LGPL-2.1"),
    "LGPL-3.0-only": ("LGPL-3", "LGPL-3"),
    "LGPL-3.0-or-later": ("LGPL-3+", "LGPL-3"),
    "MIT": ("Expat", None),
    "MPL-1.1": ("MPL-1.1", "MPL-1.1"),
    "MPL-2.0": ("MPL-2.0", "MPL-2.0"),
    "Unlicense": ("Unlicense", None),
    "Zlib": ("Zlib", None),
    "0BSD": ("0BSD", None),
}
# Identifiers that SPDX has given up; "-only" is what they mean (SPDX licence list, "Deprecated").
OLD = re.compile(r"((?:A|L)?GPL-\d\.\d|GFDL-\d\.\d)(\+?)")
# The beginning of what is only in this licence; the more particular ones first.
PHRASES = (
    ("Permission is hereby granted, free of charge, to any person", "MIT"),
    ("Apache License", "Apache-2.0"),
    ("Mozilla Public License Version 2.0", "MPL-2.0"),
    ("Mozilla Public License, version 2.0", "MPL-2.0"),
    ("GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL-3.0-or-later"),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 3", "LGPL-3.0-or-later"),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 2.1", "LGPL-2.1-or-later"),
    ("GNU GENERAL PUBLIC LICENSE Version 3", "GPL-3.0-or-later"),
    ("GNU GENERAL PUBLIC LICENSE Version 2", "GPL-2.0-or-later"),
    ("Creative Commons Legal Code CC0 1.0 Universal", "CC0-1.0"),
    ("This is free and unencumbered software released into the public domain", "Unlicense"),
    ("Permission to use, copy, modify, and/or distribute this software for any", "ISC"),
    ("Permission to use, copy, modify, and distribute this software for any", "ISC"),
    ("Neither the name of", "BSD-3-Clause"),
    ("may be used to endorse or promote products", "BSD-3-Clause"),
    ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
)
# What authors write, and the ends of Python's classifiers, in lower case with single spaces.
SAID = {
    "mit": "MIT", "expat": "MIT", "apache": "Apache-2.0", "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0", "apache software": "Apache-2.0", "apache-2": "Apache-2.0",
    "asl 2.0": "Apache-2.0", "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "bsd-3": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause", "simplified bsd": "BSD-2-Clause", "isc (iscl)": "ISC",
    "mozilla public 2.0 (mpl 2.0)": "MPL-2.0", "mpl 2.0": "MPL-2.0", "mpl2": "MPL-2.0",
    "gplv2": "GPL-2.0-only", "gplv2+": "GPL-2.0-or-later", "gpl v2": "GPL-2.0-only",
    "gplv3": "GPL-3.0-only", "gplv3+": "GPL-3.0-or-later", "gpl v3": "GPL-3.0-only",
    "gpl-2": "GPL-2.0-only", "gpl-2+": "GPL-2.0-or-later", "gpl-3": "GPL-3.0-only",
    "gpl-3+": "GPL-3.0-or-later", "gnu gpl v3": "GPL-3.0-only", "agplv3": "AGPL-3.0-only",
    "agplv3+": "AGPL-3.0-or-later", "lgplv3": "LGPL-3.0-only", "lgplv3+": "LGPL-3.0-or-later",
    "gnu general public v2 (gplv2)": "GPL-2.0-only",
    "gnu general public v2 or later (gplv2+)": "GPL-2.0-or-later",
    "gnu general public v3 (gplv3)": "GPL-3.0-only",
    "gnu general public v3 or later (gplv3+)": "GPL-3.0-or-later",
    "gnu affero general public v3": "AGPL-3.0-only",
    "gnu affero general public v3 or later (agplv3+)": "AGPL-3.0-or-later",
    "gnu lesser general public v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "gnu lesser general public v3 (lgplv3)": "LGPL-3.0-only",
    "gnu lesser general public v3 or later (lgplv3+)": "LGPL-3.0-or-later",
    "unlicense": "Unlicense", "the unlicense (unlicense)": "Unlicense",
}  # fmt: skip

LOOSELY = {"bsd": "BSD-3-Clause"}
"""What says too little: the licence file's words come first."""


def spdx_of(said: str) -> str:
    """The SPDX expression that an author's words are, as `MIT OR Apache-2.0`; empty for none."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    text = " ".join(said.split())
    # Cargo once took a slash for "or", and npm still takes brackets around the whole.
    for form in (text, text.replace("/", " OR ")):
        try:
            return OLD.sub(_now, canonicalize_license_expression(form))
        except InvalidLicenseExpression:
            continue
    return SAID.get(_words(text), "")


def spdx_nearly(said: str) -> str:
    """What the author most likely meant, where nothing else says more."""
    return LOOSELY.get(_words(said), "")


def _words(said: str) -> str:
    words = re.sub(r"\b(?:the|licen[sc]e[d]?|version)\b", " ", said.lower().rpartition(" :: ")[2])
    return " ".join(words.replace(",", " ").split())


def spdx_in(text: str) -> str:
    """The licence whose words `text` has, as a licence file does; empty for none that is known."""
    flat = " ".join(text.split()).lower()
    return next((spdx for phrase, spdx in PHRASES if phrase.lower() in flat), "")


def _now(match: re.Match[str]) -> str:
    if match.string[match.end() :].startswith("-"):
        return match[0]
    return f"{match[1]}{'-or-later' if match[2] else '-only'}"
