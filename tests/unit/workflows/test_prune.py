"""Old artifacts are removed on GitHub: its own description of the calls is the judge of ours."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from debwright.commands.common import Options
from debwright.commands.prune import prune_github
from debwright.errors import MissingError


class Hub:
    """Artifacts, with a hundred of them on a page."""

    def __init__(self, count: int) -> None:
        self.left = [
            {
                "id": n, "name": name, "size_in_bytes": 10, "expired": False,
                "created_at": "2026-11-01T00:00:00Z",
            }
            for n in range(count)
            for name in (["packages"] if n % 2 else ["somebody-elses"])
        ]  # fmt: skip
        self.asked: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.method == "DELETE":
            number = request.url.path.removeprefix("/repos/example/pebble/actions/artifacts/")
            before = len(self.left)
            self.left = [a for a in self.left if a["id"] != int(number)]
            return httpx.Response(204 if len(self.left) < before else 404, json={})
        assert request.url.path == "/repos/example/pebble/actions/artifacts"
        size, page = int(request.url.params["per_page"]), int(request.url.params["page"])
        items = self.left[(page - 1) * size : page * size]
        return httpx.Response(200, json={"total_count": len(self.left), "artifacts": items})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub(230)
    client = httpx.Client

    def fake(**options: Any) -> httpx.Client:
        return client(transport=httpx.MockTransport(made.answer), **options)

    monkeypatch.setattr("httpx.Client", fake)
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/pebble")
    yield made


@pytest.fixture
def options(tmp_path: Path) -> Options:
    (tmp_path / "debwright.toml").write_text("[workflows]\nkeep_artifacts = 5\n")
    return Options(directory=tmp_path, json=True)


def test_the_newest_stay_and_others_are_not_ours(
    hub: Hub, options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prune_github(options, dry_run=False) == 0
    ours = [a["id"] for a in hub.left if a["name"] == "packages"]
    assert ours == [221, 223, 225, 227, 229]
    assert sum(a["name"] == "somebody-elses" for a in hub.left) == 115
    assert len(json.loads(capsys.readouterr().out)["removed"]) == 110


def test_a_dry_run_only_tells(hub: Hub, options: Options) -> None:
    assert prune_github(options, dry_run=True) == 0
    assert not [a for a in hub.asked if a.startswith("DELETE")]
    assert len(hub.left) == 230


def test_without_a_token_it_is_said(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/pebble")
    with pytest.raises(MissingError, match="no token"):
        prune_github(options, dry_run=False)
