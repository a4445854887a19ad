import fcntl
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debwright.keys.gnupg import home
from debwright.keys.gnupg.home import heal_stale_homes
from debwright.keys.signing.gpg import GpgSigner, parse_keys, throwaway_signer
from debwright.model.errors import MissingError, UsageError

FINGERPRINT = "A2E60452B507CBB07BFBDEA3DB1D222F786932B7"
LISTING = f"""\
sec:u:255:22:DB1D222F786932B7:1704067200:1735689600::u:::scSC:::+::ed25519:::0:
fpr:::::::::{FINGERPRINT}:
grp:::::::::25294C753E09D6139DFBA604EB6961034A98D639:
uid:u::::1704067200::C62096::Greeter\\x3a one <a@example.org>::::::::::0:
ssb:e:255:22:542DBBE7B305D881:1704067200:1704153600:::::s:::#::ed25519::
fpr:::::::::6E3C9FC8073A6299FCD52243542DBBE7B305D881:
"""


def test_a_key_listing_is_read() -> None:
    keys, user_id = parse_keys(LISTING)
    assert user_id == "Greeter: one <a@example.org>"
    assert [k.fingerprint for k in keys] == [
        FINGERPRINT,
        "6E3C9FC8073A6299FCD52243542DBBE7B305D881",
    ]
    assert keys[0].expires == datetime(2025, 1, 1, tzinfo=UTC)
    assert keys[0].can_sign
    assert keys[0].secret
    assert keys[1].validity == "e"
    assert not keys[1].secret


@pytest.mark.parametrize("wrong", ["", "greeter@example.org", "786932B7", FINGERPRINT + "00", "-x"])
def test_only_a_fingerprint_names_a_key(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        GpgSigner(wrong)
    assert "gpg --list-secret-keys" in caught.value.render()


def test_a_fingerprint_may_be_written_in_groups() -> None:
    groups = " ".join(FINGERPRINT[i : i + 4] for i in range(0, 40, 4))
    assert GpgSigner("0x" + groups.lower()).fingerprint == FINGERPRINT


@pytest.mark.parametrize("uid", ["", "  ", "a\nb", "a\x00"])
def test_a_throw_away_key_needs_a_name_of_one_line(uid: str) -> None:
    with pytest.raises(UsageError):
        throwaway_signer(uid)


def test_without_gpg_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError) as caught, GpgSigner(FINGERPRINT, home=tmp_path):
        pass
    assert "apt-get install gpg" in caught.value.render()


def test_a_home_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(MissingError, match="is not a directory"),
        GpgSigner(FINGERPRINT, home=tmp_path / "x"),
    ):
        pass


def test_only_homes_that_nobody_holds_are_healed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, outside = tmp_path / "shm", tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    prefix = f"debwright-gpg-{os.getuid()}-"
    names = ("stale", "held", "young", "forgotten")
    paths = {n: place / (prefix + n) for n in names}
    for path in paths.values():
        path.mkdir(parents=True)
    (paths["stale"] / "owner").touch()
    (paths["stale"] / "private-keys-v1.d").mkdir()
    (paths["held"] / "owner").touch()
    old = time.time() - 3600
    os.utime(paths["forgotten"], (old, old))
    (place / (prefix + "link")).symlink_to(outside)
    (place / "another").mkdir()
    monkeypatch.setattr(home, "tmpfs_places", lambda: [place])
    with (paths["held"] / "owner").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sorted(heal_stale_homes()) == sorted([paths["stale"], paths["forgotten"]])
    assert paths["held"].exists()
    assert paths["young"].exists()
    assert (place / "another").exists()
    assert (outside / "precious").exists()
