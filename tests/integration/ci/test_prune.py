"""Old artifacts are removed on GitHub: its own description of the calls is the judge of ours."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.ci.storage import StorageGithub
from tests.kit.commands import invoke
from tests.kit.github import TOKEN, once, serving

from debwright.cli.common import Options
from debwright.cli.workflows import prune_github
from debwright.github.http import GithubError
from debwright.model.errors import DebwrightError, MissingError


def prune(options: Options, *arguments: str) -> int:
    return int(invoke(prune_github, options, *arguments))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageGithub]:
    made = StorageGithub()
    # More than a page of a hundred.
    for number in range(130):
        made.add(number, "packages" if number % 2 else "somebody-elses")
    with serving(made):
        monkeypatch.setenv("GITHUB_API_URL", made.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        monkeypatch.setenv("GITHUB_REPOSITORY", "example/greeter")
        yield made
    assert made.wrong == []


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "debwright.toml").write_text("[workflows]\nkeep_artifacts = 5\n")
    return Options(directory=tmp_path, json=True)


def test_the_newest_stay_and_others_are_not_ours(
    hub: StorageGithub, options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune(options) == 0
    assert hub.numbers("packages") == [121, 123, 125, 127, 129]
    assert len(hub.numbers("somebody-elses")) == 65
    assert len(json.loads(capsys.readouterr().out)["removed"]) == 60


@pytest.mark.parametrize("status", ["waiting", "in_progress", "queued"])
def test_what_an_unfinished_run_has_built_stays(
    hub: StorageGithub, options: Options, status: str
) -> None:
    """A release that waits for its reviewers takes its packages from there."""
    hub.artifacts.reverse()
    hub.add(-1, "packages", run=77)
    hub.artifacts.reverse()
    hub.runs[77] = status
    assert prune(options) == 0
    assert hub.numbers("packages") == [-1, 121, 123, 125, 127, 129]
    hub.runs[77] = "completed"
    assert prune(options) == 0
    assert hub.numbers("packages") == [121, 123, 125, 127, 129]


def test_what_the_days_of_retention_promise_stays(hub: StorageGithub, options: Options) -> None:
    now = datetime.now(UTC)
    for number, days in ((200, 1), (201, 89), (202, 91)):
        created = f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        hub.add(number, "packages", created=created)
        hub.add(number + 100, "packages-bookworm-amd64", created=created)
    (options.directory / "debwright.toml").write_text("[workflows]\nkeep_artifacts = 1\n")
    assert prune(options) == 0
    assert hub.numbers("packages") == [200, 201, 202]
    assert hub.numbers("packages-bookworm-amd64") == [302], "packages has all that is in these"
    hub.add(203, "packages")
    assert prune(options) == 0
    assert hub.numbers("packages") == [200, 201, 203], "89 days are not over, 91 are"


def test_a_dry_run_only_tells(hub: StorageGithub, options: Options) -> None:
    assert prune(options, "--dry-run") == 0
    assert not [a for a in hub.requests if a.startswith("DELETE")]
    assert len(hub.artifacts) == 130


def test_one_that_is_gone_already_is_no_error(hub: StorageGithub, options: Options) -> None:
    gone = hub._json(404, {"message": "Not Found"})
    hub.faults.append(once("DELETE", "/artifacts/1", gone))
    assert prune(options) == 0


def test_a_token_that_may_not_is_told_what_it_needs(hub: StorageGithub, options: Options) -> None:
    refused = hub._json(403, {"message": "Resource not accessible by integration"})
    hub.faults.append(once("DELETE", "/artifacts/119", refused))
    with pytest.raises(GithubError) as caught:
        prune(options)
    assert "actions: write" in caught.value.render()


def test_without_a_token_it_is_said(
    hub: StorageGithub, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingError, match="no token") as caught:
        prune(options)
    assert isinstance(caught.value, DebwrightError)
    assert "actions: write" in caught.value.render()
