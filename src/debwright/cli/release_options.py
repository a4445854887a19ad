"""Arguments of the commands around a release: verify."""

from pathlib import Path
from typing import Any

import click


@click.command()
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
    options: Any, *, subject: str, key: Path | None, suites: tuple[str, ...], max_mb: float
) -> int:
    """Check a repository, the files of a release, or one file as a user would.

    Signatures by gpgv, and by sqv where it is installed; then all that they vouch for.
    """
    from debwright.cli.verify import verify as verify_subject

    return verify_subject(options, subject, key, suites, max_mb=max_mb)


@click.command()
@click.option("--tag", help="The release's tag, even before it exists. Default: the current one.")
@click.option("--since", help="The tag or commit to begin after. Default: the release before.")
@click.option("--write", is_flag=True, help="Put the entry into debian/changelog.")
@click.option(
    "--notes", type=click.Path(path_type=Path, dir_okay=False), help="Write release notes there."
)
@click.option("--distribution", default="unstable", show_default=True, help="Of the entry.")
@click.pass_obj
def changelog(
    options: Any, *, tag: str | None, since: str | None, write: bool, notes: Path | None,
    distribution: str,
) -> int:  # fmt: skip
    """What changed since the last release: an entry for debian/changelog, and release notes.

    Made from the commits; those that follow Conventional Commits are sorted by their type.
    """
    from debwright.cli.changelog import tell_changes

    return tell_changes(
        options, tag=tag, since=since, write=write, notes=notes, distribution=distribution
    )


@click.command()
@click.option("--tag", help="The tag to release. Default: the one of the current commit.")
@click.option("--publish", "public", is_flag=True, help="Make it public when all is there.")
@click.option("--preflight", "only_look", is_flag=True, help="Only look whether it can be made.")
@click.option(
    "--collected", is_flag=True,
    help="Build nothing: release what `debwright collect` has put into dist/.",
)  # fmt: skip
@click.pass_obj
def release(
    options: Any, *, tag: str | None, public: bool, only_look: bool, collected: bool
) -> int:  # fmt: skip
    """Build and check what a tag names, and bring it to GitHub: signed, as a draft.

    Keys, token, tag and version are looked at before anything is built. Run again after a
    failure, it goes on where it stopped. A published release is never changed.
    """
    from debwright.cli.release import release as bring

    return bring(options, tag, public=public, only_look=only_look, collected=collected)
