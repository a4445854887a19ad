"""debwright keys list|export|verify: what there is, for others, and whether it works."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.common import Options, emit
from debwright.cli.keys import Place, as_json
from debwright.model.errors import MissingError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.model.results import Finding


@click.command("list")
@click.pass_obj
def show(options: Options) -> int:
    """Secret keys, the days each has left, and what it does here."""
    from debwright.keys.gnupg.home import open_home
    from debwright.keys.ring import health, list_keys

    place = Place.of(options)
    signing = place.loaded.config.signing
    now = datetime.now(UTC)
    if not place.home.is_dir():
        raise MissingError(
            f"there is no GnuPG home {place.home}", fix='debwright keys new "NAME <ADDRESS>"'
        )
    with open_home(place.home) as home:
        keys = [k for k in list_keys(home) if k.secret]
    roles = {signing.key or place.own: "signs"}
    if signing.rotation is not None:
        over = signing.rotation.over(now.date())
        roles[signing.key] = "dropped" if over else f"signs until {signing.rotation.drop}"
        roles[signing.rotation.new_key] = "signs" if over else "signs, too; takes over"
    rows, lines = [], []
    for key in keys:
        finding = health(key, now)
        role = roles.get(key.fingerprint)
        days = key.days_left(now)
        rows.append({**as_json(key), "role": role, "finding": _finding_json(finding)})
        left = "never expires" if days is None else f"{days} days left ({key.expires:%Y-%m-%d})"
        lines.append(f"{key.fingerprint}  {key.algorithm}  {left}{f'  [{role}]' if role else ''}")
        lines.append(f"  {key.user_id}")
        if key.signs_with not in ("", key.fingerprint):
            lines.append(f"  signs with its subkey {key.signs_with}")
        if finding is not None:
            lines.append(f"  {finding.severity}: {finding.message}")
            lines.append(f"  next: {options.standing.optional(finding.fix)}")
    if not keys:
        make = options.standing.typed('debwright keys new "NAME <ADDRESS>"')
        lines = [f"there is no secret key in {place.home}", f"next: {make}"]
    emit(options, {"home": str(place.home), "keys": rows}, "\n".join(lines))
    return 0


@click.command("export")
@click.argument("fingerprints", nargs=-1)
@click.option(
    "-d", "--to", "directory", type=click.Path(path_type=Path, file_okay=False),
    default=Path(), help="Directory to write to.",
)  # fmt: skip
@click.option("--name", help="What the files are called. Default: archive-keyring.")
@click.pass_obj
def write_public(
    options: Options, fingerprints: tuple[str, ...], directory: Path, name: str | None
) -> int:
    """Write the public keys: armoured, binary, and a page with the fingerprints.

    Without FINGERPRINTS those that debwright.toml names.
    """
    from debwright.keys.export import export

    place = Place.of(options)
    signing = place.loaded.config.signing
    wanted = [place.key(f) for f in fingerprints] or [place.key(None)]
    if not fingerprints and signing.rotation is not None:
        wanted.append(signing.rotation.new_key)
    made = export(place.home, wanted, directory, name or "archive-keyring")
    files = [str(p) for p in (made.armored, made.binary, made.page)]
    emit(options, {"files": files, "keys": wanted}, "\n".join(f"wrote {f}" for f in files))
    return 0


@click.command("verify")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def prove_keys(options: Options, file: Path | None) -> int:
    """Let the configured keys sign, and check it with gpgv, sqv, and the targets' own apt where
    their roots are there; or look at a key FILE."""
    from debwright.keys.configured import configured_keys
    from debwright.keys.proof import look_at, prove
    from debwright.model.targets import Target
    from debwright.repository.acceptance import refusals
    from debwright.roots.layers import Roots

    if file is not None:
        findings, lines = look_at(file)
        return _tell(options, findings, lines)
    place = Place.of(options)
    signers = configured_keys(place.loaded)
    if not signers:
        raise UsageError(
            "there is no key yet: the first `debwright publish` makes one for the project",
            fix=Command("debwright", "publish"),
        )
    findings, lines = [], []
    config = place.loaded.config
    suites = [Target.parse(t).suite for t in config.targets.build]
    roots = Roots(options.cache(), config)
    for signer in signers:
        with signer:
            found, good = prove(signer)
            refused, asked = refusals(signer, roots, suites)
            lines.append(signer.note)
        findings += [*found, *refused]
        good += asked
        lines += [f"  {line}" for line in good]
    return _tell(options, findings, lines)


def _tell(options: Options, findings: list[Finding], lines: list[str]) -> int:
    from debwright.model.results import Severity

    for finding in findings:
        lines.append(f"{finding.severity}: {finding.message}")
        lines += [f"  | {e.text}" for e in finding.evidence]
        lines += [f"  next: {options.standing.typed(finding.fix)}"] if finding.fix else []
    data = {"lines": lines, "findings": [f.model_dump(mode="json") for f in findings]}
    emit(options, data, "\n".join(lines))
    return 4 if any(f.severity is Severity.ERROR for f in findings) else 0


def _finding_json(finding: Finding | None) -> Any:
    return None if finding is None else finding.model_dump(mode="json")
