"""The bench against the release before: what a loss is, and where that release comes from."""

import dataclasses
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kit import TOP

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOP / "bench"))
    module = importlib.import_module("compare")
    yield module
    for name in ("compare", "startup"):
        sys.modules.pop(name, None)


def measured(bench: ModuleType, **changes: float) -> Any:
    fields = {f.name: 1.0 for f in dataclasses.fields(bench.Measured)}
    return bench.Measured(**{**fields, **changes})


def test_five_percent_are_kept_and_more_is_a_loss(bench: ModuleType) -> None:
    one = measured(bench)
    rows = {r.name: r for r in bench.compared([(one, measured(bench, memory=1.05))] * 3)}
    assert all(row.kept for row in rows.values())
    rows = {r.name: r for r in bench.compared([(one, measured(bench, import_cpu=1.06))] * 3)}
    assert [name for name, row in rows.items() if not row.kept] == ["import, processor s"]
    assert "1.060 **loss**" in bench.table(list(rows.values()))


def test_one_bad_round_is_no_loss_and_the_clock_is_never_one(bench: ModuleType) -> None:
    one = measured(bench)
    rounds = [(one, one), (one, measured(bench, start_cpu=9.0)), (one, one)]
    rounds = [(b, dataclasses.replace(a, start_clock=7.0)) for b, a in rounds]
    rows = {r.name: r for r in bench.compared(rounds)}
    assert all(row.kept for row in rows.values())
    assert rows["start, clock s"].ratio == 7.0


def test_rounds_are_compared_with_themselves(bench: ModuleType) -> None:
    """A machine that gets slower in the middle changes both sides of a round."""
    rounds = [(measured(bench, import_cpu=t), measured(bench, import_cpu=t)) for t in (1, 2, 4)]
    (row,) = (r for r in bench.compared(rounds) if r.name == "import, processor s")
    assert row.ratio == 1.0
    assert row.noise == 1.5


def git(directory: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", "-C", str(directory), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@needs_git
def test_the_source_of_a_release_is_taken_out_of_git(bench: ModuleType, tmp_path: Path) -> None:
    top = tmp_path / "repository/services/local-rag"
    (top / "src/local_rag").mkdir(parents=True)
    module = top / "src/local_rag/__init__.py"
    module.write_text("old\n")
    git(tmp_path, "init", "-q", "repository")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "old")
    revision = git(top, "rev-parse", "HEAD")
    module.write_text("new\n")
    (tmp_path / "work").mkdir()
    source = bench.source_of(revision, tmp_path / "work", top)
    assert (source / "local_rag/__init__.py").read_text() == "old\n"
    assert bench.source_of(str(top), tmp_path / "work", top) == top / "src"
    with pytest.raises(bench.Missing, match="unshallow"):
        bench.source_of("0" * 40, tmp_path / "work", top)


@needs_git
def test_the_baseline_is_in_the_history(bench: ModuleType) -> None:
    known = bench.baseline()
    shallow = subprocess.run(
        ["git", "-C", str(TOP), "rev-parse", "--is-shallow-repository"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if shallow.stdout.strip() != "false":
        pytest.skip("no git history here, or not all of it")
    assert git(TOP, "cat-file", "-t", known["commit"]) == "commit"
    text = git(TOP, "show", f"{known['commit']}:./src/local_rag/__init__.py")
    assert f'__version__ = "{known["version"]}"' in text


def test_a_run_that_is_kept_is_on_the_page(bench: ModuleType, tmp_path: Path) -> None:
    page, kept = tmp_path / "page.md", tmp_path / "compared.json"
    page.write_text(f"before\n{bench.BEGIN}\nold\n{bench.END}\nafter\n")
    one = measured(bench)
    record = {
        "version": "1", "commit": "a" * 40, "rounds": 3, "date": "2026-11-30", "machine": "m",
        "rows": [dataclasses.asdict(r) for r in bench.compared([(one, one)])],
    }  # fmt: skip
    bench.write(record, page, kept)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert bench.section(json.loads(kept.read_text())) in text


def test_the_page_has_what_was_kept(bench: ModuleType) -> None:
    text = (TOP / "docs/benchmarks.md").read_text(encoding="utf-8")
    if bench.COMPARED.exists():
        assert bench.section(json.loads(bench.COMPARED.read_text())) in text
    else:
        assert f"{bench.BEGIN}\nNot measured yet.\n{bench.END}" in text
