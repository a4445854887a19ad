"""debwright verify."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.repository.verify.model import Verification


KEY_NAMES = ("key.gpg", "key.asc", "archive-keyring.gpg")


@click.command("verify")
@click.argument("subject", metavar="DIR|URL|FILE")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False),
    help="The public key to trust. Default: the configured one.",
)  # fmt: skip
@click.option("--suite", "suites", multiple=True, help="A repository's suite, for a URL.")
@click.option(
    "--max-mb", type=click.FloatRange(min=0, min_open=True), default=4000, show_default=True,
    help="Megabytes to fetch at most.",
)  # fmt: skip
@click.pass_obj
def verify(
    options: Options, subject: str, key: Path | None, suites: Sequence[str], *, max_mb: float
) -> int:
    """Check a repository, the files of a release, or one file as a user would.

    Signatures by gpgv, and by sqv where it is installed; then all that they vouch for.
    """
    from debwright.keys.proof import look_at
    from debwright.model.results import Severity
    from debwright.repository.verify.local import verify_directory, verify_file
    from debwright.repository.verify.remote import verify_url

    remote = subject.startswith(("http://", "https://"))
    place = Path(subject)
    with tempfile.TemporaryDirectory(prefix="debwright-verify-") as scratch:
        keyring = Path(scratch) / "keyring.gpg"
        data, note = trusted(options, key, None if remote else place)
        keyring.write_bytes(data)
        if remote:
            work = Path(scratch) / "copy"
            work.mkdir()
            wanted = suites or _configured_suites(options)
            result = verify_url(
                subject, keyring, work, suites=wanted, limit=int(max_mb * 1_000_000)
            )
        elif place.is_dir():
            result = verify_directory(place, keyring)
        else:
            result = verify_file(place, keyring)
        about_keys, _ = look_at(keyring)
    if note is not None:
        result.add("verify/key", note, fix="name a key you got another way with --key")
    for finding in about_keys:
        # Whether what it signed is taken here was seen above; elsewhere, or soon, it may not be.
        # What helps the owner of the key is nothing that a user can do.
        warning = {"severity": Severity.WARNING, "fix": None}
        result.findings.append(finding.model_copy(update=warning))
    _tell(options, result)
    return 0 if result.ok else 4


def trusted(options: Options, key: Path | None, place: Path | None) -> tuple[bytes, str | None]:
    """The keys to trust, in binary, and what must be said of where they came from."""
    from debwright.config import load
    from debwright.keys.configured import configured_keys, home_of, key_variable
    from debwright.keys.export import public_key
    from debwright.keys.gnupg.home import open_home

    if key is not None:
        return _read(key), None
    loaded = load(options.directory)
    signing = loaded.config.signing
    home = home_of(loaded)
    if (name := key_variable(loaded)) is not None and os.environ.get(name):
        # In a job the key is at hand in a variable alone.
        public = []
        for signer in configured_keys(loaded):
            with signer:
                public.append(signer.public_key())
        return b"".join(public), None
    if signing.key is not None and signing.key_env is None:
        wanted = [signing.key, *([signing.rotation.new_key] if signing.rotation else [])]
        from debwright.cli.keys import Place

        with open_home(home or Place.of(options).home) as opened:
            return b"".join(public_key(opened, k, ended=True) for k in wanted), None
    base = place if place is None or place.is_dir() else place.parent
    for name in KEY_NAMES if base is not None else ():
        assert base is not None
        if (base / name).is_file():
            note = f"the key comes from the same place, {base / name}: files may have been "
            return _read(base / name), note + "altered together with it"
    raise UsageError(
        "there is no key to check signatures with",
        cause="debwright.toml has no signing.key, and no --key is given",
        fix="debwright verify --key FILE ...",
    )


def _read(path: Path) -> bytes:
    from debwright.keys.gnupg.armor import is_armored
    from debwright.keys.gnupg.signatures import binary_keys

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DebwrightError(f"the key {path} cannot be read: {error.strerror}") from error
    if b"PRIVATE KEY BLOCK" in data and is_armored(data):
        raise UsageError(
            f"{path} is a secret key",
            cause="to check signatures the public one is enough",
            fix=Command("debwright", "keys", "export"),
        )
    return binary_keys(data, str(path))


def _configured_suites(options: Options) -> list[str]:
    from debwright.config import load
    from debwright.model.targets import Target

    loaded = load(options.directory)
    if loaded.path is None:
        return []
    return list(dict.fromkeys(Target.parse(t).suite for t in loaded.config.targets.build))


def _tell(options: Options, result: Verification) -> None:
    lines = [f"{result.subject}: {'good' if result.ok else 'NOT good'}"]
    lines += [f"  ok: {line}" for line in result.good]
    for finding in result.findings:
        lines.append(f"  {finding.severity}: {finding.message}")
        lines += [f"    | {e.text}" for e in finding.evidence]
        lines += [f"    next: {options.standing.typed(finding.fix)}"] if finding.fix else []
    if not result.good and not result.findings:
        lines.append("  nothing in it is signed")
    data = {
        "subject": result.subject,
        "ok": result.ok,
        "good": result.good,
        "findings": [f.model_dump(mode="json") for f in result.findings],
    }
    emit(options, data, "\n".join(lines))
