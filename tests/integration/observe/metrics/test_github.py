"""Workflow runs into records, and problems into issues, against a GitHub that checks every call."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.integration.observe.metrics.server import MetricsGithub, now
from tests.kit.github import TOKEN, once, serving
from tests.kit.records import failed, run, target
from werkzeug import Response

from debwright.github.http import GithubError, Http
from debwright.github.issues import Issues
from debwright.observe.metrics import query
from debwright.observe.metrics.exchange import export
from debwright.observe.metrics.github import ingest
from debwright.observe.metrics.store import Store


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetricsGithub]:
    with serving(MetricsGithub()) as made:
        assert isinstance(made, MetricsGithub)
        monkeypatch.setenv("GITHUB_API_URL", made.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield made
    assert made.wrong == []


def read(store: Store, github: MetricsGithub) -> int:
    http = Http(base=github.url, token=TOKEN, sleep=lambda _: None)
    with http:
        done = ingest(store, http, "example/greeter", days=90, workflow=None, now=now(), say=print)
    return done.new


def history(github: MetricsGithub, count: int) -> None:
    begin = now() - timedelta(days=10)
    for number in range(count):
        at = begin + timedelta(minutes=number)
        waited = at + timedelta(seconds=42)
        done = waited + timedelta(seconds=100)
        times = {"started_at": f"{waited:%Y-%m-%dT%H:%M:%SZ}",
                 "completed_at": f"{done:%Y-%m-%dT%H:%M:%SZ}"}  # fmt: skip
        step = {"name": "Run debwright run -t bookworm-arm64", "status": "completed", "number": 1,
                "conclusion": "success", **times}  # fmt: skip
        github.add_run(
            number, at,
            [github.job("lint", at, **times),
             github.job("build (bookworm-arm64)", at, steps=[step], **times)],
        )  # fmt: skip


def test_workflow_runs_become_records(github: MetricsGithub, tmp_path: Path) -> None:
    history(github, 5)
    at = now() - timedelta(days=1)
    bad = {"status": "completed", "number": 1, "conclusion": "failure", "started_at": None,
           "completed_at": None}  # fmt: skip
    jobs = [
        github.job("build (bookworm-arm64)", at, conclusion="failure",
                   steps=[{**bad, "name": "Set up job"}]),
        github.job("build (trixie-arm64)", at, conclusion="failure",
                   steps=[{**bad, "name": "Run debwright run"}]),
        github.job("build (jammy-amd64)", at, conclusion="cancelled"),
    ]  # fmt: skip
    github.add_run(100, at, jobs, conclusion="failure", head_branch="topic")
    github.add_run(101, at, [], status="in_progress", conclusion=None)
    with Store.open(tmp_path / "a.sqlite") as store:
        assert read(store, github) == 6
        asked = len(github.requests)
        assert read(store, github) == 0
        assert len(github.requests) == asked + 1, "what is known is not asked for again"
        builds = query.builds(store)
        last = {b.target: b for b in builds if b.branch == "topic"}
        assert last["bookworm-arm64"].infrastructure
        assert not last["trixie-arm64"].infrastructure
        assert last["jammy-amd64"].result == "skipped"
        runs = query.runs(store)
        assert runs[0].queue == pytest.approx(42, abs=1)
        assert builds[0].seconds == 100
        text = export(store, None)[0]
    with Store.open(tmp_path / "b.sqlite") as store:
        read(store, github)
        assert export(store, None)[0] == text


def test_what_failed_and_was_started_again_did_fail(github: MetricsGithub, tmp_path: Path) -> None:
    """GitHub lists the last attempt alone, and in it jobs that were not started again."""
    at = now() - timedelta(days=1)
    again = at + timedelta(hours=2)
    step = {"name": "Run debwright run", "status": "completed", "number": 1,
            "conclusion": "failure", "started_at": None, "completed_at": None}  # fmt: skip
    jobs = [
        github.job("build (bookworm-arm64)", at, conclusion="failure", steps=[step]),
        github.job("build (bookworm-amd64)", at),
        github.job("build (bookworm-arm64)", again, run_attempt=2),
    ]
    github.add_run(7, at, jobs, run_attempt=2, run_started_at=f"{again:%Y-%m-%dT%H:%M:%SZ}")
    # Its first attempt failed, and the second is at work.
    github.add_run(8, at, jobs[:1], run_attempt=2, status="in_progress", conclusion=None)
    with Store.open(tmp_path / "a.sqlite") as store:
        assert read(store, github) == 3
        assert read(store, github) == 0
        told = sorted((b.run[-3:], b.target, b.result) for b in query.builds(store))
        assert told == [
            ("7:1", "bookworm-amd64", "passed"), ("7:1", "bookworm-arm64", "failed"),
            ("7:2", "bookworm-arm64", "passed"), ("8:1", "bookworm-arm64", "failed"),
        ]  # fmt: skip
        (run_,) = [r for r in query.runs(store) if r.id.endswith("7:1")]
        assert (run_.result, str(run_.url).endswith("/attempts/1")) == ("failed", True)


def test_more_runs_than_github_gives_at_once(
    github: MetricsGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("debwright.observe.metrics.github.PAGE", 4)
    monkeypatch.setattr("debwright.observe.metrics.github.MOST_RESULTS", 8)
    github.most = 8
    begin = now() - timedelta(days=10)
    for number in range(21):
        github.add_run(number, begin + timedelta(minutes=number), [])
    with Store.open(tmp_path / "a.sqlite") as store:
        assert read(store, github) == 21


def test_a_bad_day_loses_nothing(github: MetricsGithub, tmp_path: Path) -> None:
    history(github, 3)
    github.faults.append(once("GET", "/jobs", Response(status=502)))
    limited = Response(status=403, headers={"retry-after": "1"})
    github.faults.append(once("GET", "/runs", limited))
    # What a proxy or a login page says in GitHub's place.
    github.faults.append(once("GET", "/jobs", Response("<html>sign in</html>", status=200)))
    with Store.open(tmp_path / "a.sqlite") as store:
        assert read(store, github) == 3


def test_what_was_read_before_github_gave_up_is_kept(github: MetricsGithub, tmp_path: Path) -> None:
    history(github, 3)
    gone = Response('{"message": "Server Error"}', status=404)
    github.faults.append(once("GET", "/runs/0/attempts/1/jobs", gone))
    with Store.open(tmp_path / "a.sqlite") as store:
        with pytest.raises(GithubError):
            read(store, github)
        assert len(query.runs(store)) == 2
        assert read(store, github) == 1


def test_the_command_says_what_it_lacks(github: MetricsGithub, tmp_path: Path) -> None:
    debwright = Debwright(tmp_path)
    done = debwright("metrics", "ingest", "--github", env={"GITHUB_REPOSITORY": ""})
    assert done.code == 2
    assert "--repository owner/name" in done.said
    done = debwright("metrics", "ingest", "--github", "--repository", "a/../b")
    assert done.code == 2
    without = {"GITHUB_TOKEN": "", "GH_TOKEN": ""}
    wanted = ("metrics", "ingest", "--github", "--repository", "example/greeter")
    done = debwright(*wanted, env=without)
    assert done.code == 5
    assert "actions: read" in done.said
    history(github, 2)
    assert "2 new" in debwright(*wanted).said


def test_one_issue_for_each_problem(github: MetricsGithub) -> None:
    with Http(base=github.url, token=TOKEN) as http:
        issues = Issues(http, "example/greeter", "debwright-alert")
        first = issues.tell("failing:a", "it fails", "text <!-- debwright: other -->")
        assert first.what == "opened"
        assert issues.tell("failing:a", "it fails", "text <!-- debwright: other -->").what == (
            "unchanged"
        )
        assert issues.tell("failing:a", "it fails more", "text").what == "updated"
        assert issues.find("other") is None, "a mark within the text is none"
        closed = issues.resolve("failing:a", "it is over")
        assert closed is not None
        assert (closed.what, closed.issue.state) == ("closed", "closed")
        assert issues.resolve("failing:a", "it is over") is None
        again = issues.tell("failing:a", "it fails", "text")
        assert (again.what, again.issue.number) == ("reopened", first.issue.number)
    assert len(github.issues) == 1
    assert github.comments == [(first.issue.number, "it is over")]


def test_the_command_keeps_the_issue(github: MetricsGithub, tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text(
        "[metrics.alerts]\nissues = true\n[release]\nrepository = 'example/greeter'\n"
    )
    debwright = Debwright(tmp_path)
    path = tmp_path / "dist/metrics/runs.sqlite"
    begin = now() - timedelta(hours=9)
    with Store.open(path) as store:
        store.put([run(n, failed(), started=begin + timedelta(hours=n)) for n in range(2)])
    dry = debwright("metrics", "notify", "--dry-run")
    assert "would be told by issue: bookworm-amd64 failed 2 times in a row" in dry.said
    assert github.issues == {}
    assert debwright("metrics", "notify").code == 0
    assert "nothing new" in debwright("metrics", "notify").output
    (issue,) = github.issues.values()
    assert "failed 2 times" in issue["title"]
    with Store.open(path) as store:
        store.put([run(3, failed(), started=begin + timedelta(hours=3))])
    assert debwright("metrics", "notify").code == 0
    assert "failed 3 times" in issue["title"]
    gate = debwright("--json", "metrics", "check")
    assert gate.code == 4
    assert json.loads(gate.output)["problems"][0]["key"] == "failing:bookworm-amd64"
    with Store.open(path) as store:
        store.put([run(4, target(), started=begin + timedelta(hours=4))])
    assert "resolved" in debwright("metrics", "notify").output
    assert issue["state"] == "closed"
    assert debwright("metrics", "check").code == 0
    assert len(github.issues) == 1
