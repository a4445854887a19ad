"""Providers: finding them, and what any of them may be given."""

from pathlib import Path

import pytest

from debwright.ci.context import context_of
from debwright.ci.provider import append_summary, provider_named, providers, write_outputs
from debwright.config import load
from debwright.model.errors import UsageError


def test_github_is_found_by_itself() -> None:
    found = providers()
    assert found["github"].title == "GitHub"
    assert all(name == provider.name for name, provider in found.items())


def test_a_provider_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text('[workflows]\nprovider = "no-such-service"\n')
    _, context = context_of(load(tmp_path))
    with pytest.raises(UsageError) as caught:
        provider_named(context.settings.provider)
    said = caught.value.render()
    assert "no-such-service" in said
    assert "known are: github, gitlab" in said


def test_outputs_are_for_the_service_that_runs_the_step(tmp_path: Path) -> None:
    environ = {
        "GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip
    write_outputs({"matrix": "[]"}, {})
    append_summary("# Hello\n", {})
    assert list(tmp_path.iterdir()) == []
    write_outputs({"matrix": "[]"}, environ)
    write_outputs({"path": "a b"}, environ)
    append_summary("# Hello\n", environ)
    assert (tmp_path / "out").read_text() == "matrix=[]\npath=a b\n"
    assert (tmp_path / "summary").read_text() == "# Hello\n"
