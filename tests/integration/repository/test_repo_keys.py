"""The state of a key: what is signed again when it changes, and what is not shown at all."""
# ruff: noqa: PLR0917 - fixtures come by name

import subprocess
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.cli.app import call
from debwright.config import Config
from debwright.host.machine import host_arch
from debwright.keys.gnupg.home import open_home
from debwright.keys.ring import find_key
from debwright.keys.signing.gpg import GpgSigner, throwaway_signer
from debwright.model.errors import DebwrightError
from debwright.model.targets import Target
from debwright.repository import acceptance, store
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.plan import record_of
from debwright.repository.publish import publish
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots

pytestmark = [pytest.mark.minutes(0.1), pytest.mark.integration]

MakeDeb = Callable[..., Path]
Files = Callable[..., list[PackageFile]]


def gpg(home: Path, *arguments: str) -> str:
    argv = ["gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback"]
    done = subprocess.run(
        [*argv, "--passphrase", "", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.fixture
def own_home(tmp_path: Path, key_home: Path) -> Path:
    """A copy of the key's home, to change the key there."""
    home = tmp_path / "gnupg"
    subprocess.run(["cp", "-a", str(key_home), str(home)], check=True)
    for socket in home.glob("S.*"):
        socket.unlink()
    return home


def test_whatever_changes_the_key_is_a_reason_to_sign_again(
    tmp_path: Path, make_deb: MakeDeb, own_home: Path, fingerprint: str,
    settings: RepositorySettings, files: Files,
) -> None:  # fmt: skip
    repo, packages = tmp_path / "repo", files(make_deb("greeter"))

    def run() -> tuple[int, str]:
        with GpgSigner(fingerprint, home=own_home) as signer:
            done = publish(repo, packages, signer, settings)
            assert publish(repo, packages, signer, settings).unchanged
        return done.number, record_of(repo, done.number).signs_with

    assert run() == (1, fingerprint)
    gpg(own_home, "--quick-set-expire", fingerprint, "2y")
    assert run() == (2, fingerprint)
    gpg(own_home, "--quick-add-key", fingerprint, "ed25519", "sign", "5d")
    number, subkey = run()
    assert (number, subkey != fingerprint) == (3, True)
    signed = repo / "dists/bookworm/Release.gpg"
    assert subkey in gpg(own_home, "--status-fd", "1", "--verify", str(signed),
                         str(signed.with_name("Release")))  # fmt: skip
    with open_home(own_home) as home:
        key = find_key(home, fingerprint)
    assert key.signs_with == subkey
    assert key.expires is not None
    subprocess.run(["gpgconf", "--homedir", str(own_home), "--kill", "all"], check=True)


def test_verify_says_when_the_part_that_signed_has_ended(
    tmp_path: Path, make_deb: MakeDeb, own_home: Path, fingerprint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A public key without its ended parts makes what they have signed seem a stranger's."""
    project = tmp_path / "project"
    project.mkdir()
    gpg(own_home, "--quick-add-key", fingerprint, "ed25519", "sign", "5d")
    (project / "debwright.toml").write_text(
        f'[signing]\nkey = "{fingerprint}"\nhome = "{own_home}"\n[repository]\norigin = "G"\n'
    )
    run = ["-C", str(project)]
    assert call([*run, "repo", "add", "--suite", "bookworm", str(make_deb("greeter"))]) == 0
    subkey = record_of(project / "dist/apt", 1).signs_with
    assert subkey != fingerprint
    gpg(own_home, "--quick-set-expire", fingerprint, "seconds=1", subkey)
    time.sleep(2)
    capsys.readouterr()
    assert call([*run, "verify", str(project / "dist/apt")]) != 0
    captured = capsys.readouterr()
    text = " ".join((captured.out + captured.err).split())
    assert f"the key has expired: on {datetime.now(UTC):%Y-%m-%d}" in text
    assert f"its subkey {subkey} signed" in text
    assert "not in the keyring" not in text
    subprocess.run(["gpgconf", "--homedir", str(own_home), "--kill", "all"], check=True)


def test_what_users_could_not_verify_is_never_shown(
    tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str, signer: GpgSigner,
    settings: RepositorySettings, files: Files,
) -> None:  # fmt: skip
    class Wrong(GpgSigner):
        def public_key(self) -> bytes:
            return super().public_key()[:-1] + b"\0"

    repo = tmp_path / "repo"
    with (
        Wrong(fingerprint, home=key_home) as wrong,
        pytest.raises(DebwrightError, match="what was written cannot be used"),
    ):
        publish(repo, files(make_deb("greeter")), wrong, settings)
    assert store.current_number(repo) is None
    assert not list(repo.glob("pool/**/*.deb"))


def test_apt_of_the_suite_is_asked_whether_it_takes_the_key(
    tmp_path: Path, key_home: Path, fingerprint: str, signer: GpgSigner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Stranger(GpgSigner):
        """Signs with a key that is not the one that it gives to users."""

        def public_key(self) -> bytes:
            with throwaway_signer("somebody else") as other:
                return other.public_key()

    roots, memory = Roots(Cache(default_cache()), Config()), tmp_path / "private" / "accepted.json"
    layer = roots.base(Target("bookworm", host_arch()))
    acceptance.require(signer, {"bookworm": layer}, roots.cache, memory=memory)
    with (
        Stranger(fingerprint, home=key_home) as stranger,
        pytest.raises(DebwrightError, match="apt of bookworm does not accept") as caught,
    ):
        acceptance.require(stranger, {"bookworm": layer}, roots.cache, memory=memory)
    assert "NO_PUBKEY" in caught.value.render()
    assert acceptance.roots_of(roots, ["bookworm", "of-our-own"]) == (
        {"bookworm": layer}, ["of-our-own"],
    )  # fmt: skip

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(acceptance, "ask", never)
    acceptance.require(signer, {"bookworm": layer}, roots.cache, memory=memory)


@pytest.mark.parametrize(
    "command",
    [
        ["promote", "--from", "nightly", "--to", "stable"], ["renew", "--now"],
        ["rollback", "--to", "1"], ["remove", "--suite", "bookworm-nightly", "greeter"],
    ],
)  # fmt: skip
def test_every_publication_asks_apt_of_its_suites(
    command: list[str], tmp_path: Path, make_deb: MakeDeb, key_home: Path, fingerprint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "debwright.toml").write_text(
        f'[signing]\nkey = "{fingerprint}"\nhome = "{key_home}"\n[repository]\norigin = "G"\n'
    )
    run = ["-C", str(tmp_path), "repo"]
    assert call([*run, "add", "--suite", "bookworm-nightly", str(make_deb("greeter"))]) == 0
    asked: list[str] = []

    def roots_of(_: object, suites: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        asked.extend(suites)
        return dict.fromkeys(asked, "root"), []

    def refuse(*_: object, **__: object) -> None:
        raise acceptance.KeyRefused("apt does not accept signatures of the key")

    monkeypatch.setattr(acceptance, "roots_of", roots_of)
    monkeypatch.setattr(acceptance, "require", refuse)
    assert call([*run, *command]) != 0
    assert asked == ["bookworm"]
    assert store.current_number(tmp_path / "dist/apt") == 1
