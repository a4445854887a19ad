"""Which registry is asked, and who gets a password."""

from pathlib import Path

import pytest

from debwright.model.errors import ConfigError
from debwright.source.carriers.npm.model import Locked
from debwright.source.carriers.npm.registry import Registry, configured

ME = """\
registry=https://npm.example.com/all/
@mine:registry=https://npm.example.com/mine/
//npm.example.com/mine/:_authToken=${MINE_TOKEN}
//npm.example.com/all/:username=ann
//npm.example.com/all/:_password=c2VjcmV0
# a comment
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_userconfig"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("debwright.source.carriers.npm.registry.MACHINE", ())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MINE_TOKEN", "tok")
    return tmp_path


def package(name: str, url: str | None = None) -> Locked:
    return Locked(path=f"node_modules/{name}", name=name, version="1.2.3", url=url, integrity=None)


def of(home: Path, mine: str = ME, theirs: str = "") -> Registry:
    (home / ".npmrc").write_text(mine)
    project = home / "project"
    project.mkdir()
    (project / ".npmrc").write_text(theirs)
    return configured(project)


def test_addresses_are_the_configured_registry_s(home: Path) -> None:
    found = of(home)
    assert found.tarball(package("a")) == "https://npm.example.com/all/a/-/a-1.2.3.tgz"
    assert found.tarball(package("@mine/a")) == "https://npm.example.com/mine/@mine/a/-/a-1.2.3.tgz"
    public = "https://registry.npmjs.org/a/-/a-1.2.3.tgz"
    assert found.tarball(package("a", public)) == "https://npm.example.com/all/a/-/a-1.2.3.tgz"
    other = "https://elsewhere.example/a.tgz"
    assert found.tarball(package("a", other)) == other
    assert found.description(package("@mine/a")).endswith("/mine/@mine%2Fa/1.2.3")


def test_a_password_goes_to_the_machine_it_is_for_and_only_encrypted(home: Path) -> None:
    found = of(home)
    assert found.login("https://npm.example.com/mine/@mine/a/-/a-1.2.3.tgz") == "Bearer tok"
    assert found.login("https://npm.example.com/all/a") == "Basic YW5uOnNlY3JldA=="
    assert found.login("http://npm.example.com/mine/a") is None
    assert found.login("https://npm.example.com.evil.example/mine/a") is None
    assert found.login("https://npm.example.com/") is None


def test_a_project_chooses_its_registry_but_gets_no_variables_and_no_passwords(home: Path) -> None:
    theirs = """\
registry=https://theirs.example/
@x:registry=https://x.example/${MINE_TOKEN}/
//theirs.example/:_authToken=${MINE_TOKEN}
//npm.example.com/:_auth=eA==
"""
    found = of(home, theirs=theirs)
    assert found.tarball(package("a")).startswith("https://theirs.example/")
    assert "tok" not in found.tarball(package("@x/a"))
    assert found.login("https://theirs.example/a") is None


def test_the_environment_wins_and_what_is_no_address_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "https://env.example")
    assert of(home).tarball(package("a")) == "https://env.example/a/-/a-1.2.3.tgz"
    with pytest.raises(ConfigError) as caught:
        configured(home, "ftp://user:secret@host.example/")
    assert "secret" not in str(caught.value)
