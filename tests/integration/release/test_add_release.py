"""A published release becomes a publication: fetched, verified, brought to the store, served."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.release.test_release import PASSPHRASE, exported, without_agent
from tests.integration.repository.test_health import answering
from tests.kit.debs import make_deb
from tests.kit.github import TOKEN, FakeGithub, serving
from werkzeug import Request, Response

from debwright.config import load
from debwright.github.client import Github
from debwright.github.http import Http
from debwright.host.files import sha256_file
from debwright.keys.configured import configured_signer
from debwright.keys.create import new_key
from debwright.model.results import Artifact, RunResult, TargetResult
from debwright.release.assets import assemble
from debwright.release.index import NAME, index_of
from debwright.release.upload import Draft, bring_assets, prepare_draft, publish

CONFIG = """\
[targets]
build = ["bookworm-amd64"]
[signing]
key = "FINGERPRINT"
[release]
repository = "example/greeter"
[repository]
origin = "Demo"
[repository.directory]
path = "served"
"""


@dataclass
class Project:
    """A job of a project, whose key is in a secret."""

    directory: Path
    hub: FakeGithub
    environment: dict[str, str]

    def __call__(self, *arguments: str, expect: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "debwright", *arguments], cwd=self.directory, check=False,
            capture_output=True, text=True, env={**os.environ, **self.environment},
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == expect, said
        assert "Traceback" not in said
        assert PASSPHRASE not in said
        return said

    def release(self, version: str, tag: str, *, published: bool = True) -> None:
        """What `debwright release` makes of one package."""
        home = self.directory / "dist" / version
        (home / "bookworm-amd64").mkdir(parents=True)
        deb = make_deb(home / f"bookworm-amd64/demo_{version}_amd64.deb", version=version)
        artifact = Artifact(
            path=str(deb.relative_to(home.parent)), kind="deb", size=1, sha256=sha256_file(deb)
        )
        target = TargetResult(
            target="bookworm-amd64", strategy="native", strategy_reason="", artifacts=(artifact,)
        )
        result = RunResult(
            debwright="1", package="demo", version=version, started=datetime.now(UTC), seconds=1,
            host="amd64", targets=(target,),
        )  # fmt: skip
        prerelease = "~" in version
        files = {deb.name.replace("~", "."): deb}
        index = index_of(result, files, tag=tag, prerelease=prerelease)
        (home / NAME).write_text(index.model_dump_json())
        with configured_signer(load(self.directory), "demo") as signer:
            assets = assemble({**files, NAME: home / NAME}, home / "release", signer)
        with Http(base=self.hub.url, token=TOKEN) as http:
            github = Github(http, "example/greeter")
            draft = Draft(tag=tag, name=tag, body="", prerelease=prerelease, commit=None)
            made = prepare_draft(github, draft, lambda _: None)
            bring_assets(github, made, assets, lambda _: None)
            if published:
                publish(github, made, lambda _: None)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    home = tmp_path / "gnupg"
    user = "Demo <demo@example.org>"
    key = new_key(home, user, algorithm="ed25519", days=100, passphrase=PASSPHRASE.encode())
    environment = {
        "CI": "true", "DEBWRIGHT_SIGNING_KEY": exported(home, "--export-secret-keys"),
        "DEBWRIGHT_SIGNING_PASSPHRASE": PASSPHRASE, "GITHUB_TOKEN": TOKEN,
    }  # fmt: skip
    without_agent(home)
    tree = tmp_path / "demo"
    tree.mkdir()
    (tree / "debwright.toml").write_text(CONFIG.replace("FINGERPRINT", key.fingerprint))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with serving(FakeGithub()) as hub:
        yield Project(tree, hub, {**environment, "GITHUB_API_URL": hub.url})
    assert hub.wrong == []


def test_publishing_a_release_brings_it_to_users_and_a_rollback_back(project: Project) -> None:
    project.release("1.0-1", "v1.0")
    project.release("1.1~rc1-1", "v1.1-rc1")
    assert "is the first" in project("repo", "pull", "--may-be-empty")
    said = project("repo", "add-release", "v1.0")
    assert "suites bookworm;" in said
    assert "files sent" in said, "it reaches the store"
    said = project("repo", "add-release", "v1.1-rc1")
    served = project.directory / "served"
    packages = "main/binary-amd64/Packages"
    assert "1.1~rc1-1" in (served / "dists/bookworm-candidate" / packages).read_text()
    assert "1.1~rc1-1" not in (served / "dists/bookworm" / packages).read_text()
    (deb,) = served.glob("pool/**/demo_1.1~rc1-1_amd64.deb")
    assert deb.read_bytes() == project.hub.files_of("v1.1-rc1")["demo_1.1.rc1-1_amd64.deb"]
    assert "nothing to do" in project("repo", "add-release", "v1.1-rc1")
    # Another machine goes on from the store, as the job of the next release does.
    (project.directory / "dist").rename(project.directory / "gone")
    assert "publication 2" in project("repo", "pull", "--may-be-empty")
    project.release("1.1-1", "v1.1")
    project("repo", "add-release", "v1.1")
    packages = f"dists/bookworm/{packages}"
    assert "Version: 1.1-1\n" in (served / packages).read_text()
    assert "files sent" in project("repo", "rollback", "2")
    assert "Version: 1.1-1\n" not in (served / packages).read_text()
    assert "Version: 1.0-1\n" in (served / packages).read_text()


def test_what_is_served_is_verified_as_a_user_would(project: Project) -> None:
    project.release("1.0-1", "v1.0")
    project("repo", "add-release", "v1.0")
    top, changed = project.directory / "served", dict[str, bytes]()

    def answer(request: Request) -> Response:
        path = top / request.path.strip("/")
        if not path.is_file():
            return Response(status=404)
        return Response(changed.get(path.suffix, path.read_bytes()))

    config = project.directory / "debwright.toml"
    text = config.read_text()
    with answering(answer) as url:
        config.write_text(text.replace("[repository]\n", f'[repository]\nurl = "{url}"\n'))
        assert "publication 1 is good" in project("repo", "served", "--minutes", "0")
        changed[".deb"] = b"something else"
        assert "NOT good" in project("repo", "served", "--minutes", "0", expect=4)
        changed[".json"] = b"{}"
        said = project("repo", "served", "--minutes", "0", expect=1)
        assert "does not serve publication 1" in said


def test_what_was_altered_or_is_a_draft_is_not_published(project: Project) -> None:
    project.release("1.0-1", "v1.0")
    project.release("1.1-1", "v1.1", published=False)
    assert "no release" in project("repo", "add-release", "v9.9", expect=1)
    assert "has a draft of it" in project("repo", "add-release", "v1.1", expect=1)
    # GitHub, or whoever has its rights, puts another file in the place of one.
    files = project.hub.files_of("v1.0")
    number = next(n for n, c in project.hub.contents.items() if c == files["demo_1.0-1_amd64.deb"])
    other = bytes(len(project.hub.contents[number]))
    project.hub.contents[number] = other
    for release in project.hub.releases.values():
        for asset in release["assets"]:
            if asset["id"] == number:
                asset["digest"] = f"sha256:{hashlib.sha256(other).hexdigest()}"
    assert "are not good" in project("repo", "add-release", "v1.0", expect=4)
    assert not (project.directory / "dist/apt/dists").exists()
