"""Checking a repository as its users' machines do: signatures, then everything they vouch for.

Nothing here trusts the manifests of `publish`: only what a client reads is read.
"""

import gzip
import lzma
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from debwright.keys.gnupg.signatures import (
    EXPIRED,
    Verdict,
    binary_keyring,
    check,
    is_whole_message,
    signed_text,
)
from debwright.model.codes import ERROR, WARNING, Code, Codes
from debwright.model.errors import DebwrightError
from debwright.model.fix import Command
from debwright.model.results import Evidence, Finding
from debwright.repository.incoming import measure
from debwright.repository.release import listed_files
from debwright.repository.validity import WARNED_AT
from debwright.repository.verify.patches import DIFF_INDEX, wrong_patches

FUTURE = timedelta(seconds=10)
"""What apt allows the clocks to differ by (Acquire::Max-FutureTime)."""
RENEW = "debwright repo renew, then debwright repo push; if it is somebody else's, ask them"
RENEWED_KEY = (
    "debwright keys list, which says how to move the end; then debwright repo renew --now; "
    "if it is somebody else's, get the current key"
)
INDEX_LIMIT = 2 * 1024**3
"""Bytes of an index, unpacked."""

CODES = Codes(
    {
        "repository/empty": Code(ERROR, "The repository has no suites."),
        "repository/unsigned": Code(ERROR, "A suite has no signature."),
        "repository/signature": Code(ERROR, "A signature is not good."),
        "repository/mismatch": Code(ERROR, "InRelease and Release differ."),
        "repository/release": Code(ERROR, "A Release file is not as it must be."),
        "repository/expired": Code(ERROR, "A Release file is no longer valid."),
        "repository/ending": Code(WARNING, "A Release file will soon be no longer valid."),
        "repository/future": Code(ERROR, "A Release file is of the future."),
        "repository/index": Code(ERROR, "An index is missing or not the one that is named."),
        "repository/by-hash": Code(ERROR, "An index is not there by its hash."),
        "repository/escape": Code(ERROR, "A name leads out of the pool."),
        "repository/file": Code(ERROR, "A package is missing or not the one that is named."),
    }
)


def verify_repository(path: Path, keyring: Path) -> list[Finding]:
    """Everything wrong with the repository at `path`, for a user who trusts `keyring`.

    `keyring` is a key file, binary or armoured. What is checked: InRelease and Release.gpg with
    gpgv and, where installed, sqv; that both vouch for the same Release; size and hash of every
    index and that each is there by its hash; that compressed and plain indices agree; size and
    hash of every package and source file they name; and that the Release's time has come and is not
    over. An empty list is a good repository.

    Raises MissingError when there is neither gpgv nor sqv, DebwrightError when there is no
    repository or the keyring cannot be read.
    """
    try:
        # One publication is checked, even when another one is published meanwhile.
        dists = (path / "dists").resolve(strict=True)
    except OSError as error:
        raise DebwrightError(
            f"there is no repository in {path}",
            cause="it has no dists/: nothing was published there",
            fix=Command("debwright", "publish"),
        ) from error
    suites = sorted(p for p in dists.iterdir() if p.is_dir())
    if not suites:
        return [_error("repository/empty", f"{path} has no suites")]
    with tempfile.TemporaryDirectory() as scratch:
        key = binary_keyring(keyring, Path(scratch) / "keyring.gpg")
        return [f for suite in suites for f in _verify_suite(path, suite, key)]


def _verify_suite(repo: Path, suite: Path, keyring: Path) -> Iterator[Finding]:
    missing = [n for n in ("InRelease", "Release", "Release.gpg") if not (suite / n).is_file()]
    if missing:
        yield _error("repository/unsigned", f"suite {suite.name} has no {', '.join(missing)}")
        return
    yield from _verify_signatures(suite, keyring)
    release = (suite / "Release").read_bytes()
    yield from _verify_fields(suite, release)
    for name, size, sha256 in listed_files(release):
        index = suite / name
        found = _compare(index, size, sha256, "repository/index", suite)
        if found is not None:
            yield found
            continue
        by_hash = index.parent / "by-hash" / "SHA256" / sha256
        if (found := _compare(by_hash, size, sha256, "repository/by-hash", suite)) is not None:
            yield found
        if index.name == DIFF_INDEX:
            for message, file in wrong_patches(index, suite):
                yield _error("repository/index", message, file=str(file))
        if index.name in ("Packages", "Sources"):
            yield from _verify_compressed(index, suite)
            yield from verify_packages(repo, index)


def _verify_signatures(suite: Path, keyring: Path) -> Iterator[Finding]:
    for name, signature in (("InRelease", None), ("Release", suite / "Release.gpg")):
        for verdict in check(keyring, suite / name, signature):
            if not verdict.good:
                yield _bad_signature(suite, name if signature is None else "Release.gpg", verdict)
    if not is_whole_message((suite / "InRelease").read_bytes()):
        yield _error(
            "repository/signature",
            f"{suite.name}/InRelease has text that its signature does not cover",
            file=str(suite / "InRelease"),
            fix="fetch it again; if it stays so, do not use it",
        )
    signed = signed_text(keyring, suite / "InRelease")
    release = (suite / "Release").read_text(encoding="utf-8", errors="replace")
    # Text in a cleartext signature ends without its last line end (RFC 9580, 7.2).
    if signed and signed.rstrip("\n") != release.rstrip("\n"):
        yield _error(
            "repository/mismatch",
            f"InRelease and Release of suite {suite.name} differ",
            fix="publish again",
        )


