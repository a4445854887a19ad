"""Answers to debconf's questions, typed from the templates, and those that are missing."""

from pathlib import Path

import pytest
from tests.kit.debs import build

from debwright.checks.engine.debconf import DebconfError, explained, selections, unanswered
from debwright.config import Config
from debwright.model.codes import ERROR
from debwright.model.results import Finding
from debwright.packages.debs import Deb, read_deb

TEMPLATES = """\
Template: demo/pw
Type: password
Description: Password of the admin?

Template: demo/public
Type: boolean
Default: false
Description: Open to all?

Template: demo/port
Type: string
Description: Port?

Template: demo/bye
Type: note
Description: Bye
"""
SCRIPT = """\
#!/bin/sh
. /usr/share/debconf/confmodule
db_input critical demo/pw || true
db_input high "demo/public" || true
db_input low demo/port || true
db_input high demo/bye || true
db_input high "$other" || true
"""


@pytest.fixture
def demo(tmp_path: Path) -> Deb:
    files = {"DEBIAN/templates": TEMPLATES, "DEBIAN/config": SCRIPT}
    return read_deb(build(tmp_path, files))


def config(**install: object) -> Config:
    return Config.model_validate({"install": install})


def test_the_type_is_the_templates(demo: Deb) -> None:
    said = config(debconf={"demo/pw": "a b", "demo/public": True, "demo/port": 80})
    assert selections(said, [demo], Path()).splitlines() == [
        "demo demo/pw password a b", "demo demo/public boolean true", "demo demo/port string 80",
    ]  # fmt: skip
    assert selections(Config(), [demo], Path()) == ""


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("demo/pwd", "x", "none of the packages asks"),
        ("demo/public", "maybe", "not one of a boolean"),
        ("demo/bye", "x", "not one of a note"),
    ],
)
def test_what_is_no_answer_is_refused(demo: Deb, name: str, value: str, says: str) -> None:
    with pytest.raises(DebconfError, match=says):
        selections(config(debconf={name: value}), [demo], Path())


def test_a_file_has_further_answers(demo: Deb, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("other other/x string y\n")
    said = config(debconf={"demo/pw": "x"}, preseed="answers")
    assert selections(said, [demo], tmp_path).endswith("x\nother other/x string y\n")
    with pytest.raises(DebconfError, match="cannot be read"):
        selections(config(preseed="nowhere"), [demo], tmp_path)


def test_what_a_person_would_have_been_asked_is_named(demo: Deb) -> None:
    asked = unanswered(Config(), [demo], Path())
    assert [(a.question.name, a.priority, a.script) for a in asked] == [
        ("demo/pw", "critical", "config")
    ]
    finding = explained(Finding(severity=ERROR, code="install/x", message="failed"), asked)
    assert "demo/pw has no default and no answer" in finding.message
    assert 'debconf."demo/pw" = "..."' in (finding.fix or "")
    assert unanswered(config(debconf={"demo/pw": "x"}), [demo], Path()) == []
    assert explained(finding, []) == finding
