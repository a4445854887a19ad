"""The public key for users: armoured, binary, and a page to compare its fingerprint with."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from debwright.host.files import atomic_write, sha256_file
from debwright.keys.gnupg.armor import enarmor
from debwright.keys.gnupg.home import GnupgHome, open_home
from debwright.keys.ring import KeyInfo, find_key, spaced
from debwright.keys.signing.gpg import PLAIN, SigningError
from debwright.model.errors import printable
from debwright.model.fix import Command


@dataclass(frozen=True, kw_only=True)
class Exported:
    armored: Path
    binary: Path
    page: Path


def public_key(home: GnupgHome, fingerprint: str, *, ended: bool = False) -> bytes:
    """The key in binary, without other people's signatures. Raises SigningError.

    With `ended` it has subkeys whose time is over, too: without them, what these have signed seems
    to be of a stranger.
    """
    options = [*PLAIN, *([] if ended else ["--export-options", "export-minimal"])]
    answer = home.call([*options, "--export", fingerprint])
    if answer.status != 0 or not answer.output:
        raise SigningError(
            f"gpg could not export the public key {fingerprint}",
            fix=Command("debwright", "keys", "list"),
        )
    return answer.output


def export(home: Path, fingerprints: list[str], directory: Path, name: str) -> Exported:
    """Write `NAME.asc`, `NAME.gpg` and `NAME.html` for the keys into `directory`.

    Raises MissingError for a key that is not there.
    """
    with open_home(home) as opened:
        keys = [find_key(opened, f) for f in fingerprints]
        data = b"".join(public_key(opened, k.fingerprint) for k in keys)
    directory.mkdir(parents=True, exist_ok=True)
    made = Exported(
        armored=directory / f"{name}.asc",
        binary=directory / f"{name}.gpg",
        page=directory / f"{name}.html",
    )
    atomic_write(made.armored, enarmor("PUBLIC KEY BLOCK", data))
    atomic_write(made.binary, data)
    sums = [(p.name, sha256_file(p)) for p in (made.armored, made.binary)]
    atomic_write(made.page, fingerprint_page(name, keys, sums))
    return made


def fingerprint_page(name: str, keys: list[KeyInfo], sums: list[tuple[str, str]]) -> str:
    """An HTML page with the fingerprints, which needs nothing else."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["day"] = _day
    environment.filters["spaced"] = spaced
    environment.filters["printable"] = printable
    return environment.get_template("fingerprint.html.j2").render(name=name, keys=keys, sums=sums)


def _day(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d}" if when else "never"
