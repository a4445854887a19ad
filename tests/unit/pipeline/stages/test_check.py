"""The check stage: what has the checks made again."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.stages import Heard, job, passing_through, plan

from debwright.checks.engine import policy
from debwright.checks.engine.base import SHARED
from debwright.config import Config, LoadedConfig
from debwright.model.results import (
    CheckResult,
    Status,
)
from debwright.pipeline.stages.base import Job, perform
from debwright.pipeline.stages.check import AROUND, CheckStage
from debwright.roots.cache import Cache
from debwright.roots.layers import Roots


def test_a_root_that_the_checks_made_is_no_reason_to_do_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run on a machine has no root of a target that was cross-compiled."""
    subject = job(tmp_path, place=tmp_path / "dist/1.0-1")
    roots: list[SimpleNamespace] = []
    monkeypatch.setattr(
        "debwright.roots.store.LayerStore.find",
        lambda *_: (roots[0] if roots else None, "not made yet"),
    )

    def checks(*_: object) -> list[CheckResult]:
        roots.append(SimpleNamespace(id="made meanwhile"))
        return [CheckResult(name="install", status=Status.PASSED)]

    monkeypatch.setattr("debwright.checks.run.run_checks", checks)
    (target,) = subject.plan.targets
    directory = subject.directory(target)
    directory.mkdir(parents=True)
    for expected in (Status.PASSED, Status.CACHED):
        assert perform(CheckStage(), passing_through(subject))[0].status is expected


def checked(subject: Job, monkeypatch: pytest.MonkeyPatch) -> Status:
    """Of the check stage, with checks that always pass."""
    monkeypatch.setattr(
        "debwright.checks.run.run_checks",
        lambda *_: [CheckResult(name="install", status=Status.PASSED)],
    )
    (target,) = subject.plan.targets
    subject.directory(target).mkdir(parents=True, exist_ok=True)
    return perform(CheckStage(), passing_through(subject))[0].status


@pytest.mark.parametrize(
    "change",
    [
        {"smoke": ["demo --version"]},
        {"minimum": {"smoke": ["demo --version"]}},
        {"limits": {"deb_mb": 1}},
        {"hardening": {"pie": "warn"}},
        {"environments": {"install_on": ["trixie-amd64"]}},
    ],
)
def test_what_the_checks_are_told_otherwise_has_them_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    def of(values: dict[str, Any]) -> Status:
        config = Config.model_validate({"targets": {"build": ["bookworm-amd64"]}, **values})
        loaded = LoadedConfig(config=config, start=tmp_path)
        made = plan(tmp_path, loaded=loaded)
        subject = Job(made, tmp_path / "dist", Roots(Cache(tmp_path), config), Heard(),
                      place=tmp_path / "dist/1.0-1")  # fmt: skip
        return checked(subject, monkeypatch)

    assert of({}) is Status.PASSED
    others = {
        "cache": {"max_gb": 5},
        "equivalence": {"tolerance": 0.1},
        "metrics": {"enabled": False},
    }
    assert of({"signing": {"key": "A" * 40}, **others}) is Status.CACHED
    assert of(change) is Status.PASSED
    assert of(change) is Status.CACHED


def test_every_table_counts_for_the_checks_or_is_known_not_to() -> None:
    """A new one would else be changed without anything being checked again."""
    others = {
        "package", "targets", "companions", "resources", "signing", "repository",
        "release", "notify", "roots", "cache", "build", "wheelhouse",
    }  # fmt: skip
    assert set(Config.model_fields) == AROUND | SHARED | set(policy.SETTINGS) | others


def test_what_an_ordinary_user_could_not_check_root_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = job(tmp_path, place=tmp_path / "dist/1.0-1")
    for root, expected in (
        (False, Status.PASSED), (False, Status.CACHED), (True, Status.PASSED), (True, Status.CACHED)
    ):  # fmt: skip
        monkeypatch.setattr("debwright.systems.nspawn.is_root", lambda root=root: root)
        assert checked(subject, monkeypatch) is expected
