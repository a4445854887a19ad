"""lintian's errors and warnings on a Description, a contact and debian/copyright, for unit tests.

Restated from lintian 2.116.3: lib/Lintian/Check/Fields/Description.pm, Fields/MailAddress.pm,
Debian/Copyright.pm and Debian/Copyright/Dep5.pm. What is only information there is left out.
tests/integration/init holds the same projects against lintian itself.
"""

import re
from collections.abc import Iterator

from debian.deb822 import Deb822

WIDTH = 80


def description_tags(package: str, description: str) -> Iterator[str]:
    """The tags on the field of a binary package, in which variables have been substituted."""
    synopsis, _, extended = description.partition("\n")
    yield from _synopsis_tags(package, synopsis)
    lines = extended.split("\n") if extended else []
    if not lines:
        yield "extended-description-is-empty"
    elif re.search(r"\A \.\s*\n|\n \.\s*\n \.\s*\n|\n \.\s*\n?\Z", extended):
        yield "extended-description-contains-empty-paragraph"
    first = next((line for line in lines if not re.match(r" \.\s*$", line)), "")
    if lines and lines[0] == first and _letters(first) == _letters(synopsis):
        yield "description-synopsis-is-duplicated"
    if lines and re.match(r" \s", lines[0]):
        yield "description-starts-with-leading-spaces"
    if sum(re.match(r" [-*]", line) is not None for line in lines) > 2:
        yield "possible-unindented-list-in-extended-description"
    for line in lines:
        if re.match(r" \.\s*$", line):
            continue
        if re.match(r" \.\s*\S| \s+\.\s*$", line):
            yield "description-contains-invalid-control-statement"
        if "\t" in line:
            yield "description-contains-tabs"
        if re.match(r"(?i)\s*Homepage: <?https?://", line):
            yield "description-contains-homepage"
        if len(line) > WIDTH:
            yield "extended-description-line-too-long"


def _synopsis_tags(package: str, synopsis: str) -> Iterator[str]:
    if not synopsis.strip():
        yield "description-synopsis-is-empty"
        return
    if re.match(rf"(?i){re.escape(package)}\b", synopsis):
        yield "description-starts-with-package-name"
    if re.match(r"(?i)(an?|the)\s", synopsis):
        yield "description-synopsis-starts-with-article"
    if "\t" in synopsis:
        yield "description-contains-tabs"
    if re.match(r"(?i)missing\s*$", synopsis) or "<insert up to 60 chars" in synopsis:
        yield "description-is-dh_make-template"
    if not re.search(r"\s", synopsis):
        yield "description-too-short"
    spaced = re.sub(r"\s+", " ", re.sub(r"[-_/\\]", " ", synopsis.lower()))
    if spaced == re.sub(r"[-_]", " ", package.lower()):
        yield "description-is-pkg-name"
    if len(synopsis) > WIDTH:
        yield "synopsis-too-long"


def _letters(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "", text.lower())


def contact_tags(contact: str) -> Iterator[str]:
    """The tags on a Maintainer field."""
    match = re.fullmatch(r"([^<>@,]*) <([^<>@\s]+)@([^<>@\s]+)>", contact)
    if match is None:
        yield "malformed-contact"
        return
    phrase, user, host = match.groups()
    if not phrase.strip():
        yield "no-phrase"
    if "root" in (phrase, user):
        yield "root-in-contact"
    labels = host.split(".")
    fine = all(re.fullmatch(r"(?i)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", x) for x in labels)
    if len(labels) < 2 or not fine or len(host) > 255:
        yield "bogus-mail-host"
    if "@lists.ubuntu.com" in contact:
        yield "mail-address-loops-or-bounces"


def copyright_tags(text: str) -> Iterator[str]:
    """The tags on debian/copyright."""
    sections = list(Deb822.iter_paragraphs(text, use_apt_pkg=False))
    if not sections or "Format" not in sections[0]:
        yield "missing-field-in-dep5-copyright"
    alone: list[str] = []
    used: set[str] = set()
    for section in sections:
        if "Files" in section and not section.get("Copyright", "").strip():
            yield "missing-field-in-dep5-copyright"
        if "License" not in section:
            continue
        short, _, body = section["License"].partition("\n")
        if "\t" in section["License"]:
            yield "tab-in-license-text"
        names = _names(short)
        used |= set(names) if "Files" in section else set()
        yield from (tag for name in names or [""] for tag in _name_tags(name))
        if "Files" not in section:
            alone.append(" ".join(re.sub(r"[(),]", " ", short.lower()).split()))
            if not body.strip():
                yield "missing-license-text-in-dep5-copyright"
            if short.lower().startswith("cc-") and body.count("\n") < 20:
                yield "incomplete-creative-commons-license"
    if len(alone) != len(set(alone)):
        yield "dep5-copyright-license-name-not-unique"
    if used - set(alone):
        yield "missing-license-paragraph-in-dep5-copyright"
    yield from _text_tags(text)


def _names(short: str) -> list[str]:
    plain = " ".join(re.sub(r"[(),]", " ", short.lower()).split())
    return [name for name in re.split(r"\s+(?:and|or)\s+", plain) if name]


def _name_tags(name: str) -> Iterator[str]:
    if not name:
        yield "empty-short-license-in-dep5-copyright"
    exception = re.search(r"[^ ]+\s+with\s+(.*)", name)
    if exception and not re.search(r"[^ ]+\s+exception", exception[1]):
        yield "bad-exception-format-in-dep5-copyright"
    if " " in name and not exception:
        yield "space-in-std-shortname-in-dep5-copyright"
    if re.search(r"^(?:agpl|gpl|lgpl)[^-]?\d(?:\.\d)?\+?$", name) or re.search(
        r"^bsd(?:[^-]?[234][^-]?(?:clause|cluase))?$", name
    ):
        yield "invalid-short-name-in-dep5-copyright"
    if name == "-" or re.search(r"\b(?:fixmes?|todos?|undefined?|unknown?|unspecified)\b", name):
        yield "license-problem-undefined-license"


def _text_tags(text: str) -> Iterator[str]:
    if len(text) > 12000 and re.search(
        r"\bGNU GENERAL PUBLIC LICENSE\s*TERMS AND CONDITIONS FOR COPYING,\s*DISTRIBUTION AND"
        r"|\bGNU GENERAL PUBLIC LICENSE\s*Version 3", text,
    ):  # fmt: skip
        yield "copyright-file-contains-full-gpl-license"
    if len(text) > 10000 and "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text:
        yield "copyright-file-contains-full-apache-2-license"
    if "usr/share/common-licenses" not in text and "AFFERO GENERAL PUBLIC LICENSE" not in text:
        if re.search(r"GNU (?:Lesser |Library )?General Public License", text, re.I):
            yield "copyright-not-using-common-license-for-gpl"
        if re.search(r"(?i)\bApache License\s*,?\s*Version 2|\bApache-2", text):
            yield "copyright-not-using-common-license-for-apache2"
    if not re.search(r"(?i)copyright|\u00a9", text.partition("Copyright:")[2] + "Copyright:"):
        yield "copyright-without-copyright-notice"
