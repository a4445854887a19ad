"""Verifying what is on this machine: a repository, a directory of release files, one file."""

from pathlib import Path

from debwright.keys.gnupg.signatures import signed_text
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.results import Severity
from debwright.repository.verify.certificate import NAME as CERTIFICATES
from debwright.repository.verify.certificate import read_certificates
from debwright.repository.verify.model import Verification
from debwright.repository.verify.repository import verify_repository
from debwright.repository.verify.sums import compare, control_sums, read_sums, unnamed

SUMS = "SHA256SUMS"
CLEARTEXT = b"-----BEGIN PGP SIGNED MESSAGE-----"
CONTROL = (".dsc", ".changes", ".buildinfo")


def verify_directory(directory: Path, keyring: Path) -> Verification:
    """A repository (it has dists/) or the files of a release (it has SHA256SUMS).

    `keyring` is binary. Raises UsageError when it is neither.
    """
    result = Verification(str(directory))
    if (directory / "dists").exists():
        result.findings += verify_repository(directory, keyring)
        if not any(f.severity is Severity.ERROR for f in result.findings):
            suites = sorted(p.name for p in (directory / "dists").iterdir() if p.is_dir())
            result.good.append(
                f"the repository's suites {', '.join(suites)}: signatures, indices and packages"
            )
        return result
    if (directory / SUMS).is_file():
        _release_files(result, directory, keyring)
        return result
    raise UsageError(
        f"{directory} is neither a repository nor the files of a release",
        cause=f"it has no dists/ and no {SUMS}",
        fix="name the repository's directory, a directory with SHA256SUMS, or one file",
    )


def _release_files(result: Verification, directory: Path, keyring: Path) -> None:
    signature = directory / f"{SUMS}.asc"
    if not signature.is_file():
        result.add(
            "verify/unsigned", f"{SUMS} has no signature",
            f"there is no {signature.name} in {directory}", fix=f"download {signature.name}, too",
        )  # fmt: skip
    else:
        result.signature(keyring, directory / SUMS, signature, SUMS)
    sums = read_sums(directory / SUMS)
    if not sums:
        result.add("verify/empty", f"{SUMS} names no file")
    if matched := compare(result, directory, sums, SUMS):
        result.good.append(f"{matched} files are those that {SUMS} names")
    for name in sums:
        own = directory / f"{name}.asc"
        if own.is_file() and (directory / name).is_file():
            result.signature(keyring, directory / name, own, name)
    for path in sorted(directory.iterdir()):
        if path.suffix in CONTROL and path.is_file():
            _control(result, path, keyring, optional=True)
    _certificates(result, directory, sums)
    for name in unnamed(directory, {**sums, SUMS: ""}):
        result.add("verify/unnamed", f"{name} is not in {SUMS}: nothing vouches for it")


def _certificates(result: Verification, directory: Path, sums: dict[str, str]) -> None:
    """What was seen of each package, by the certificates that the sums vouch for."""
    path = directory / CERTIFICATES
    if CERTIFICATES not in sums or not path.is_file():
        return
    try:
        known = list(read_certificates(path))
    except DebwrightError as problem:
        result.add("verify/certificate", problem.what, *(e.text for e in problem.evidence))
        return
    for name in sorted(n for n in sums if n.endswith(".deb") and (directory / n).is_file()):
        own = [c for c in known if c.is_of(name, sums[name])]
        result.good += [f"{name}: {certificate.words()}" for certificate in own]
        if not own:
            result.add("verify/certificate", f"{name} has no boot certificate: nobody saw it run")


def verify_file(path: Path, keyring: Path) -> Verification:
    """One file: by its own signature, by a signature beside it, or by a SHA256SUMS beside it.

    `keyring` is binary. Raises UsageError when there is no such file.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    result = Verification(str(path))
    if path.suffix in (".asc", ".sig", ".gpg") and path.with_suffix("").is_file():
        # Whoever names the signature means what it signs.
        result.signature(keyring, path.with_suffix(""), path, path.stem)
        return result
    if path.suffix in CONTROL or _is_cleartext(path):
        _control(result, path, keyring, optional=False)
        return result
    beside = [s for s in (".asc", ".sig", ".gpg") if path.with_name(path.name + s).is_file()]
    for suffix in beside:
        result.signature(keyring, path, path.with_name(path.name + suffix), path.name)
    sums = path.with_name(SUMS)
    named = read_sums(sums) if sums.is_file() else {}
    if path.name in named:
        _by_sums(result, path, keyring, named)
    elif not beside:
        result.add(
            "verify/unsigned", f"nothing vouches for {path.name}",
            f"there is no {path.name}.asc beside it, and no {SUMS} that names it",
            fix=f"download {path.name}.asc, or {SUMS} and {SUMS}.asc, into {path.parent}",
        )  # fmt: skip
    return result


def _by_sums(result: Verification, path: Path, keyring: Path, named: dict[str, str]) -> None:
    sums, signature = path.with_name(SUMS), path.with_name(f"{SUMS}.asc")
    if signature.is_file():
        result.signature(keyring, sums, signature, SUMS)
    elif not result.good:
        result.add("verify/unsigned", f"{SUMS} has no signature", fix=f"download {SUMS}.asc")
    if compare(result, path.parent, {path.name: named[path.name]}, SUMS):
        result.good.append(f"{path.name}: as {SUMS} has it")


def _control(result: Verification, path: Path, keyring: Path, *, optional: bool) -> None:
    """A .dsc, .changes, .buildinfo or InRelease: its own signature, and the files it names."""
    if not _is_cleartext(path):
        result.add(
            "verify/unsigned", f"{path.name} is not signed",
            fix=None if path.suffix not in CONTROL else f"debsign -kKEY {path.name}",
        )  # fmt: skip
        return
    if not result.signature(keyring, path, None, path.name) or path.suffix not in CONTROL:
        return
    # What the signature covers, not what else the file may hold.
    sums = control_sums(signed_text(keyring, path))
    matched = compare(result, path.parent, sums, path.name, optional=optional)
    if matched:
        result.good.append(f"{matched} files are those that {path.name} names")


def _is_cleartext(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1024).lstrip().startswith(CLEARTEXT)
