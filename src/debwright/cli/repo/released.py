"""debwright repo add-release|served: a published release on its way to users' apt."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit, reporter_for
from debwright.cli.repo import Place
from debwright.cli.repo.working import ask_apt, keyrings_of, tell, working
from debwright.cli.verify import trusted
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError

if TYPE_CHECKING:
    from debwright.release.index import ReleaseIndex


@click.command("add-release")
@click.argument("tag")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False),
    help="The public key that the release is signed by. Default: the configured one.",
)  # fmt: skip
@click.pass_obj
def add_release(options: Options, tag: str, key: Path | None) -> int:
    """Publish the packages of the published release TAG, as they are.

    Its files are fetched from GitHub and verified by its signed SHA256SUMS. A pre-release goes to
    the channel candidate. The stores of [repository] get it, too.
    """
    from debwright.github.client import Github
    from debwright.github.http import Http
    from debwright.github.place import required_repository
    from debwright.release.taken import (
        fetch_files,
        packages_of,
        published_release,
        verified_index,
    )
    from debwright.repository.publish import publish

    with (
        working(options) as (place, signer, reporter),
        tempfile.TemporaryDirectory(prefix="debwright-release-") as scratch,
    ):
        files, work, made = (Path(scratch) / name for name in ("files", "work", "made"))
        for directory in (files, work, made):
            directory.mkdir()
        keyring = Path(scratch) / "keyring.gpg"
        keyring.write_bytes(trusted(options, key, None)[0])
        repository = required_repository(place.loaded, what="has the release")
        with Http.from_environment(say=reporter.note, needs="contents: read") as http:
            github = Github(http, repository)
            release = published_release(github, tag)
            reporter.note(f"fetching the files of {release.html_url}")
            fetch_files(github, release, files, reporter.note)
        index = verified_index(files, keyring, tag)
        settings = place.settings()
        packages = packages_of(
            index, files, work, channel=_channel(place, index), component=settings.component,
            suffix=place.loaded.config.repository.codename_suffix,
        )  # fmt: skip
        if not settings.sources:
            packages = [p for p in packages if p.path.suffix == ".deb"]
        suites = list(dict.fromkeys(p.suite for p in packages))
        ask_apt(options, place, signer, suites, reporter)
        packages += keyrings_of(options, place, signer, packages, scratch=made, say=reporter.note)
        done = publish(place.path, packages, signer, settings, say=reporter.note)
    return tell(options, done)


def _channel(place: Place, index: ReleaseIndex) -> str:
    """The configured one, where it is another than the stable one; that of the release else."""
    channel: str = place.loaded.config.repository.channel
    if channel in ("stable", "auto"):
        return "candidate" if index.prerelease else "stable"
    return channel


@click.command("served")
@click.option(
    "--minutes", type=click.FloatRange(min=0), default=15.0, show_default=True,
    help="How long to wait until the address serves the publication.",
)  # fmt: skip
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False),
    help="The public key to trust. Default: the configured one.",
)  # fmt: skip
@click.pass_obj
def served(options: Options, minutes: float, key: Path | None) -> int:
    """Wait until repository.url serves the current publication, and verify it as users' apt would.

    Servers take their time: GitHub Pages a minute or two after a push.
    """
    from debwright.repository.verify.remote import verify_url
    from debwright.repository.verify.serving import wait_until_served

    place, reporter = Place.of(options), reporter_for(options)
    url = place.loaded.config.repository.url
    if url is None:
        raise UsageError(
            "repository.url does not say where the repository is served",
            fix='[repository] url = "https://OWNER.github.io/NAME"',
        )
    state = place.state()
    try:
        with (
            interruptible(),
            tempfile.TemporaryDirectory(prefix="debwright-served-") as scratch,
        ):
            keyring = Path(scratch) / "keyring.gpg"
            keyring.write_bytes(trusted(options, key, None)[0])
            wait_until_served(url, state.record, seconds=minutes * 60, say=reporter.note)
            work = Path(scratch) / "copy"
            work.mkdir()
            result = verify_url(url, keyring, work, suites=sorted(state.suites), limit=8 * 1000**3)
    finally:
        reporter.close()
    lines = [f"{url}: publication {state.record.number} is {'good' if result.ok else 'NOT good'}"]
    lines += [f"  {finding.severity}: {finding.message}" for finding in result.findings]
    data = {
        "url": url, "number": state.record.number, "ok": result.ok,
        "findings": [f.model_dump(mode="json") for f in result.findings],
    }  # fmt: skip
    emit(options, data, "\n".join(lines))
    return 0 if result.ok else 4
