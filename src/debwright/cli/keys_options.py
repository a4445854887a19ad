"""Arguments of `debwright keys`."""

from pathlib import Path
from typing import Any, Literal

import click

passphrase_option = click.option(
    "--passphrase-env", metavar="NAME",
    help="Environment variable that holds the key's passphrase; asked for otherwise.",
)  # fmt: skip
unprotected_option = click.option(
    "--no-passphrase", "unprotected", is_flag=True, help="The key has no passphrase."
)
algorithm_option = click.option(
    "--algorithm", type=click.Choice(["ed25519", "rsa4096"]), default="ed25519",
    show_default=True, help="Its kind.",
)  # fmt: skip
days_option = click.option(
    "--days", type=int, default=730, show_default=True, help="Days until it expires."
)


@click.group()
def keys() -> None:
    """The keys that sign: make, show, export, back up, restore, replace, prove.

    They are in the GnuPG home that signing.home names, or in gpg's own.
    """


@keys.command("new")
@click.argument("user_id", metavar='"NAME <ADDRESS>"')
@algorithm_option
@days_option
@passphrase_option
@unprotected_option
@click.pass_obj
def keys_new(
    options: Any, *, user_id: str, algorithm: Literal["ed25519", "rsa4096"], days: int,
    passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Make a key."""
    from debwright.cli.keys import make

    return make(
        options, user_id, algorithm=algorithm, days=days, passphrase_env=passphrase_env,
        unprotected=unprotected,
    )  # fmt: skip


@keys.command("list")
@click.pass_obj
def keys_list(options: Any) -> int:
    """Secret keys, the days each has left, and what it does here."""
    from debwright.cli.keys import show

    return show(options)


@keys.command("export")
@click.argument("fingerprints", nargs=-1)
@click.option(
    "-d", "--to", "directory", type=click.Path(path_type=Path, file_okay=False),
    default=Path(), help="Directory to write to.",
)  # fmt: skip
@click.option("--name", help="What the files are called. Default: archive-keyring.")
@click.pass_obj
def keys_export(
    options: Any, *, fingerprints: tuple[str, ...], directory: Path, name: str | None
) -> int:
    """Write the public keys: armoured, binary, and a page with the fingerprints.

    Without FINGERPRINTS those that debwright.toml names.
    """
    from debwright.cli.keys import write_public

    return write_public(options, fingerprints, directory, name)


@keys.command("backup")
@click.argument("fingerprint", required=False)
@click.option(
    "--to", "output", type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option("--shares", type=int, default=0, help="Split its password among so many people...")
@click.option("--needed", type=int, default=0, help="...of whom so many must come together.")
@click.option(
    "--password-env", metavar="NAME",
    help="Environment variable with the backup's password, where it is not split.",
)  # fmt: skip
@passphrase_option
@unprotected_option
@click.pass_obj
def keys_backup(
    options: Any, *, fingerprint: str | None, output: Path | None, shares: int, needed: int,
    password_env: str | None, passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Write an encrypted copy of a secret key, and prove that it can be restored."""
    from debwright.cli.keys import save

    return save(
        options, fingerprint, output, shares=shares, needed=needed, password_env=password_env,
        passphrase_env=passphrase_env, unprotected=unprotected,
    )  # fmt: skip


@keys.command("restore")
@click.argument("backup", type=click.Path(path_type=Path))
@click.option(
    "--share", "shares", multiple=True, type=click.Path(path_type=Path),
    help="A share's file. May be given several times.",
)  # fmt: skip
@click.option(
    "--password-env", metavar="NAME", help="Environment variable with the backup's password."
)
@click.option(
    "--passphrase-out", type=click.Path(path_type=Path, dir_okay=False),
    help="Write the key's passphrase there, readable to you alone.",
)  # fmt: skip
@click.pass_obj
def keys_restore(
    options: Any, *, backup: Path, shares: tuple[Path, ...], password_env: str | None,
    passphrase_out: Path | None,
) -> int:  # fmt: skip
    """Bring a key back from its backup, and let it sign once."""
    from debwright.cli.keys import bring_back

    return bring_back(
        options, backup, shares, password_env=password_env, passphrase_out=passphrase_out
    )


@keys.command("rotate")
@click.option("--to", metavar="FINGERPRINT", help="A key that is there, instead of a new one.")
@click.option(
    "--overlap-days", type=int, default=90, show_default=True, help="Days in which both keys sign."
)
@algorithm_option
@days_option
@passphrase_option
@unprotected_option
@click.pass_obj
def keys_rotate(
    options: Any, *, to: str | None, overlap_days: int, algorithm: Literal["ed25519", "rsa4096"],
    days: int, passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Begin the change to another key, which users follow by an ordinary upgrade.

    Both keys sign for --overlap-days, and the keyring package brings users the new one. Then the
    old one is dropped. debwright.toml gets the table [signing.rotation].
    """
    from debwright.cli.keys import replace

    return replace(
        options, to, overlap_days=overlap_days, days=days, algorithm=algorithm,
        passphrase_env=passphrase_env, unprotected=unprotected,
    )  # fmt: skip


@keys.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def keys_verify(options: Any, *, file: Path | None) -> int:
    """Let the configured keys sign, and check it with gpgv and sqv; or look at a key FILE."""
    from debwright.cli.keys import prove_keys

    return prove_keys(options, file)
