"""Upgrades come from what is released on GitHub, where it is configured so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import make_deb
from tests.kit.github import TOKEN, FakeGithub, once, serving
from werkzeug import Response

from debwright.checks.engine.released import Planned, hand_over, previous_of
from debwright.config import LoadedConfig, load
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.release.assets import Asset
from debwright.release.upload import Draft, bring_assets, prepare_draft, publish

TARGET = Target("bookworm", "amd64")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGithub]:
    with serving(FakeGithub()) as github:
        monkeypatch.setenv("GITHUB_API_URL", github.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield github
    assert github.wrong == []


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    text = '[release]\nrepository = "example/greeter"\n[upgrade]\nfrom_release = true\n'
    (tmp_path / "debwright.toml").write_text(text)
    return load(tmp_path)


def release(hub: FakeGithub, directory: Path, tag: str, *versions: str, **state: Any) -> None:
    """A release with a package of each version, brought there as debwright brings it."""
    from debwright.github.client import Github
    from debwright.github.http import Http
    from debwright.host.files import sha256_file

    assets = []
    for version in versions:
        name = f"demo_{version.replace('~', '.')}_amd64.deb"
        path = make_deb(directory / f"{tag}-{name}", version=version)
        size, digest = path.stat().st_size, sha256_file(path)
        assets.append(Asset(name=name, path=path, size=size, sha256=digest))
    with Http(base=hub.url, token=TOKEN) as http:
        github = Github(http, "example/greeter")
        draft = Draft(tag=tag, name=tag, body="", prerelease=state.get("prerelease", False),
                      commit=None)  # fmt: skip
        made = prepare_draft(github, draft, lambda _: None)
        bring_assets(github, made, assets, lambda _: None)
        if state.get("published", True):
            publish(github, made, lambda _: None)


def versions(loaded: LoadedConfig, deb: Path) -> tuple[list[str], str]:
    found = previous_of(
        loaded, TARGET, [read_deb(deb)], files=(), dist=loaded.directory / "dist"
    )  # fmt: skip
    return [d.version for d in found.debs], found.reason


def test_the_newest_older_release_is_taken(
    hub: FakeGithub, loaded: LoadedConfig, tmp_path: Path
) -> None:
    release(hub, tmp_path, "v1.0", "1.0-1~deb12u1", "1.0-1~deb13u1")
    release(hub, tmp_path, "v1.1", "1.1-1~deb12u1", "1.1-1~deb13u1")
    release(hub, tmp_path, "v1.2", "1.2-1~deb12u1", prerelease=True)
    release(hub, tmp_path, "v1.3", "1.3-1~deb12u1", published=False)
    release(hub, tmp_path, "v1.4", "1.4-1~deb12u1")
    new = make_deb(tmp_path / "new.deb", version="1.4-1~deb12u1")
    assert versions(loaded, new)[0] == ["1.1-1~deb12u1"], "of its own suite, though 13 is higher"
    trixie = make_deb(tmp_path / "newer.deb", version="1.4-1~deb13u1")
    assert versions(loaded, trixie)[0] == ["1.4-1~deb12u1"]
    assert [p for p in (tmp_path / "dist/previous").rglob("*") if p.name.startswith(".")] == []
    hub.requests.clear()
    assert versions(loaded, new)[0] == ["1.1-1~deb12u1"]
    assert not [r for r in hub.requests if "/store/" in r], "what is here is not fetched again"


def test_a_file_that_arrives_changed_is_refused(
    hub: FakeGithub, loaded: LoadedConfig, tmp_path: Path
) -> None:
    release(hub, tmp_path, "v1.0", "1.0-1")
    number = next(iter(hub.contents))
    hub.contents[number] = bytes(len(hub.contents[number]))
    found, reason = versions(loaded, make_deb(tmp_path / "new.deb", version="1.1-1"))
    assert found == []
    assert "did not arrive as GitHub has it" in reason


def test_why_there_is_none_is_the_reason(
    hub: FakeGithub, loaded: LoadedConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = make_deb(tmp_path / "new.deb", version="1.0-1")
    assert "no release of example/greeter has an older version" in versions(loaded, new)[1]
    hub.faults.append(once("GET", "/releases", Response("{}", 403, mimetype="application/json")))
    assert "GitHub refused" in versions(loaded, new)[1]
    monkeypatch.delenv("GITHUB_TOKEN")
    assert "there is no token for GitHub" in versions(loaded, new)[1]


def test_what_a_step_with_the_token_fetched_is_there_for_the_checks_without(
    hub: FakeGithub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "debwright.toml").write_text("")
    loaded, dist = load(tmp_path), tmp_path / "dist"
    release(hub, tmp_path, "v1.0", "1.0-1")
    coming = [Planned(package="demo", version="1.1-1"), Planned(package="other", version="1.1-1")]
    found = hand_over("example/greeter", TARGET, coming, dist)
    assert [d.version for d in found.debs] == ["1.0-1"]
    monkeypatch.delenv("GITHUB_TOKEN")
    new = make_deb(tmp_path / "new.deb", version="1.1-1")
    hub.requests.clear()
    assert versions(loaded, new)[0] == ["1.0-1"]
    assert not hub.requests
    # Code of the package could have written there, but not with the digest.
    (old,) = dist.glob("previous/*/*.deb")
    old.write_bytes(old.read_bytes() + b"\0")
    assert "is not what was fetched" in versions(loaded, new)[1]


def test_why_nothing_was_handed_over_is_the_reason_of_the_skipped_checks(
    hub: FakeGithub, tmp_path: Path
) -> None:
    (tmp_path / "debwright.toml").write_text("")
    coming = [Planned(package="demo", version="1.1-1")]
    hand_over("example/greeter", TARGET, coming, tmp_path / "dist")
    new = make_deb(tmp_path / "new.deb", version="1.1-1")
    assert "no release of example/greeter has an older" in versions(load(tmp_path), new)[1]
    other = previous_of(
        load(tmp_path), Target("trixie", "amd64"), [read_deb(new)], files=(), dist=tmp_path / "dist"
    )
    assert "no previous release is known" in other.reason, "it is handed over for one target"
