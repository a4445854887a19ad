"""What an application says of itself: name, version, description, author, licence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from debwright.init.ecosystems.python.modules import Module, assignments, literal
from debwright.init.ecosystems.python.pyproject import read_about
from debwright.init.ecosystems.python.tables import text_of
from debwright.init.ecosystems.python.versions import FIRST, Told, debian_version, newest_tag
from debwright.init.facts import readme_sentence
from debwright.init.licences import Licence, find_licence
from debwright.init.model import Person, project_name
from debwright.init.naming import directory_name

PLACEHOLDERS = frozenset({"add your description here", "todo", "description"})
"""What tools write where a person should."""


@dataclass(frozen=True, kw_only=True)
class About:
    name: str
    version: str
    """As the project has it; empty where it has none."""
    description: str = ""
    homepage: str | None = None
    author: Person | None = None
    licence: Licence
    requirements: tuple[str, ...] = ()
    """Those of pyproject.toml."""
    requires_python: str = ""
    notes: tuple[str, ...] = ()


def about(directory: Path, modules: Sequence[Module]) -> tuple[About, Told]:
    """From pyproject.toml, where there is one; else from the directory's name and the source."""
    if (directory / "pyproject.toml").is_file():
        found = About(**read_about(directory))
    else:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", directory_name(directory)).strip("-._")
        found = About(
            name=project_name(name or None, "the directory"), version="",
            licence=find_licence(directory),
        )  # fmt: skip
    if found.description.lower().rstrip(". ") in PLACEHOLDERS:
        found = replace(found, description="")
    described = replace(found, description=found.description or readme_sentence(directory))
    return described, _told(found, directory, modules)


def _told(found: About, directory: Path, modules: Sequence[Module]) -> Told:
    for text in (found.version, *_said(directory, modules)):
        try:
            return Told(upstream=debian_version(Version(text)))
        except InvalidVersion:
            continue
    tagged = newest_tag(directory, found.name)
    if tagged.upstream != FIRST or tagged.source == "git":
        return tagged
    note = f"no version was found: debian/changelog begins with {FIRST}; correct it"
    return Told(upstream=FIRST, notes=(note,))


def _said(directory: Path, modules: Sequence[Module]) -> Iterator[str]:
    """Versions in the source, and in a file for it."""
    for module in sorted(modules, key=lambda m: m.name.count(".")):
        for name, value in assignments(module.tree.body):
            text = literal(value) if name in ("__version__", "VERSION") else None
            if isinstance(text, str):
                yield text
    for file in ("VERSION", "VERSION.txt", "version.txt"):
        yield text_of(directory, file).strip()[:60]
