"""debwright keys new|rotate: a first key, and one that takes over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.cli.keys import (
    Place,
    as_json,
    new_passphrase,
    passphrase_option,
    unprotected_option,
)
from debwright.model.errors import MissingError, UsageError

if TYPE_CHECKING:
    from debwright.keys.create import Algorithm


algorithm_option = click.option(
    "--algorithm", type=click.Choice(["ed25519", "rsa4096"]), default="ed25519",
    show_default=True, help="Its kind.",
)  # fmt: skip


days_option = click.option(
    "--days", type=int, default=730, show_default=True, help="Days until it expires."
)


@click.command("new")
@click.argument("user_id", metavar='"NAME <ADDRESS>"')
@algorithm_option
@days_option
@passphrase_option
@unprotected_option
@click.pass_obj
def make(
    options: Options, user_id: str, *, algorithm: Algorithm, days: int,
    passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Make a key."""
    from debwright.keys.create import check_wish, new_key
    from debwright.keys.ring import spaced

    place = Place.of(options)
    if unprotected and passphrase_env:
        raise UsageError("--no-passphrase and --passphrase-env contradict each other")
    check_wish(user_id, days)
    passphrase = b"" if unprotected else new_passphrase(passphrase_env)
    key = new_key(place.home, user_id, algorithm=algorithm, days=days, passphrase=passphrase)
    made = key.fingerprint
    lines = [
        spaced(made),
        f"  {key.algorithm}, {key.user_id}, valid until {key.expires:%Y-%m-%d}, in {place.home}",
        "",
        "next: put it into debwright.toml",
        f'  [signing]\n  key = "{made}"',
        "and make a backup, before anything is signed with it:",
        "  " + options.standing.typed(f"debwright keys backup {made} --shares 3 --needed 2"),
    ]
    emit(options, as_json(key), "\n".join(lines))
    return 0


@click.command("rotate")
@click.option("--to", metavar="FINGERPRINT", help="A key that is there, instead of a new one.")
@click.option(
    "--overlap-days", type=int, default=90, show_default=True, help="Days in which both keys sign."
)
@algorithm_option
@days_option
@passphrase_option
@unprotected_option
@click.pass_obj
def replace(
    options: Options, to: str | None, *, overlap_days: int, days: int, algorithm: Algorithm,
    passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Begin the change to another key, which users follow by an ordinary upgrade.

    Both keys sign for --overlap-days, and the keyring package brings users the new one. Then the
    old one is dropped. debwright.toml gets the table [signing.rotation].
    """
    from debwright.keys.create import check_wish, new_key
    from debwright.keys.gnupg.home import open_home
    from debwright.keys.ring import list_keys
    from debwright.keys.rotate import check_rotation, start_rotation

    place = Place.of(options)
    old = check_rotation(place.loaded, overlap_days)
    if to is None:
        with open_home(place.home) as home:
            user_id = next((k.user_id for k in list_keys(home, old)), None)
        if user_id is None:
            raise MissingError(
                f"the key {old} is not in {place.home}: it would give the new one its name",
                cause="it is on another machine, or a variable of a CI system holds it",
                fix='debwright keys new "NAME <ADDRESS>"; debwright keys rotate --to FINGERPRINT',
            )
        check_wish(user_id, days)
        variable = passphrase_env or place.loaded.config.signing.passphrase_env
        passphrase = b"" if unprotected else new_passphrase(variable)
        to = new_key(
            place.home, user_id, algorithm=algorithm, days=days, passphrase=passphrase
        ).fingerprint
    change = start_rotation(place.loaded, place.key(to), overlap_days, datetime.now(UTC).date())
    text = [
        f"{change.path}: [signing.rotation] added",
        f"  until {change.drop}: {change.old} and {change.new} both sign",
        f"  from {change.drop} on: {change.new} signs alone",
        "next: " + options.standing.typed(f"debwright keys backup {change.new}"),
        "      then publish: the keyring package brings users the new key with an upgrade",
    ]
    data = {"old": change.old, "new": change.new, "drop": change.drop.isoformat()}
    emit(options, data, "\n".join(text))
    return 0