def _bad_signature(suite: Path, name: str, verdict: Verdict) -> Finding:
    return _error(
        "repository/signature",
        f"the signature of {suite.name}/{name} is not good for {verdict.tool}: {verdict.why}",
        *verdict.said,
        file=str(suite / name),
        fix=RENEWED_KEY
        if verdict.why.startswith(EXPIRED)
        else "debwright publish, with the key the users have",
    )


def _verify_fields(suite: Path, release: bytes) -> Iterator[Finding]:
    from debian.deb822 import Release

    fields = Release(release)
    if fields.get("Codename", suite.name) != suite.name:
        yield _error(
            "repository/release", f"the Release of {suite.name} says Codename {fields['Codename']}"
        )
    if "SHA256" not in fields:
        yield _error("repository/release", f"the Release of {suite.name} has no SHA-256 hashes")
    yield from verify_dates(suite.name, fields, datetime.now(UTC))
    for architecture in fields.get("Architectures", "").split():
        for component in fields.get("Components", "").split():
            index = suite / component / f"binary-{architecture}" / "Packages"
            if not index.is_file():
                yield _error(
                    "repository/index",
                    f"{suite.name} promises {component} for {architecture} and has no index",
                    file=str(index),
                )


def verify_dates(suite: str, fields: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    """apt takes no Release whose time is over, or has not come (apt-secure(8))."""
    found: dict[str, datetime] = {}
    for name in ("Date", "Valid-Until"):
        text = fields.get(name)
        try:
            when = None if text is None else parsedate_to_datetime(text).astimezone(UTC)
        except ValueError:
            yield _error("repository/release", f"the Release of {suite} has a {name} that is none")
            continue
        if when is None:
            continue
        found[name] = when
        if name == "Valid-Until" and when < now:
            yield _error(
                "repository/expired", f"the Release of {suite} was valid until {text}",
                str(text), fix=RENEW,
            )  # fmt: skip
        elif name == "Valid-Until" and "Date" in found:
            left, period = when - now, when - found["Date"]
            if left < period * WARNED_AT:
                yield _error(
                    "repository/ending",
                    f"the Release of {suite} is valid until {text}, for {_days(left)} more: from "
                    "then on apt takes nothing from it",
                    fix=RENEW,
                )
        if name == "Date" and when > now + FUTURE:
            yield _error(
                "repository/future", f"the Release of {suite} is of the future: {text}",
                fix="look at the clocks of this machine and of the one that publishes",
            )  # fmt: skip


def _days(left: timedelta) -> str:
    days = left // timedelta(days=1)
    return f"{days} {'day' if days == 1 else 'days'}" if days else "less than a day"


def _verify_compressed(index: Path, suite: Path) -> Iterator[Finding]:
    for suffix, opener in ((".gz", gzip.open), (".xz", lzma.open)):
        packed = index.with_name(index.name + suffix)
        if not packed.exists():
            continue
        try:
            with opener(packed, "rb") as stream, index.open("rb") as plain:
                same = _same_content(stream, plain)
        except (OSError, EOFError, lzma.LZMAError) as error:
            yield _error("repository/index", f"{packed.name} cannot be unpacked", str(error))
            continue
        if not same:
            name = packed.relative_to(suite)
            yield _error("repository/index", f"{name} is not {index.name} compressed")


def _same_content(one: Any, other: Any) -> bool:
    total = 0
    while total < INDEX_LIMIT:
        chunk = one.read(1 << 20)
        if chunk != other.read(1 << 20):
            return False
        if not chunk:
            return True
        total += len(chunk)
    return False


def verify_packages(repo: Path, index: Path) -> Iterator[Finding]:
    """Findings about the packages of an index, and about where it says that they lie."""
    from debian.deb822 import Packages, Sources

    parse = Packages if index.name == "Packages" else Sources
    pool = (repo / "pool").resolve()
    with index.open("rb") as stream:
        for record in parse.iter_paragraphs(stream, use_apt_pkg=False):
            for name, size, sha256 in _files_of(record):
                file = (repo / name).resolve()
                if not file.is_relative_to(pool):
                    yield _error("repository/escape", f"{name!r} is outside the pool")
                elif (found := _compare(file, size, sha256, "repository/file", repo)) is not None:
                    yield found


def _files_of(record: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    if "Filename" in record:
        yield record["Filename"], int(record.get("Size", -1)), record.get("SHA256", "")
        return
    for row in record.get("Checksums-Sha256", []):
        yield f"{record['Directory']}/{row['name']}", int(row["size"]), row["sha256"]


def _compare(file: Path, size: int, sha256: str, code: str, base: Path) -> Finding | None:
    name = file.relative_to(base.resolve()) if file.is_relative_to(base.resolve()) else file
    if not file.is_file():
        return _error(code, f"{name} is missing", file=str(file), fix="publish it again")
    found = measure(file)
    if found == (size, sha256):
        return None
    return _error(
        code,
        f"{name} is not what its index says",
        f"expected {size} bytes, sha256 {sha256}",
        f"found {found[0]} bytes, sha256 {found[1]}",
        file=str(file),
        fix=f"remove {name} and publish it again",
    )


def _error(
    code: str, message: str, *evidence: str, file: str | None = None, fix: str | None = None
) -> Finding:
    return CODES.found(
        code,
        message,
        evidence=tuple(
            Evidence(text=t, file=file) for t in evidence or ((message,) if file else ())
        ),
        fix=fix,
    )
