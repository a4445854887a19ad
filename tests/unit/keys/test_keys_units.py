"""Keys without gpg: armour, shares, how long a key will do, and the change to another one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debwright.config import load
from debwright.keys.backup import _require_long
from debwright.keys.gnupg.armor import crc24, dearmor, enarmor
from debwright.keys.parts import Part, end_of, that_signs
from debwright.keys.ring import FAIL_DAYS, WARN_DAYS, KeyInfo, health, parse_listing, spaced
from debwright.keys.rotate import start_rotation
from debwright.keys.shares import combine, read_share, split, write_share
from debwright.model.errors import ConfigError, DebwrightError, UsageError
from debwright.model.results import Severity

OLD = "6C43B96CE05479C89FFD561C3EA65BF54C7A49BC"
NEW = "1564855BAA311F5A02CC66BD2DE05E978E79EB97"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def key(**changes: object) -> KeyInfo:
    values: dict[str, object] = {
        "fingerprint": OLD, "user_id": "A <a@example.org>", "algorithm": "Ed25519",
        "created": NOW, "expires": None, "secret": True, "revoked": False, "can_sign": True,
    }  # fmt: skip
    return KeyInfo(**(values | changes))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=1, max_size=400), st.sampled_from(["SIGNATURE", "PUBLIC KEY BLOCK"]))
def test_armour_gives_back_what_it_was_made_from(data: bytes, kind: str) -> None:
    assert dearmor(enarmor(kind, data), kind) == data


def test_the_checksum_is_the_one_of_the_standard() -> None:
    assert crc24(b"") == 0xB704CE
    assert crc24(b"123456789") == 0x21CF02


def test_blocks_are_put_together_and_others_left_out() -> None:
    both = enarmor("SIGNATURE", b"one") + b"text\n" + enarmor("SIGNATURE", b"two")
    assert dearmor(enarmor("PUBLIC KEY BLOCK", b"key") + both, "SIGNATURE") == b"onetwo"
    with_headers = enarmor("SIGNATURE", b"one").replace(b"\n\n", b"\nComment: x\n\n", 1)
    assert dearmor(with_headers.replace(b"\n", b"\r\n"), "SIGNATURE") == b"one"
    for nothing in (b"", b"-----BEGIN PGP SIGNATURE-----\n\nabc", enarmor("MESSAGE", b"x")):
        with pytest.raises(ValueError, match="no armoured"):
            dearmor(nothing, "SIGNATURE")


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_shares_that_are_enough_give_the_secret(data: st.DataObject) -> None:
    shares = data.draw(st.integers(2, 5))
    needed = data.draw(st.integers(2, shares))
    secret = data.draw(st.binary(min_size=32, max_size=32))
    lines = split(secret, needed=needed, shares=shares)
    assert len(set(lines)) == shares
    chosen = data.draw(st.permutations(lines))
    assert combine(chosen[:needed]) == secret
    with pytest.raises(DebwrightError):
        combine(chosen[: needed - 1])


def test_shares_of_two_backups_and_slips_of_the_pen_are_found() -> None:
    one, two = (split(bytes([n]) * 32, needed=2, shares=3) for n in (1, 2))
    words = one[0].split()
    words[9], words[10] = words[10], words[9]
    for wrong in ([one[0], two[1]], [one[0], one[0]], [" ".join(words), one[1]], []):
        with pytest.raises(DebwrightError) as caught:
            combine(wrong)
        assert not set(one[1].split()) <= set(caught.value.render().split())


@pytest.mark.parametrize(("needed", "shares"), [(1, 3), (4, 3), (2, 17), (0, 0), (-1, 2)])
def test_numbers_of_shares_that_make_no_sense(needed: int, shares: int) -> None:
    with pytest.raises(UsageError):
        split(bytes(32), needed=needed, shares=shares)


def test_a_share_is_read_from_its_file_and_from_paper(tmp_path: Path) -> None:
    line = split(bytes(32), needed=2, shares=2)[0]
    path = tmp_path / "share.txt"
    write_share(path, line, number=1, shares=2, needed=2, fingerprint=OLD, backup="b.asc")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_share(path) == line
    path.write_text("\n".join(f"  {word.upper()}" for word in line.split()))
    assert read_share(path) == line
    path.write_text("Words:\nrm -rf /\n")
    with pytest.raises(UsageError):
        read_share(path)


@pytest.mark.parametrize(
    ("days", "severity"),
    [
        (None, None),
        (WARN_DAYS + 1, None),
        (WARN_DAYS, Severity.WARNING),
        (FAIL_DAYS + 1, Severity.WARNING),
        (FAIL_DAYS, Severity.ERROR),
        (0, Severity.ERROR),
        (-1, Severity.ERROR),
    ],
)
def test_how_long_a_key_will_do(days: int | None, severity: Severity | None) -> None:
    found = health(key(expires=None if days is None else NOW + timedelta(days=days)), NOW)
    assert (found.severity if found else None) == severity


@pytest.mark.parametrize("change", [{"revoked": True}, {"can_sign": False}])
def test_keys_that_will_not_do(change: dict[str, object]) -> None:
    found = health(key(**change), NOW)
    assert found is not None
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("algorithm", "taken"),
    [
        ("RSA-2048", True), ("RSA-4096", True), ("Ed25519", True), ("ECDSA-nistp256", True),
        ("ECDSA-nistp384", True), ("RSA-1024", False), ("DSA-2048", False),
        ("ECDSA-brainpoolP256r1", False),
    ],
)  # fmt: skip
def test_what_apt_of_debian_13_was_seen_to_take(algorithm: str, taken: bool) -> None:
    found = health(key(algorithm=algorithm), NOW)
    assert (found is None) == taken
    if found is not None:
        # Its own apt decides, when it is asked.
        assert (found.code, found.severity) == ("key/weak", Severity.WARNING)


def test_a_listing_is_read() -> None:
    text = (
        "pub:u:255:22:3EA65BF54C7A49BC:1795448858:1855928858::u:::cSC:::+::ed25519:::0:\n"
        f"fpr:::::::::{OLD}:\nuid:u::::1::X::A \\x3a \\x1b[31m <a@b>::::::::::0:\n"
        "sub:u:255:22:AAAAAAAAAAAAAAAA:1795448858:1805448858:::::s:::+::ed25519::\n"
        f"fpr:::::::::{'A' * 40}:\n"
        "pub:r:4096:1:2DE05E978E79EB97:1795448858:::u:::scSC:::#:::23::0:\n"
        f"fpr:::::::::{NEW}:\n"
    )
    first, second = parse_listing(text)
    assert (first.fingerprint, first.algorithm, first.secret) == (OLD, "Ed25519", True)
    assert first.expires == datetime.fromtimestamp(1805448858, UTC), "the signing part ends first"
    assert first.user_id == "A : \x1b[31m <a@b>"
    assert (second.algorithm, second.secret, second.revoked) == ("RSA-4096", False, True)
    assert spaced(OLD).count(" ") == 9


def part(name: str, day: int, *, end: int | None = None, **changes: object) -> Part:
    values: dict[str, object] = {
        "fingerprint": name, "algorithm": "Ed25519", "validity": "u",
        "created": NOW + timedelta(days=day), "can_sign": True, "secret": True,
        "expires": None if end is None else NOW + timedelta(days=end),
    }  # fmt: skip
    return Part(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "name", "end"),
    [
        ([part("P", 0, end=900)], "P", 900),
        # gpg takes the newest subkey that can, though the primary key could for longer.
        ([part("P", 0, end=900), part("S", 1, end=5)], "S", 5),
        ([part("P", 0), part("S", 1, end=50), part("T", 2, end=9), part("R", 1)], "T", 9),
        ([part("P", 0), part("S", 1, end=50), part("T", 2, end=9, validity="r")], "S", 50),
        ([part("P", 0, end=90), part("S", 1, end=-1, validity="e")], "P", 90),
        # The secret of the primary key is not here, as in CI.
        ([part("P", 0, secret=False), part("S", 1, end=7)], "S", 7),
        ([part("P", 0, end=30), part("S", 1, end=7, secret=False)], "P", 30),
        # A file of public keys has no secrets to tell of.
        ([part("P", 0, secret=None), part("S", 1, end=7, secret=None)], "S", 7),
        ([part("P", 0, can_sign=False), part("S", 1, end=-3, validity="e")], None, -3),
    ],
)
def test_the_part_that_signs_and_its_end(parts: list[Part], name: str | None, end: int) -> None:
    used = that_signs(parts)
    assert (used.fingerprint if used else None) == name
    assert end_of(parts) == NOW + timedelta(days=end)


@pytest.mark.parametrize("name", ["debwright.toml", "pyproject.toml"])
def test_a_rotation_is_written_into_the_configuration(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = "tool.debwright.signing" if name == "pyproject.toml" else "signing"
    path.write_text(f'# mine\n[{table}]\nkey = "{OLD}"  # since 2024')
    path.chmod(0o640)
    made = start_rotation(load(tmp_path), NEW, 90, date(2026, 11, 23))
    rotation = load(tmp_path).config.signing.rotation
    assert rotation is not None
    assert (rotation.new_key, rotation.drop) == (NEW, date(2027, 2, 21))
    assert made.drop == rotation.drop
    assert not rotation.over(date(2027, 2, 20))
    assert rotation.over(date(2027, 2, 21))
    assert path.read_text().startswith(f'# mine\n[{table}]\nkey = "{OLD}"  # since 2024\n')
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(UsageError, match="under way"):
        start_rotation(load(tmp_path), NEW, 90, date(2026, 11, 23))


def test_a_rotation_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "debwright.toml"
    text = f'signing = {{ key = "{OLD}" }}\n'
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        start_rotation(load(tmp_path), NEW, 90, date(2026, 11, 23))
    assert NEW in caught.value.render()
    assert path.read_text() == text
    for new, days in ((OLD, 90), (NEW, 3)):
        with pytest.raises(UsageError):
            start_rotation(load(tmp_path), new, days, date(2026, 11, 23))
    path.write_text("")
    with pytest.raises(UsageError, match="no signing key"):
        start_rotation(load(tmp_path), NEW, 90, date(2026, 11, 23))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[signing]\nkey_env = "KEY"\n', "signing.key"),
        (f'[signing]\nkey = "{OLD}"\nkey_env = "KEY"\nhome = "x"\n', "both say where"),
        (f'[signing.rotation]\nnew_key = "{NEW}"\ndrop = 2027-01-01\n', "without signing.key"),
        (
            f'[signing]\nkey = "{OLD}"\n[signing.rotation]\nnew_key = "{OLD}"\ndrop = 2027-01-01\n',
            "signs already",
        ),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "debwright.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert said in caught.value.render()


def test_every_command_has_help() -> None:
    from debwright.cli.app import call

    for name in ("new", "list", "export", "backup", "restore", "rotate", "verify"):
        assert call(["keys", name, "--help"]) == 0


@pytest.mark.parametrize(
    "word", [None, b"", b"x", b"hunter2", b"elevenchars", b" " * 20, b"ab" * 10]
)
def test_a_password_that_could_be_found_out_is_none(word: bytes | None) -> None:
    with pytest.raises(UsageError, match="the backup's password"):
        _require_long(word)


def test_a_long_password_will_do() -> None:
    _require_long("zwölf zeichen".encode())
