"""What is read of act's lines, and how a run is started."""

import json
from pathlib import Path

import pytest

from debwright.ci.local import Invocation, Record
from debwright.ci.providers.github import act, actions
from debwright.ci.providers.github.act import command_of, read_line
from debwright.cli.app import call


def line(message: str, *, job: str = "w/build", **more: object) -> str:
    return json.dumps({"job": job, "msg": message, "level": "info", **more})


def test_a_failed_command_is_known_by_its_status() -> None:
    record = Record()
    main: dict[str, object] = {"stage": "Main", "step": "Build and check", "stepID": ["1"]}
    said = read_line(record, line("⭐ Run Main Build and check", job="w/build", **main))
    assert said is not None
    assert (said.text, said.output) == ("Build and check", False)
    read_line(record, line("  ❌  Failure - Main", job="w/build", stepResult="failure", **main))
    read_line(record, line("exit status 3", job="w/build", **{**main, "level": "error"}))
    read_line(record, line("🏁  Job failed", jobResult="failure"))
    assert record.jobs["w/build"].failed == [("Build and check", 3)]
    assert record.exit_code == 3


def test_jobs_that_passed_are_counted() -> None:
    record = Record()
    for name in ("w/a", "w/b "):
        read_line(record, line("done", job=name, jobResult="success"))
    assert [j.ok for j in record.jobs.values()] == [True, True]
    assert record.exit_code == 0


def test_a_step_that_may_fail_fails_nothing() -> None:
    record = Record()
    # As act tells of a step with continue-on-error: its outcome, and no exit status.
    failure = line("Failure", stepResult="failure", stage="Main", step="Unpack them", stepID=["1"])
    read_line(record, failure)
    assert record.jobs["w/build"].failed
    read_line(record, line("🏁  Job succeeded", jobResult="success"))
    assert record.jobs["w/build"].ok
    assert record.exit_code == 0


def test_a_job_that_did_not_end_is_no_success() -> None:
    record = Record()
    read_line(record, line("⭐ Run Set up job"))
    assert record.exit_code == 1
    assert Record().exit_code == 1, "nor is a run without a job"


def test_a_build_says_more_than_a_check() -> None:
    record = Record()
    for job, code in (("a", 4), ("b", 3), ("c", 1)):
        read_line(record, line(f"exit status {code}", job=job, level="error", step="s"))
    assert record.exit_code == 3


def test_annotations_and_summaries() -> None:
    record = Record()
    # As act tells it, which has been confused by the second `::`.
    raw = "::error title=a%3A b%2C,line=3::what%0A::error title=evil::said%250A\n"
    read_line(record, line("x", command="error", kvPairs={}, arg="said", raw=raw))
    read_line(record, line("x", command="summary", content="# Hello"))
    text = "what\n::error title=evil::said%0A"
    assert record.annotations == [("error", "a: b,", text)]
    assert record.summaries == [("w/build", "# Hello")]


@pytest.mark.parametrize(
    "text", ["no json", "[]", '"x"', '{"msg": 1}', '{"job": "a", "msg": "x", "matrix": []}', "{"]
)
def test_what_act_should_not_say_ends_nothing(text: str) -> None:
    read_line(Record(), text)


def test_a_programs_output_is_not_taken_for_acts() -> None:
    record = Record()
    said = read_line(record, line('{"jobResult": "success"}\n', raw_output=True))
    assert said is not None
    assert said.output
    assert record.jobs["w/build"].result is None


def test_the_command_maps_every_label_and_every_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(act, "find_act", lambda: Path("/usr/bin/act"))
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KEY", "a secret")
    argv, environment = command_of(
        Invocation(
            top=tmp_path, file=tmp_path / "w.yml", event="push", labels=["one", "two"],
            inputs=["a=$(id)"], secrets=["KEY"], payload=None, store=tmp_path / "store",
            scratch=tmp_path,
        )
    )  # fmt: skip
    assert "one=-self-hosted" in argv
    assert "two=-self-hosted" in argv
    assert argv[argv.index("--secret") + 1] == "KEY", "the name: others see the command line"
    assert sum(a == "--local-repository" for a in argv) == len(actions.ALL)
    for argument in argv:
        _, at, directory = argument.partition("=")
        if at and directory.startswith(str(tmp_path / "stand_ins")):
            assert any(Path(directory).rglob("action.yml")), argument
    assert environment["DEBWRIGHT_CI_API"] == "http://127.0.0.1:1"
    assert environment["KEY"] == "a secret", "what a configuration names is kept from commands"
    assert (tmp_path / "bin/debwright").stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["nope", "../other", "workflows/mine", "mine.yml", ""])
def test_a_workflow_is_named_not_a_path(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (".github/workflows/mine.yml", ".github/other.yml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("on: push\njobs: {}\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / "debwright.toml").write_text("")
    assert call(["-C", str(tmp_path), "ci", name]) == 2
    said = capsys.readouterr().err
    assert "there is no workflow" in said
    assert ".github/workflows: mine" in said
