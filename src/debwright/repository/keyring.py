"""The package that brings users the repository's keys, and brings them new ones by an upgrade.

`NAME-archive-keyring` has the public keys below /usr/share/keyrings and an entry of sources.list.d
that names them: whoever has it installed follows a change of keys without doing anything.
"""

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from shlex import quote

from debwright.host.process import CommandError, LineSink
from debwright.isolation.namespaces import Bind
from debwright.model.errors import DebwrightError
from debwright.repository.incoming import read_control
from debwright.repository.model import RepositorySettings
from debwright.repository.plan import State
from debwright.repository.sources import sources_text
from debwright.roots.cache import Cache
from debwright.roots.overlay import opened, throwaway
from debwright.roots.store import Layer
from debwright.source.order import compare
from debwright.source.version import for_suite

KEYRINGS = Path("/usr/share/keyrings")
CONTENT_FIELD = "Debwright-Content"
"""A control field of our own: the digest of what the package was made from."""
INSIDE = "/keyring"
SCRIPTS = ("DEBIAN/preinst", "DEBIAN/postrm")
_PREINST = (Path(__file__).with_name("keyring-preinst.sh")).read_text(encoding="utf-8")
_POSTRM = """\
#!/bin/sh
set -e
entry="${DPKG_ROOT:-}/etc/apt/sources.list.d/"@NAME@.sources
record="${DPKG_ROOT:-}/etc/apt/sources.list.d/"@NAME@.changed.save
if [ "$1" = abort-install ] && [ -f "$entry.save" ] && [ ! -e "$entry" ]; then
    mv "$entry.save" "$entry"
fi
if [ "$1" = abort-install ] && [ -f "$record" ]; then
    while IFS="$(printf '\\t')" read -r copy file; do
        mv "$copy" "$file"
    done < "$record"
    rm -f "$record"
fi
if [ "$1" = purge ]; then
    rm -f "$entry.save" "$record"
fi
"""


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """Everything the package is made from, but its version."""

    name: str
    """The repository's, as `greeter`."""
    origin: str
    suite: str
    maintainer: str
    keys: bytes
    """Public keys in binary."""
    sources: str
    """The entry of sources.list.d."""

    @property
    def package(self) -> str:
        return f"{self.name}-archive-keyring"

    @property
    def digest(self) -> str:
        parts = [self.name, self.origin, self.suite, self.maintainer, self.sources]
        parts += [_PREINST, _POSTRM]
        data = json.dumps([*parts, hashlib.sha256(self.keys).hexdigest()])
        return hashlib.sha256(data.encode()).hexdigest()[:32]


def keyring_of(
    settings: RepositorySettings, repo: Path, suite: str, *, keys: bytes, maintainer: str
) -> Keyring:
    """The keyring of a suite. Its entry names the repository's URL."""
    path = KEYRINGS / f"{settings.name}-archive-keyring.gpg"
    return Keyring(
        name=settings.name, origin=settings.origin, suite=suite, maintainer=maintainer, keys=keys,
        sources=sources_text(settings, repo, suite, key=path),
    )  # fmt: skip


def published_version(repo: Path, state: State | None, keyring: Keyring) -> tuple[str, str] | None:
    """Version and content digest of the newest keyring package of the suite; None without one."""
    manifest = state.suites.get(keyring.suite) if state is not None else None
    best: tuple[str, Path] | None = None
    for entry in manifest.entries.named(keyring.package) if manifest is not None else ():
        if entry.kind == "deb" and (best is None or compare(entry.version, best[0]) > 0):
            best = (entry.version, repo / entry.path)
    if best is None:
        return None
    return best[0], str(read_control(best[1]).get(CONTENT_FIELD, ""))


def next_version(keyring: Keyring, previous: tuple[str, str] | None, today: date) -> str | None:
    """The version to publish: the day's, above the previous one; None when nothing has changed."""
    if previous is not None and previous[1] == keyring.digest:
        return None
    day = f"{today:%Y.%m.%d}"
    version, count = for_suite(day, keyring.suite), 0
    while previous is not None and compare(version, previous[0]) <= 0:
        count += 1
        # A clock that went back must not stop users from getting a key.
        base = day if count < 1000 else previous[0].split("~")[0]
        version = for_suite(f"{base}.{count}", keyring.suite)
    return version


