"""debwright keys: the keys that sign."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.commands import Commands
from debwright.cli.common import Options, is_terminal
from debwright.host.process import withhold
from debwright.host.variables import variable
from debwright.model.errors import UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.keys.ring import KeyInfo


passphrase_option = click.option(
    "--passphrase-env", metavar="NAME",
    help="Environment variable that holds the key's passphrase; asked for otherwise.",
)  # fmt: skip


unprotected_option = click.option(
    "--no-passphrase", "unprotected", is_flag=True, help="The key has no passphrase."
)


@click.group(cls=Commands, package=__name__)
def keys() -> None:
    """The keys that sign: make, show, export, back up, restore, replace, prove.

    They are in the GnuPG home that signing.home names, or else that of the project's own key, which
    the first run makes, or in gpg's own.
    """


@dataclass(frozen=True)
class Place:
    """Where keys are: the configuration and the GnuPG home."""

    loaded: LoadedConfig
    home: Path
    own: str | None = None
    """The key that debwright made for the project, where none is configured."""

    @classmethod
    def of(cls, options: Options) -> Place:
        from debwright.config import load
        from debwright.keys.configured import home_of
        from debwright.keys.project import find_key

        loaded = load(options.directory)
        default = Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
        own = find_key(loaded)
        return cls(loaded, home_of(loaded) or default, own.fingerprint if own else None)

    def key(self, fingerprint: str | None) -> str:
        """The key that was named, or else the configured one, or else the project's own."""
        wanted = fingerprint or self.loaded.config.signing.key or self.own
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


def secret_of(name: str | None, prompt: str, *, confirm: bool = False) -> bytes:
    """A secret from an environment variable, or typed without echo; never from an argument."""
    if name is not None:
        value = variable(name, may_be_empty=True)
        withhold([name])
        return value.encode()
    if not is_terminal():
        raise UsageError(
            f"there is no terminal to ask for the {prompt.lower()} on",
            fix="name the environment variable that holds it, see --help",
        )
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return typed.encode()


def new_passphrase(variable: str | None) -> bytes:
    found = secret_of(variable, "Passphrase of the new key", confirm=True)
    if not found:
        raise UsageError(
            "the passphrase is empty", fix="give one, or say --no-passphrase if you mean it"
        )
    return found


def as_json(key: KeyInfo) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "user_id": key.user_id,
        "algorithm": key.algorithm,
        "signs_with": key.signs_with or None,
        "created": key.created.isoformat(),
        "expires": key.expires.isoformat() if key.expires else None,
        "days_left": key.days_left(datetime.now(UTC)),
    }
