"""Records that go from machine to machine by a branch, with the real git."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit.records import run

from debwright.model.errors import DebwrightError
from debwright.observe.metrics.branch import sync
from debwright.observe.metrics.exchange import export
from debwright.observe.metrics.model import dump
from debwright.observe.metrics.store import Store


def git(directory: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(directory), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run([*argv, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def machines(tmp_path: Path) -> list[Path]:
    """Three clones of one repository."""
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "hub.git")], check=True)
    first = tmp_path / "m0"
    git(tmp_path, "clone", "-q", str(tmp_path / "hub.git"), str(first))
    (first / "f").write_text("work")
    git(first, "add", "f")
    git(first, "commit", "-qm", "one")
    git(first, "push", "-q", "origin", "HEAD:refs/heads/main")
    for number in (1, 2):
        git(tmp_path, "clone", "-q", "-b", "main", str(tmp_path / "hub.git"),
            str(tmp_path / f"m{number}"))  # fmt: skip
    return [tmp_path / f"m{n}" for n in range(3)]


def test_everybody_ends_up_with_everything(machines: list[Path]) -> None:
    def work(number: int) -> None:
        with Store.open(machines[number] / "dist/runs.sqlite") as store:
            store.put([run(n, package=f"machine{number}") for n in range(number, 30, 3)])
            sync(store, machines[number], "origin", "metrics")

    # At the same time: who comes second tries again.
    with ThreadPoolExecutor() as pool:
        list(pool.map(work, range(3)))
    texts = set()
    for machine in machines:
        with Store.open(machine / "dist/runs.sqlite") as store:
            done = sync(store, machine, "origin", "metrics")
            assert done.commit is None, "the branch has all of it"
            texts.add(export(store, None)[0])
        assert git(machine, "status", "--porcelain") == "?? dist/"
    assert len(texts) == 1
    assert texts.pop().count("\n") == 30
    hub = machines[0].parent / "hub.git"
    assert git(hub, "ls-tree", "--name-only", "metrics") == "2026-03.jsonl"


def test_the_command(machines: list[Path]) -> None:
    with Store.open(machines[0] / "dist/metrics/runs.sqlite") as store:
        store.put([run(1)])
    debwright = Debwright(machines[0])
    assert "pushed" in debwright("metrics", "sync").output
    assert "the branch has all of it" in debwright("metrics", "sync").output
    other = Debwright(machines[1])
    assert "1 new" in other("metrics", "sync").output
    assert "run:000001" in other("metrics", "list").output
    assert other("metrics", "sync", "--remote", "nowhere").code == 1
    assert other("metrics", "sync", "--branch", "a..b").code == 1
    assert other("metrics", "sync", "--remote=--upload-pack=touch x").code == 2


def test_what_others_wrote_on_the_branch_is_only_data(machines: list[Path]) -> None:
    first = machines[0]
    git(first, "checkout", "-q", "--orphan", "metrics")
    (first / "2026-03.jsonl").write_text(dump(run(7)) + "\nno record\n")
    (first / "link.jsonl").symlink_to("/etc/passwd")
    (first / "script.sh").write_text("exit 1")
    git(first, "add", "-A")
    git(first, "commit", "-qm", "mine")
    git(first, "push", "-q", "origin", "metrics")
    with Store.open(machines[1] / "dist/runs.sqlite") as store:
        done = sync(store, machines[1], "origin", "metrics")
        assert done.report.merged.new == 1
        assert done.report.refused_lines == 1
        with pytest.raises(DebwrightError):
            sync(store, machines[1], "origin", "bad branch")
