"""The signing key of a job whose project names none: what DEBWRIGHT_SIGNING_KEY holds."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.release.test_release import PASSPHRASE, exported

from debwright.config import load
from debwright.keys.configured import configured_keys, key_states
from debwright.keys.create import new_key
from debwright.keys.proof import prove
from debwright.model.errors import MissingError, UsageError


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Two keys with a passphrase: fingerprint and secret key of each."""
    made = []
    for name in ("one", "two"):
        home = tmp_path_factory.mktemp(name)
        user = f"{name} <{name}@example.org>"
        key = new_key(home, user, algorithm="ed25519", days=100, passphrase=PASSPHRASE.encode())
        made.append((key.fingerprint, exported(home, "--export-secret-keys")))
    return made


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch, keys: list[tuple[str, str]]) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("DEBWRIGHT_SIGNING_KEY", keys[0][1])
    monkeypatch.setenv("DEBWRIGHT_SIGNING_PASSPHRASE", PASSPHRASE)


def test_it_signs(tmp_path: Path, keys: list[tuple[str, str]]) -> None:
    loaded = load(tmp_path)
    (signer,) = configured_keys(loaded)
    with signer:
        findings, good = prove(signer, now=datetime.now(UTC))
    assert not findings
    assert good
    assert signer.fingerprint == keys[0][0]
    assert key_states(loaded)[0].startswith(f"{keys[0][0]} "), "it changes when the key does"


def test_nobody_else_than_a_job_signs_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "false")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert configured_keys(load(tmp_path)) == []


def test_a_fingerprint_in_the_configuration_keeps_another_key_from_signing(
    tmp_path: Path, keys: list[tuple[str, str]]
) -> None:
    (tmp_path / "debwright.toml").write_text(f'[signing]\nkey = "{keys[1][0]}"\n')
    (signer,) = configured_keys(load(tmp_path))
    assert signer.fingerprint == keys[1][0]
    with pytest.raises(MissingError, match="no secret key"), signer:
        pass


def test_two_keys_in_it_are_one_too_many(
    tmp_path: Path, keys: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBWRIGHT_SIGNING_KEY", keys[0][1] + keys[1][1])
    with pytest.raises(UsageError, match="holds 2 secret keys"):
        configured_keys(load(tmp_path))
