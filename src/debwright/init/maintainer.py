"""Who maintains the package: the field that Debian needs and many projects do not have."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from debwright.host.git import git
from debwright.init.model import Answers, Person, Project, Question, one_line
from debwright.model.errors import DebwrightError

MAX_ADDRESS = 254
LOCAL = r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"{LOCAL}@{LABEL}(?:\.{LABEL})+")
"""An address that lintian takes: with a domain of at least two labels (RFC 1035 2.3.1)."""


def person(name: object, email: object) -> Person | None:
    """The two as a Maintainer field can hold them (policy 5.6.2), or None."""
    # RFC 5322 gives these characters a meaning in an address.
    clean = re.sub(r'[<>()",;:\\@\[\]$]', "", one_line(name)).strip()
    address = one_line(email)
    # Whoever builds in a container is called root there, and lintian takes no such contact.
    if "root" in (clean, address.partition("@")[0]) or len(address) > MAX_ADDRESS:
        return None
    return Person(name=clean, email=address) if clean and EMAIL.fullmatch(address) else None


def with_maintainer(
    project: Project, directory: Path, answers: Answers, environ: Mapping[str, str] = os.environ
) -> Project:
    """The project with its author, or whoever works on it: DEBFULLNAME and DEBEMAIL as dch(1) has
    them, else the user of git. Where nobody is found there is a question."""
    found = project.author or person(environ.get("DEBFULLNAME"), environ.get("DEBEMAIL"))
    found = found or person(_git(directory, "user.name"), _git(directory, "user.email"))
    if found is not None:
        return replace(project, author=found)
    question = Question(
        name="maintainer",
        text="Who maintains the package?",
        default=f"{project.package} maintainers <{project.package}@example.org>",
        pattern=rf"[^<>()\",;:\\@\[\]$]+ <{EMAIL.pattern}>",
        form="NAME <ADDRESS>, as Ada Lovelace <ada@example.org>",
    )
    name, _, email = question.answered(answers).rpartition(" <")
    author = Person(name=name.strip(), email=email.rstrip(">"))
    return replace(project, author=author, questions=(*project.questions, question))


def _git(directory: Path, key: str) -> str:
    """What git knows of its user; empty where it does not, or is not there."""
    try:
        return git(directory, "config", "--get", key).output.strip()
    except DebwrightError:
        return ""
