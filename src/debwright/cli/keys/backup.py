"""debwright keys backup|restore."""

from pathlib import Path

import click

from debwright.cli.common import Options, emit
from debwright.cli.keys import Place, as_json, passphrase_option, secret_of, unprotected_option
from debwright.model.errors import UsageError
from debwright.model.fix import Correction


@click.command("backup")
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
def save(
    options: Options, fingerprint: str | None, output: Path | None, *, shares: int, needed: int,
    password_env: str | None, passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    """Write an encrypted copy of a secret key, and prove that it can be restored."""
    from debwright.keys.backup import back_up

    place = Place.of(options)
    key = place.key(fingerprint)
    if bool(shares) != bool(needed):
        raise UsageError(
            "--shares and --needed go together",
            fix=Correction(str(shares // 2 + 1), option="--needed")
            if shares
            else Correction(str(needed + 1), option="--shares"),
        )
    if shares and password_env:
        raise UsageError("a backup has a password or shares", fix="leave --password-env out")
    variable = passphrase_env or place.loaded.config.signing.passphrase_env
    open_key = unprotected or key == place.own
    passphrase = b"" if open_key else secret_of(variable, "Passphrase of the key")
    password = None if shares else secret_of(password_env, "Password of the backup", confirm=True)
    made = back_up(
        place.home, key, output or Path(f"key-{key[-16:]}-backup.asc"), passphrase=passphrase,
        password=password, shares=shares, needed=needed,
    )  # fmt: skip
    lines = [f"wrote {made.path}: read back, and the key in it has signed"]
    lines += [f"wrote {share}" for share in made.shares]
    if made.shares:
        lines.append(f"give each share to another person; any {needed} of {shares} restore the key")
    data = {"backup": str(made.path), "shares": [str(s) for s in made.shares], "needed": needed}
    emit(options, data, "\n".join(lines))
    return 0


@click.command("restore")
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
def bring_back(
    options: Options, backup: Path, shares: tuple[Path, ...], *, password_env: str | None,
    passphrase_out: Path | None,
) -> int:  # fmt: skip
    """Bring a key back from its backup, and let it sign once."""
    from debwright.host.files import atomic_write
    from debwright.keys.backup import password_from, restore

    place = Place.of(options)
    if shares and password_env:
        raise UsageError("a backup has a password or shares", fix="leave one of them out")
    password = (
        password_from(shares) if shares else secret_of(password_env, "Password of the backup")
    )
    key, passphrase = restore(backup, place.home, password=password)
    lines = [f"restored {key.fingerprint} ({key.user_id}) into {place.home}: it signs"]
    if passphrase_out is not None:
        atomic_write(passphrase_out, passphrase + "\n", mode=0o600)
        lines.append(f"wrote its passphrase to {passphrase_out}")
    elif passphrase:
        lines.append("its passphrase is in the backup, too: --passphrase-out FILE writes it down")
    emit(options, as_json(key), "\n".join(lines))
    return 0
