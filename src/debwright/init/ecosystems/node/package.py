"""What package.json says of the project."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debwright.init.licences import Licence, find_licence
from debwright.init.model import PROGRAM, Person, one_line

PERSON = re.compile(r"\s*([^<>()]+?)\s*(?:<\s*([^<>\s]+@[^<>\s]+)\s*>)?\s*(?:\([^)]*\))?\s*")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&*+,;=%-]+")
VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def debian_version(package: Mapping[str, Any], notes: list[str]) -> str:
    """The version as Debian's upstream version: 1.0.0-rc.1 sorts below 1.0.0, as `~` does
    (policy 5.6.12)."""
    match = VERSION.fullmatch(str(package.get("version", "")))
    if match is None:
        notes.append("package.json has no version: debian/changelog begins with 0.1.0; correct it")
        return "0.1.0"
    early = f"~{match[2].replace('-', '.')}" if match[2] else ""
    return match[1] + early


def names_of(package: Mapping[str, Any], *kinds: str) -> list[str]:
    """The names in `dependencies` and the like."""
    found: dict[str, None] = {}
    for kind in kinds:
        said = package.get(kind)
        found |= dict.fromkeys(map(str, said)) if isinstance(said, Mapping) else {}
    return list(found)


def programs(package: Mapping[str, Any]) -> dict[str, str]:
    """Commands, and the file of each from the top of the project."""
    said = package.get("bin")
    if isinstance(said, str):
        said = {str(package.get("name", "")).rpartition("/")[2]: said}
    pairs = said.items() if isinstance(said, Mapping) else ()
    return {
        name: os.path.normpath(file)
        for name, file in pairs
        if isinstance(file, str) and PROGRAM.fullmatch(name) and not _leads_out(file)
    }


def _leads_out(file: str) -> bool:
    return file.startswith("/") or os.path.normpath(file).startswith("..")


def author(package: Mapping[str, Any]) -> Person | None:
    """The first of author, maintainers and contributors that has an address."""
    said: list[Any] = [package.get("author")]
    for kind in ("maintainers", "contributors"):
        more = package.get(kind)
        said += more if isinstance(more, list) else []
    people = [_person(one) for one in said]
    people.append((os.environ.get("DEBFULLNAME", ""), os.environ.get("DEBEMAIL", "")))
    for name, email in people:
        # RFC 822 gives these characters a meaning in a Maintainer field.
        clean = re.sub(r'[<>()",;:\\@\[\]$]', "", one_line(name)).strip()
        if clean and EMAIL.fullmatch(email):
            return Person(name=clean, email=email)
    return None


def _person(said: object) -> tuple[str, str]:
    if isinstance(said, Mapping):
        return str(said.get("name", "")), str(said.get("email", ""))
    match = PERSON.fullmatch(one_line(said))
    return (match[1], match[2] or "") if match else ("", "")


def homepage(package: Mapping[str, Any]) -> str | None:
    repository = package.get("repository")
    if isinstance(repository, Mapping):
        repository = repository.get("url")
    for url in (package.get("homepage"), repository):
        text = re.sub(r"^git\+|\.git$", "", url) if isinstance(url, str) else ""
        if URL.fullmatch(text):
            return text
    return None


def licence(directory: Path, package: Mapping[str, Any]) -> Licence:
    said = package.get("license")
    if isinstance(said, Mapping):
        said = said.get("type")
    return find_licence(directory, said if isinstance(said, str) else "")
