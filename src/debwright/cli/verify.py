"""debwright verify."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from debwright.cli.common import Options, emit
from debwright.config import load
from debwright.keys.export import public_key
from debwright.keys.proof import look_at
from debwright.keys.signing.armor import is_armored
from debwright.keys.signing.choose import home_of
from debwright.keys.signing.home import open_home
from debwright.keys.signing.verify import binary_keys
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command
from debwright.model.targets import Target
from debwright.repository.verify.local import verify_directory, verify_file
from debwright.repository.verify.model import Verification
from debwright.repository.verify.remote import verify_url

KEY_NAMES = ("key.gpg", "key.asc", "archive-keyring.gpg")


def verify(
    options: Options, subject: str, key: Path | None, suites: Sequence[str], *, max_mb: float
) -> int:
    """Verify SUBJECT and say what was found; 4 when it is not good."""
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
        result.add(finding.code, finding.message)
    _tell(options, result)
    return 0 if result.ok else 4


def trusted(options: Options, key: Path | None, place: Path | None) -> tuple[bytes, str | None]:
    """The keys to trust, in binary, and what must be said of where they came from."""
    if key is not None:
        return _read(key), None
    loaded = load(options.directory)
    signing = loaded.config.signing
    home = home_of(loaded)
    if signing.key is not None and signing.key_env is None:
        wanted = [signing.key, *([signing.rotation.new_key] if signing.rotation else [])]
        from debwright.cli.keys import Place

        with open_home(home or Place.of(options).home) as opened:
            return b"".join(public_key(opened, k) for k in wanted), None
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
        lines += [f"    next: {finding.fix}"] if finding.fix else []
    if not result.good and not result.findings:
        lines.append("  nothing in it is signed")
    data = {
        "subject": result.subject,
        "ok": result.ok,
        "good": result.good,
        "findings": [f.model_dump(mode="json") for f in result.findings],
    }
    emit(options, data, "\n".join(lines))
