"""debwright keys: what each of its commands does and says."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from debwright.cli.common import Options, emit, is_terminal
from debwright.config import LoadedConfig, load
from debwright.host.files import atomic_write
from debwright.host.process import withhold
from debwright.keys.backup import back_up, password_from, restore
from debwright.keys.create import Algorithm, check_wish, new_key
from debwright.keys.export import export
from debwright.keys.proof import look_at, prove
from debwright.keys.ring import KeyInfo, health, list_keys, spaced
from debwright.keys.rotate import check_rotation, start_rotation
from debwright.keys.signing.choose import configured_keys, home_of
from debwright.keys.signing.home import open_home
from debwright.model.errors import MissingError, UsageError
from debwright.model.fix import Command
from debwright.model.results import Finding, Severity


@dataclass(frozen=True)
class Place:
    """Where keys are: the configuration and the GnuPG home."""

    loaded: LoadedConfig
    home: Path

    @classmethod
    def of(cls, options: Options) -> "Place":
        loaded = load(options.directory)
        default = Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
        return cls(loaded, home_of(loaded) or default)

    def key(self, fingerprint: str | None) -> str:
        """The key that was named, or else the configured one."""
        wanted = fingerprint or self.loaded.config.signing.key
        if wanted is None:
            raise UsageError(
                "no key is named, and debwright.toml has no signing.key",
                fix=Command("debwright", "keys", "list"),
            )
        plain = wanted.replace(" ", "").upper().removeprefix("0X")
        if len(plain) not in (40, 64) or not set(plain) <= set("0123456789ABCDEF"):
            raise UsageError(
                f"{wanted!r} is not a fingerprint", fix=Command("debwright", "keys", "list")
            )
        return plain


def secret_of(variable: str | None, prompt: str, *, confirm: bool = False) -> bytes:
    """A secret from an environment variable, or typed without echo; never from an argument."""
    if variable is not None:
        value = os.environ.get(variable)
        if value is None:
            raise MissingError(
                f"the environment variable {variable} is not set",
                fix=f"read -rs {variable} && export {variable}",
            )
        withhold([variable])
        return value.encode()
    if not is_terminal():
        raise UsageError(
            f"there is no terminal to ask for the {prompt.lower()} on",
            fix="name the environment variable that holds it, see --help",
        )
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return typed.encode()


def make(
    options: Options, user_id: str, *, algorithm: Algorithm, days: int,
    passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    place = Place.of(options)
    if unprotected and passphrase_env:
        raise UsageError("--no-passphrase and --passphrase-env contradict each other")
    check_wish(user_id, days)
    passphrase = b"" if unprotected else _new_passphrase(passphrase_env)
    key = new_key(place.home, user_id, algorithm=algorithm, days=days, passphrase=passphrase)
    lines = [
        f"{spaced(key.fingerprint)}",
        f"  {key.algorithm}, {key.user_id}, valid until {key.expires:%Y-%m-%d}, in {place.home}",
        "",
        "next: put it into debwright.toml",
        f'  [signing]\n  key = "{key.fingerprint}"',
        "and make a backup, before anything is signed with it:",
        f"  debwright keys backup {key.fingerprint} --shares 3 --needed 2",
    ]
    emit(options, _as_json(key), "\n".join(lines))
    return 0


def _new_passphrase(variable: str | None) -> bytes:
    found = secret_of(variable, "Passphrase of the new key", confirm=True)
    if not found:
        raise UsageError(
            "the passphrase is empty", fix="give one, or say --no-passphrase if you mean it"
        )
    return found


def show(options: Options) -> int:
    place = Place.of(options)
    signing = place.loaded.config.signing
    now = datetime.now(UTC)
    if not place.home.is_dir():
        raise MissingError(
            f"there is no GnuPG home {place.home}", fix='debwright keys new "NAME <ADDRESS>"'
        )
    with open_home(place.home) as home:
        keys = [k for k in list_keys(home) if k.secret]
    roles = {signing.key: "signs"}
    if signing.rotation is not None:
        over = signing.rotation.over(now.date())
        roles[signing.key] = "dropped" if over else f"signs until {signing.rotation.drop}"
        roles[signing.rotation.new_key] = "signs" if over else "signs, too; takes over"
    rows, lines = [], []
    for key in keys:
        finding = health(key, now)
        role = roles.get(key.fingerprint)
        days = key.days_left(now)
        rows.append({**_as_json(key), "role": role, "finding": _finding_json(finding)})
        left = "never expires" if days is None else f"{days} days left ({key.expires:%Y-%m-%d})"
        lines.append(f"{key.fingerprint}  {key.algorithm}  {left}{f'  [{role}]' if role else ''}")
        lines.append(f"  {key.user_id}")
        if finding is not None:
            lines.append(f"  {finding.severity}: {finding.message}\n  next: {finding.fix}")
    lines = lines or [f"there is no secret key in {place.home}", "next: debwright keys new"]
    emit(options, {"home": str(place.home), "keys": rows}, "\n".join(lines))
    return 0


def write_public(
    options: Options, fingerprints: tuple[str, ...], directory: Path, name: str | None
) -> int:
    place = Place.of(options)
    signing = place.loaded.config.signing
    wanted = [place.key(f) for f in fingerprints] or [place.key(None)]
    if not fingerprints and signing.rotation is not None:
        wanted.append(signing.rotation.new_key)
    made = export(place.home, wanted, directory, name or "archive-keyring")
    files = [str(p) for p in (made.armored, made.binary, made.page)]
    emit(options, {"files": files, "keys": wanted}, "\n".join(f"wrote {f}" for f in files))
    return 0


def save(
    options: Options, fingerprint: str | None, output: Path | None, *, shares: int, needed: int,
    password_env: str | None, passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
    place = Place.of(options)
    key = place.key(fingerprint)
    if bool(shares) != bool(needed):
        raise UsageError("--shares and --needed go together", fix="--shares 3 --needed 2")
    if shares and password_env:
        raise UsageError("a backup has a password or shares", fix="leave --password-env out")
    variable = passphrase_env or place.loaded.config.signing.passphrase_env
    passphrase = b"" if unprotected else secret_of(variable, "Passphrase of the key")
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


def bring_back(
    options: Options, backup: Path, share_files: tuple[Path, ...], *, password_env: str | None,
    passphrase_out: Path | None,
) -> int:  # fmt: skip
    place = Place.of(options)
    if share_files and password_env:
        raise UsageError("a backup has a password or shares", fix="leave one of them out")
    password = (
        password_from(share_files)
        if share_files
        else secret_of(password_env, "Password of the backup")
    )
    key, passphrase = restore(backup, place.home, password=password)
    lines = [f"restored {key.fingerprint} ({key.user_id}) into {place.home}: it signs"]
    if passphrase_out is not None:
        atomic_write(passphrase_out, passphrase + "\n", mode=0o600)
        lines.append(f"wrote its passphrase to {passphrase_out}")
    elif passphrase:
        lines.append("its passphrase is in the backup, too: --passphrase-out FILE writes it down")
    emit(options, _as_json(key), "\n".join(lines))
    return 0


def replace(
    options: Options, to: str | None, *, overlap_days: int, days: int, algorithm: Algorithm,
    passphrase_env: str | None, unprotected: bool,
) -> int:  # fmt: skip
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
        passphrase = b"" if unprotected else _new_passphrase(variable)
        to = new_key(
            place.home, user_id, algorithm=algorithm, days=days, passphrase=passphrase
        ).fingerprint
    change = start_rotation(place.loaded, place.key(to), overlap_days, datetime.now(UTC).date())
    text = [
        f"{change.path}: [signing.rotation] added",
        f"  until {change.drop}: {change.old} and {change.new} both sign",
        f"  from {change.drop} on: {change.new} signs alone",
        "next: debwright keys backup " + change.new,
        "      then publish: the keyring package brings users the new key with an upgrade",
    ]
    data = {"old": change.old, "new": change.new, "drop": change.drop.isoformat()}
    emit(options, data, "\n".join(text))
    return 0


def prove_keys(options: Options, file: Path | None) -> int:
    """Prove the configured keys, or look at a public key file; 4 when there is an error."""
    if file is not None:
        findings, lines = look_at(file)
        return _tell(options, findings, lines)
    place = Place.of(options)
    signers = configured_keys(place.loaded)
    if not signers:
        raise UsageError(
            "debwright.toml has no signing.key: runs are signed with throw-away keys",
            fix='debwright keys new "NAME <ADDRESS>", or name a key file',
        )
    findings, lines = [], []
    for signer in signers:
        with signer:
            found, good = prove(signer)
            lines.append(signer.note)
        findings += found
        lines += [f"  {line}" for line in good]
    return _tell(options, findings, lines)


def _tell(options: Options, findings: list[Finding], lines: list[str]) -> int:
    for finding in findings:
        lines.append(f"{finding.severity}: {finding.message}")
        lines += [f"  | {e.text}" for e in finding.evidence]
        lines += [f"  next: {finding.fix}"] if finding.fix else []
    data = {"lines": lines, "findings": [f.model_dump(mode="json") for f in findings]}
    emit(options, data, "\n".join(lines))
    return 4 if any(f.severity is Severity.ERROR for f in findings) else 0


def _finding_json(finding: Finding | None) -> Any:
    return None if finding is None else finding.model_dump(mode="json")


def _as_json(key: KeyInfo) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "user_id": key.user_id,
        "algorithm": key.algorithm,
        "created": key.created.isoformat(),
        "expires": key.expires.isoformat() if key.expires else None,
        "days_left": key.days_left(datetime.now(UTC)),
    }
