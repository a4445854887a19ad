"""Which signer a configuration asks for."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.config.publishing import Signing
from debwright.keys import project
from debwright.keys.gnupg.home import open_home
from debwright.keys.ring import list_keys
from debwright.keys.signing.from_variable import VariableSigner, fingerprint_in
from debwright.keys.signing.gpg import GpgSigner, throwaway_signer
from debwright.keys.signing.two_keys import TwoKeySigner

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.keys.signing import Signer


KEY, PASSPHRASE = Signing.fixed_secrets
IN_CI = (
    "in CI no key is made: the repository is signed with a key that ends with the run, which no "
    f"user can follow; hand the project's key over as the secret {KEY} (docs/release.md)"
)


def _unheard(_: str) -> None:
    return None


@contextmanager
def configured_signer(
    loaded: "LoadedConfig",
    package: str,
    *,
    today: date | None = None,
    ahead: bool = False,
    say: Callable[[str], None] = _unheard,
) -> Iterator["Signer"]:
    """The signer of [signing], ready to sign: one key, or two while they change.

    Where none is configured it is the project's own (project.py), made at its first use and told
    to `say`; in CI that of the variable DEBWRIGHT_SIGNING_KEY, or else a throw-away one. With
    `ahead` a single key is got ready while the caller does its own work, and what is wrong with it
    is told at its first use. From the day of signing.rotation.drop (in UTC) on, the new key signs
    alone. Raises what GpgSigner raises when a key is missing or cannot sign.
    """
    with ExitStack() as stack:
        found = configured_keys(loaded, today=today)
        if not found and not project.in_ci():
            found = [_own_signer(project.name_of(loaded) or package, say)]
        if not found:
            say(IN_CI)
            yield stack.enter_context(
                throwaway_signer(f"{package} test repository (throw-away key)")
            )
        elif len(found) == 1 and ahead:
            stack.callback(found[0].close)
            found[0].prepare()
            yield found[0]
        elif len(found) == 1:
            yield stack.enter_context(found[0])
        else:
            yield stack.enter_context(TwoKeySigner(*found))


def configured_keys(loaded: "LoadedConfig", *, today: date | None = None) -> list[GpgSigner]:
    """The keys that sign today, the oldest first; none as long as there is no key.

    Raises UsageError where a job is given a variable that does not hold one key.
    """
    signing = loaded.config.signing
    if signing.key is None and (name := key_variable(loaded)) is not None:
        return [_signer(loaded, fingerprint_in(name), None)]
    if signing.key is None:
        own = project.find_key(loaded)
        return [GpgSigner(own.fingerprint, home=own.home)] if own else []
    keys = [_signer(loaded, signing.key, signing.passphrase_env)]
    if (change := signing.rotation) is not None:
        keys.append(
            _signer(loaded, change.new_key, change.passphrase_env or signing.passphrase_env)
        )
        if change.over(today or datetime.now(UTC).date()):
            del keys[0]
    return keys


def key_states(loaded: "LoadedConfig", *, today: date | None = None) -> list[str]:
    """The keys that sign today, each with the part that signs and its end: when one changes, users
    need to get it.

    A key that is handed over in a variable is not opened for this: it has a digest of it then.
    """
    found = [s.fingerprint for s in configured_keys(loaded, today=today)]
    name = key_variable(loaded)
    if loaded.config.signing.key is None and name is None:
        return found
    home = home_of(loaded) or Path(os.environ.get("GNUPGHOME") or Path.home() / ".gnupg")
    if name is not None:
        digest = sha256(os.environb.get(name.encode(), b"")).hexdigest()[:32]
        return [f"{fingerprint} {digest}" for fingerprint in found]
    if not found or not home.is_dir():
        return found
    with open_home(home) as opened:
        known = {k.fingerprint: k.state for k in list_keys(opened, *found)}
    return [known.get(fingerprint, fingerprint) for fingerprint in found]


def key_variable(loaded: "LoadedConfig") -> str | None:
    """The variable that holds the key: signing.key_env, or in a job the one that is set there."""
    signing = loaded.config.signing
    if signing.key_env is not None:
        return signing.key_env
    given = project.in_ci() and signing.home is None and os.environ.get(KEY, "").strip()
    return KEY if given else None


def _signer(loaded: "LoadedConfig", key: str, passphrase_env: str | None) -> GpgSigner:
    if (name := key_variable(loaded)) is not None:
        if name == KEY and passphrase_env is None and os.environ.get(PASSPHRASE):
            passphrase_env = PASSPHRASE
        return VariableSigner(key, key_env=name, passphrase_env=passphrase_env)
    return GpgSigner(key, home=home_of(loaded), passphrase_env=passphrase_env)


def _own_signer(package: str, say: Callable[[str], None]) -> GpgSigner:
    key = project.ensure_key(package)
    if key.made:
        say(
            f"made a key for {package}, which signs from now on: {key.fingerprint}, in {key.home}; "
            f"next, a backup: {key.backup()}"
        )
    return GpgSigner(key.fingerprint, home=key.home)


def home_of(loaded: "LoadedConfig") -> Path | None:
    """The configured GnuPG home, or that of the project's own key; None for gpg's own."""
    home = loaded.config.signing.home
    if home is not None:
        return loaded.resolve(home)
    own = project.find_key(loaded)
    return own.home if own else None
