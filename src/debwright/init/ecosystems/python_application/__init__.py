"""Python applications that are no package: run from their own tree, below /usr/lib."""

from pathlib import Path

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.python.kind import (
    DEPLOYED,
    PROGRAMS,
    has_manage,
    is_application,
)
from debwright.init.ecosystems.python_application.assembly import assemble
from debwright.init.model import Answers, Project


class PythonApplication(Ecosystem):
    """Flask, FastAPI, Django or a script, with requirements.txt or a pyproject.toml."""

    name = "python-application"
    title = "Python application"
    recognised_by = "requirements.txt, Procfile, manage.py or main.py"

    def confidence(self, directory: Path) -> Confidence:
        if not is_application(directory):
            return Confidence.NONE
        if (directory / "pyproject.toml").is_file() or has_manage(directory):
            return Confidence.CERTAIN
        named = any((directory / f).exists() for f in (*PROGRAMS, *DEPLOYED))
        python = any(directory.glob("*.py")) or any(directory.glob("*/*.py"))
        return Confidence.LIKELY if named and python else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:
        return assemble(directory, answers)


ECOSYSTEM = PythonApplication()
