"""The rules on the kept logs: those that rules were written with, and those that must say nothing.

What is held out is measured by bench/diagnose.py and tested nowhere, so that no rule grows on it.
"""

import json
from pathlib import Path

import pytest
from tests.corpus.cases import Case, everything

from debwright.observe.diagnose.diagnose import diagnose_file

CORPUS = Path(__file__).parents[3] / "corpus"
CASES = [c for c in everything() if not c.held_out]
MANIFEST = json.loads((CORPUS / "manifest.json").read_text())


def log_of(name: str) -> Path:
    return CORPUS / "logs" / f"{name}.log.xz"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_root_cause_is_named_first(case: Case) -> None:
    found = diagnose_file(log_of(case.name))
    assert (found.root.code if found.root else 0) == case.code, found.problems


def test_the_manifest_says_how_each_log_was_made() -> None:
    logs = {p.name.removesuffix(".log.xz") for p in (CORPUS / "logs").iterdir()}
    assert set(MANIFEST) == logs
    for case in everything():
        if (made := MANIFEST.get(case.name)) is not None:
            assert made["code"] == case.code
            assert made["script"] == case.script
            assert made["held_out"] == case.held_out
    assert len([m for m in MANIFEST.values() if not m["succeeds"]]) >= 80


def test_prose_and_code_say_nothing() -> None:
    top = CORPUS.parents[1]
    texts = [*top.glob("docs/*.md"), *top.glob("src/debwright/*.py"), top / "LICENSE"]
    assert len(texts) > 20
    wrong = {p.name: f.problems[0].evidence for p in texts if (f := diagnose_file(p)).problems}
    assert not wrong
