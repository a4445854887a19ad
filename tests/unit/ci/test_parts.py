"""The commands that workflows call: room, what is installed, artifacts, validation, keys."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.kit.commands import invoke

from debwright.cli.common import Options
from debwright.cli.validate import validate
from debwright.github.storage import Run, Stored, superseded
from debwright.host import disk
from debwright.model.errors import MissingError, UsageError
from debwright.model.manifest import Manifest
from debwright.roots.pack import key_of, layers_for, prefix_of


def test_no_room_is_said_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.require_room([tmp_path], least=1)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 3 * 1024**2)
    with pytest.raises(MissingError) as caught:
        disk.require_room([tmp_path])
    said = caught.value.render()
    assert "3.0 MiB free" in said
    assert "cache prune" in said


def artifact(number: int, name: str = "packages", *, expired: bool = False) -> Stored:
    return Stored(
        id=number, name=name, size_in_bytes=1, expired=expired, created_at=datetime.now(UTC),
        workflow_run=Run(id=number * 10),
    )  # fmt: skip


def test_the_newest_artifacts_of_each_name_stay() -> None:
    found = [artifact(n) for n in (3, 1, 2, 4)] + [artifact(9, "packages-x")]
    found.append(artifact(0, expired=True))
    assert [a.id for a in superseded(found, keep=2)] == [2, 1]
    assert superseded([], keep=1) == []
    # A release that waits for its reviewers is not over.
    assert [a.id for a in superseded(found, keep=2, unfinished={10})] == [2]
    assert [a.id for a in superseded(found, keep=2, promised=lambda a: a.id == 2)] == [1]


@pytest.fixture
def jobs(tmp_path: Path) -> Options:
    (tmp_path / "debwright.toml").write_text(
        '[[workflows.jobs]]\nname = "good"\ncommands = ["echo light > said"]\n'
        'full = ["echo full > said"]\n'
        '[[workflows.jobs]]\nname = "bad"\n'
        'commands = ["echo it is wrong; exit 7", "touch never"]\n'
    )
    return Options(directory=tmp_path)


def validated(options: Options, *arguments: str) -> int:
    return int(invoke(validate, options, *arguments))


def test_validation_runs_all_jobs_and_fails_with_the_one_that_did(
    jobs: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    assert validated(jobs) == 4
    said = capsys.readouterr().out
    assert "exited with status 7" in said
    assert "it is wrong" in said
    assert (jobs.directory / "said").read_text() == "light\n"
    assert not (jobs.directory / "never").exists(), "a job ends with the command that failed"


def test_the_main_branch_gets_the_full_commands(jobs: Options) -> None:
    assert validated(jobs, "good", "--scope", "full") == 0
    assert (jobs.directory / "said").read_text() == "full\n"


def test_an_unknown_job_is_told_with_the_nearest(jobs: Options) -> None:
    with pytest.raises(UsageError) as caught:
        validated(jobs, "god")
    assert caught.value.fix == "write `good`"


def test_nothing_to_validate_with_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text("")
    with pytest.raises(UsageError, match="nothing to validate"):
        validated(Options(directory=tmp_path))


def test_what_a_job_prints_is_no_command_of_githubs(
    jobs: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    (jobs.directory / "debwright.toml").write_text(
        '[[workflows.jobs]]\nname = "evil"\n'
        'commands = ["echo ::add-mask::x; echo ::set-env name=A::b"]\n'
    )
    validated(jobs, "evil")
    lines = capsys.readouterr().out.splitlines()
    first = next(n for n, text in enumerate(lines) if text.startswith("::stop-commands::"))
    token = lines[first].removeprefix("::stop-commands::")
    last = lines.index(f"::{token}::")
    inside = [n for n, text in enumerate(lines) if "add-mask" in text or "set-env" in text]
    assert inside
    assert all(first < n < last for n in inside)


class Layers:
    def __init__(self, *manifests: Manifest) -> None:
        self.manifests = manifests

    def all(self) -> list[tuple[Path, Manifest]]:
        return [(Path(m.id), m) for m in self.manifests]


def manifest(name: str, *packages: str, parent: str | None = None, target: str = "t") -> Manifest:
    return Manifest(
        name=name, target=target, parent=parent, inputs={"of": name}, packages=packages,
        created=datetime.now(UTC),
    )  # fmt: skip


def test_a_pack_has_the_newest_layers_and_what_they_stand_on() -> None:
    old, new = manifest("base", "a=1"), manifest("base", "a=2")
    orphan = manifest("build", "x", parent=old.id)
    good = manifest("build", "x", parent=new.id)
    other = manifest("base", "a=2", target="u")
    store: Any = Layers(old, orphan, new, good, other)
    assert [m for _, m in layers_for(store, ["t"])] == [new, good]


def test_keys_follow_the_manifests() -> None:
    prefix = prefix_of("t", {"mirror": "x"})
    assert prefix != prefix_of("t", {"mirror": "y"})
    one, two = (Path(), manifest("base", "a=1")), (Path(), manifest("base", "a=2"))
    assert key_of(prefix, [one]) == key_of(prefix, [one])
    assert key_of(prefix, [one]) != key_of(prefix, [two])
    assert key_of(prefix, [one, two]) == key_of(prefix, [two, one])
    assert key_of(prefix, []).startswith(prefix)
