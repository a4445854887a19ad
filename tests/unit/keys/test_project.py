"""The key of a project that names none: where it is, and when there is none."""

from pathlib import Path

import pytest

from debwright.config import load
from debwright.keys import project
from debwright.keys.configured import configured_keys, home_of, key_states

FINGERPRINT = "A" * 40


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project `demo` in the working directory, and where its key would be."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    debian = tmp_path / "demo/debian"
    debian.mkdir(parents=True)
    (debian / "control").write_text("Source: demo\nMaintainer: Jo <jo@example.org>\n")
    entry = "demo (1-1) unstable; urgency=low\n\n  * X.\n\n"
    signed = " -- Jo <jo@example.org>  Mon, 02 Nov 2026 10:00:00 +0000\n"
    (debian / "changelog").write_text(entry + signed)
    (tmp_path / "demo/debwright.toml").write_text("")
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "data/debwright/keys/demo"


def put(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "debwright-fingerprint").write_text(f"{FINGERPRINT}\n")


def test_there_is_none_before_the_first_run(home: Path) -> None:
    loaded = load(Path())
    assert project.find_key(loaded) is None
    assert configured_keys(loaded) == []
    assert home_of(loaded) is None
    assert not home.exists()


def test_it_signs_where_the_configuration_names_none(home: Path) -> None:
    put(home)
    loaded = load(Path())
    assert [s.fingerprint for s in configured_keys(loaded)] == [FINGERPRINT]
    assert key_states(loaded) == [FINGERPRINT]
    assert home_of(loaded) == home


def test_a_configured_key_comes_first(home: Path) -> None:
    put(home)
    Path("debwright.toml").write_text(f'[signing]\nkey = "{"B" * 40}"\n')
    loaded = load(Path())
    assert project.find_key(loaded) is None
    assert home_of(loaded) is None


@pytest.mark.parametrize("value", ["true", "1", "yes"])
def test_never_in_ci(home: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    put(home)
    monkeypatch.setenv("CI", value)
    assert configured_keys(load(Path())) == []


@pytest.mark.parametrize(("sudo", "begins"), [(True, "sudo debwright"), (False, "debwright")])
def test_the_backup_is_made_by_whoever_has_the_key(
    home: Path, monkeypatch: pytest.MonkeyPatch, begins: str, *, sudo: bool
) -> None:
    if sudo:
        monkeypatch.setenv("SUDO_USER", "jo")
    else:
        monkeypatch.delenv("SUDO_USER", raising=False)
    command = project.ProjectKey(home=home, fingerprint=FINGERPRINT).backup()
    assert command.startswith(f"{begins} keys backup --to /")
