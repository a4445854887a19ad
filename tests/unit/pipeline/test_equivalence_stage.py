"""Where the stage `equivalence` asks its questions."""

from types import SimpleNamespace
from typing import Any

import pytest

from debwright.checks.twice import compared
from debwright.checks.twice.sides import Side
from debwright.config import Config
from debwright.model.results import Severity
from debwright.model.targets import Target
from debwright.pipeline.stages.equivalence import _with_reference
from debwright.systems.base import System
from debwright.systems.container import ContainerSystem
from debwright.systems.container.engine import DOCKER


def context(arch: str, **config: Any) -> Any:
    return SimpleNamespace(
        target=Target("bookworm", arch), debs=(), emulated=False,
        config=Config.model_validate(config),
    )  # fmt: skip


def test_the_questions_are_asked_on_the_system_that_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`check --equivalence --sandbox docker` asked them under nspawn."""
    used: list[object] = []
    for name in ("compare_files", "compare_floor", "compare_imports"):
        monkeypatch.setattr(compared, name, lambda *_: None)
    monkeypatch.setattr(compared, "compare_answers", lambda *given: used.append(given[-1]))
    wanted = ContainerSystem(DOCKER)
    job: Any = SimpleNamespace(environment=wanted)
    mine = Side(name="one", target=Target("bookworm", "arm64"), debs=())
    _with_reference(job, compared.Comparison(), mine, context("arm64"), context("amd64"))
    assert used == [wanted]


def test_a_machine_of_one_suite_cannot_be_asked_for_two_targets() -> None:
    class Machine(System):
        kind = "ssh"
        any_target = False

        def prepare(self, *_: object) -> Any:
            raise AssertionError("nothing is opened here")

        def __str__(self) -> str:
            return "ssh://pi"

    found = compared.Comparison()
    questions = {"equivalence": {"questions": [{"name": "which", "command": "x"}]}}
    asked, machine = context("amd64", **questions), Machine()
    sides: Any = None
    compared.compare_answers(found, sides, asked, asked, machine)
    (finding,) = found.findings
    assert finding.severity is Severity.WARNING
    assert "answers were not compared: ssh://pi is a machine of one suite" in finding.message