def build_keyring(
    keyring: Keyring, version: str, output: Path, *, layer: Layer, cache: Cache,
    sink: LineSink | None = None,
) -> Path:  # fmt: skip
    """Write the package below `output`; the same keyring and version give the same bytes.

    dpkg-deb runs in the root `layer`, whose version of it does not depend on this machine.
    Raises DebwrightError when it refuses.
    """
    epoch = _epoch(version)
    name = f"{keyring.package}_{version}_all.deb"
    with throwaway(cache, layer, "keyring") as overlay:
        work = overlay.directory / "keyring"
        tree = work / "tree"
        tree.mkdir(parents=True)
        for below, data in keyring_files(keyring, version, epoch):
            target = tree / below
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o755 if below in SCRIPTS else 0o644)
        for path in [*tree.rglob("*"), tree]:
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (epoch, epoch))
        bind = Bind(source=work, target=INSIDE, read_only=False)
        with opened(overlay, network=False, binds=[bind]) as inside:
            try:
                inside.run(
                    ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", "tree", name],
                    cwd=INSIDE, env={"SOURCE_DATE_EPOCH": str(epoch)}, sink=sink, merge=True,
                )  # fmt: skip
            except CommandError as error:
                raise DebwrightError(
                    f"{keyring.package} cannot be built", evidence=error.evidence
                ) from error
        output.mkdir(parents=True, exist_ok=True)
        beside = output / f".{name}.new"
        beside.write_bytes((work / name).read_bytes())
        return beside.rename(output / name)


def keyring_files(keyring: Keyring, version: str, epoch: int) -> Iterator[tuple[str, bytes]]:
    """The files of the package by their path in its tree, those in DEBIAN/ among them."""
    name = keyring.package
    conffile = f"etc/apt/sources.list.d/{keyring.name}.sources"
    document = f"usr/share/doc/{name}"
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    yield str(KEYRINGS.relative_to("/") / f"{name}.gpg"), keyring.keys
    yield conffile, keyring.sources.encode()
    yield f"{document}/copyright", _copyright(keyring).encode()
    entry = (
        f"{name} ({version}) {keyring.suite}; urgency=medium\n\n"
        f"  * The current keys.\n\n -- {keyring.maintainer}  {when}\n"
    )
    yield f"{document}/changelog.gz", _gzip(entry.encode())
    yield "DEBIAN/conffiles", f"/{conffile}\n".encode()
    for script, text in zip(SCRIPTS, (_PREINST, _POSTRM), strict=True):
        yield script, _filled_in(text, keyring).encode()
    yield "DEBIAN/control", _control(keyring, version).encode()


def _filled_in(script: str, keyring: Keyring) -> str:
    """A maintainer script with what it is to look for, quoted for the shell."""
    uri = next(i for i in keyring.sources.splitlines() if i.startswith("URIs: "))
    values = {
        "@NAME@": keyring.name, "@SUITE@": keyring.suite, "@URI@": uri.removeprefix("URIs: "),
        "@KEYRING@": str(KEYRINGS / f"{keyring.package}.gpg"),
    }  # fmt: skip
    for token, value in values.items():
        script = script.replace(token, quote(value))
    return script


def _control(keyring: Keyring, version: str) -> str:
    return (
        f"Package: {keyring.package}\n"
        f"Version: {version}\n"
        "Architecture: all\n"
        f"Maintainer: {keyring.maintainer}\n"
        "Section: misc\n"
        "Priority: optional\n"
        "Multi-Arch: foreign\n"
        f"{CONTENT_FIELD}: {keyring.digest}\n"
        f"Description: keys of the package repository of {keyring.origin}\n"
        " With this package installed, apt trusts the repository, and follows it when\n"
        " its signing key changes.\n"
    )


def _copyright(keyring: Keyring) -> str:
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        f"Files: *\nCopyright: {keyring.maintainer}\nLicense: public-domain\n"
        " Public keys are facts, to which no copyright applies.\n"
    )


def _gzip(data: bytes) -> bytes:
    stream = io.BytesIO()
    # No time and no name in the header.
    with gzip.GzipFile(fileobj=stream, mode="wb", filename="", compresslevel=9, mtime=0) as packed:
        packed.write(data)
    return stream.getvalue()


def _epoch(version: str) -> int:
    """Midnight of the day that the version names."""
    year, month, day = (int(part) for part in version.partition("~")[0].split(".")[:3])
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())
