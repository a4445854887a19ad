"""Bringing files to GitHub on good days and on bad ones."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.kit.github import TOKEN, FakeGithub, once, serving
from werkzeug import Response

from debwright.github.client import Github
from debwright.github.http import GithubError, Http, Unsure
from debwright.github.model import Release
from debwright.model.errors import DebwrightError, MissingError
from debwright.release.assets import Asset
from debwright.release.edited import plain
from debwright.release.upload import (
    AlreadyReleased,
    Draft,
    bring_assets,
    find_draft,
    prepare_draft,
    publish,
)

DRAFT = Draft(tag="v1.2.0", name="greeter 1.2.0", body="# Notes", prerelease=False, commit="a" * 40)


@pytest.fixture
def hub() -> Iterator[FakeGithub]:
    with serving(FakeGithub()) as github:
        yield github
    assert github.wrong == [], "not what GitHub's description says"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def github(hub: FakeGithub, said: list[str], slept: list[float]) -> Iterator[Github]:
    with Http(base=hub.url, token=TOKEN, sleep=slept.append, say=said.append) as http:
        yield Github(http, "example/greeter")


@pytest.fixture
def files(tmp_path: Path) -> list[Asset]:
    made = []
    for number in range(3):
        path = tmp_path / f"greeter_1.{number}_amd64.deb"
        path.write_bytes(bytes([number]) * (1000 + number))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        made.append(Asset(name=path.name, path=path, size=path.stat().st_size, sha256=digest))
    return made


def bring(github: Github, files: list[Asset], said: list[str]) -> tuple[Release, int]:
    release = prepare_draft(github, DRAFT, said.append)
    return release, bring_assets(github, release, files, said.append)


def assert_complete(hub: FakeGithub, files: list[Asset]) -> None:
    assert len(hub.releases) == 1, "no duplicates"
    assert hub.files_of("v1.2.0") == {f.name: f.path.read_bytes() for f in files}


def test_a_draft_gets_its_files_and_is_published_once(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str]
) -> None:
    release, sent = bring(github, files, said)
    assert sent == 3
    assert release.draft
    assert plain(hub.draft_of("v1.2.0")["body"]) == "# Notes"
    assert_complete(hub, files)
    assert bring(github, files, said)[1] == 0, "nothing is sent twice"
    assert not publish(github, release, said.append).draft
    before = len(hub.requests)
    for again in (lambda: bring(github, files, said), lambda: find_draft(github, "v1.2.0", print)):
        with pytest.raises(AlreadyReleased) as caught:
            again()
        assert "github.com/example/greeter" in caught.value.render()
    assert not [r for r in hub.requests[before:] if not r.startswith("GET")], "left alone"


def test_what_a_person_edited_in_the_draft_stays(
    hub: FakeGithub, github: Github, said: list[str]
) -> None:
    def run(body: str) -> str:
        prepare_draft(github, replace(DRAFT, body=body), said.append)
        return plain(hub.draft_of("v1.2.0")["body"])

    assert run("# Notes") == "# Notes"
    assert run("# Notes\n\n- more") == "# Notes\n\n- more", "nobody has touched them"
    draft = hub.draft_of("v1.2.0")
    draft["body"] = draft["body"].replace("# Notes", "# Written with care").replace("\n", "\r\n")
    draft["name"] = "Greeter 1.2, the friendly one"
    assert run("# Other").startswith("# Written with care")
    assert draft["name"] == "Greeter 1.2, the friendly one"
    assert [line.partition(" was ")[0].partition(" were ")[0] for line in said[-2:]] == [
        "the draft's name", "the draft's notes"]  # fmt: skip
    draft["body"] = "a text without our mark"
    assert run("# Other") == "a text without our mark"
    draft["body"] = ""
    assert run("# Other") == "# Other"
    assert draft["name"] == "Greeter 1.2, the friendly one"


def test_a_server_without_digests_gets_every_file_and_ends(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def forget(*_: object) -> None:
        for asset in hub.draft_of("v1.2.0")["assets"]:
            asset["digest"] = None

    release, _ = bring(github, files, said)
    forget()
    upload = github.upload

    def without(*arguments: Any) -> Any:
        found = upload(*arguments)
        forget()
        return found

    monkeypatch.setattr(github, "upload", without)
    assert bring_assets(github, release, files, said.append) == len(files), "not believed"
    assert_complete(hub, files)
    hub.draft_of("v1.2.0")["assets"][0]["size"] = 1
    assert bring_assets(github, release, files, said.append) == len(files)
    assert_complete(hub, files)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("method", "ending"),
    [
        ("POST", "/releases"),
        ("POST", "/assets"),
        ("PATCH", ""),
        ("GET", "/releases"),
    ],
)
def test_a_server_error_at_any_step(
    hub: FakeGithub, github: Github, files: list[Asset], method: str, *, ending: str, lost: bool
) -> None:
    """`lost`: the request was done, and its answer did not come through."""
    said: list[str] = []
    fault = once(method, ending, Response("oops", status=502))
    (hub.after if lost else hub.faults).append(fault)
    release, _ = bring(github, files, said)
    assert_complete(hub, files)
    assert not publish(github, release, said.append).draft
    assert not hub.draft_of("v1.2.0")["draft"]
    assert not hub.after
    assert not hub.faults


@pytest.mark.parametrize("lost", [False, True])
def test_an_upload_that_broke_off_is_done_again(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str], *, lost: bool
) -> None:
    # Its removal may be refused, or be done and not be told.
    fault = once("DELETE", "", Response("oops", status=502))
    (hub.after if lost else hub.faults).append(fault)
    release, _ = bring(github, files, said)
    broken = hub.draft_of("v1.2.0")["assets"][0]
    broken.update(state="open", size=17, digest=None)
    hub.draft_of("v1.2.0")["assets"][1]["digest"] = "sha256:" + "0" * 64
    assert bring_assets(github, release, files, said.append) == 2
    assert_complete(hub, files)


def test_files_of_a_person_stay_and_are_told_of(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str]
) -> None:
    bring(github, files, said)
    bring(github, files[:2], said)
    assert any(files[2].name in line and "left alone" in line for line in said)
    assert_complete(hub, files)


def test_github_that_stays_broken_is_an_error_with_a_next_step(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str], slept: list[float]
) -> None:
    hub.faults += [once("POST", "/assets", Response(status=500)) for _ in range(9)]
    with pytest.raises(Unsure) as caught:
        bring(github, files, said)
    assert "run the same command again" in caught.value.render()
    assert slept == [1, 2, 4], "it is given time to recover"
    slept.clear()
    hub.faults.clear()
    assert bring(github, files, said)[1] == 3
    assert_complete(hub, files)
    hub.faults += [once("GET", "/releases", Response(status=500)) for _ in range(9)]
    with pytest.raises(MissingError):
        find_draft(github, "v1.2.0", print)
    assert slept == [1, 2, 4, 8]
    hub.faults.clear()


def test_rate_limits_are_waited_for(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str], slept: list[float]
) -> None:
    soon = str(int(time.time()) + 30)
    # What GitHub says when requests come too fast, with no header at all.
    secondary = (
        '{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
    )
    limits: list[tuple[int, dict[str, str], str]] = [
        (429, {"Retry-After": "7"}, "{}"),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": soon}, "{}"),
        (429, {}, "{}"),
        (403, {}, secondary),
    ]
    hub.faults += [
        once("POST", "/assets", Response(text, status=status, headers=headers))
        for status, headers, text in limits
    ]
    bring(github, files, said)
    assert_complete(hub, files)
    assert slept[0] == 7
    assert 25 < slept[1] <= 32
    assert slept[2:] == [60, 60]
    later = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    hub.faults.append(once("GET", "/releases", Response("{}", status=403, headers=later)))
    with pytest.raises(GithubError, match="rate limit"):
        find_draft(github, "v1.2.0", print)
    assert len(slept) == 4, "an hour is not slept away"


def test_refusals_are_explained_and_never_show_the_token(hub: FakeGithub) -> None:
    def refused(base: str, token: str, name: str) -> DebwrightError:
        with Http(base=base, token=token, sleep=lambda _: None) as http:
            with pytest.raises(DebwrightError) as caught:
                Github(http, name).repository_info()
            assert token not in caught.value.render()
            return caught.value

    assert "token is wrong" in refused(hub.url, "ghp_secret", "example/greeter").render()
    assert "no such thing" in refused(hub.url, TOKEN, "example/other").render()
    assert isinstance(refused("http://127.0.0.1:1", TOKEN, "example/greeter"), MissingError)


def test_more_than_a_page_of_releases_and_assets(
    hub: FakeGithub, github: Github, files: list[Asset], said: list[str]
) -> None:
    release, _ = bring(github, files, said)
    for number in range(120):
        github.create_draft(f"v0.{number}.0", name="x", body="", prerelease=False, commit=None)
    model: dict[str, Any] = hub.draft_of("v1.2.0")["assets"][0]
    hub.draft_of("v1.2.0")["assets"] += [
        {**model, "id": 10_000 + n, "name": f"extra-{n}"} for n in range(150)
    ]
    found = find_draft(github, "v1.2.0", said.append)
    assert found is not None
    assert found.id == release.id
    assert len(github.assets(release)) == 153


def test_an_upload_address_without_tls_is_refused(files: list[Asset]) -> None:
    with (
        Http(base="https://api.github.com", token=TOKEN) as http,
        pytest.raises(GithubError, match="without TLS"),
    ):
        http.upload("http://elsewhere.example/x", "name", files[0].path)


def test_the_test_server_notices_what_the_description_does_not_allow() -> None:
    hub = FakeGithub()
    with serving(hub), Http(base=hub.url, token=TOKEN, sleep=lambda _: None) as http:
        hub.faults.append(once("POST", "/releases", Response("{}", status=422)))
        with pytest.raises(GithubError):
            http.request("POST", "/repos/example/greeter/releases", json={"draft": True})
        assert "tag_name" in hub.wrong.pop(0)
        github = Github(http, "example/greeter")
        draft = github.create_draft("v1", name="x", body="", prerelease=False, commit=None)
        assert hub.wrong == []
        hub.releases[draft.id]["draft"] = "perhaps"
        with pytest.raises(ValueError, match="draft"):
            github.releases_of("v1")
        assert "perhaps" in hub.wrong.pop()
