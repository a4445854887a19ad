"""debwright repo withdraw|rename: what users' apt would miss, or ask about, done on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import click

from debwright.cli.common import Options
from debwright.cli.repo.working import ask_apt, tell, working
from debwright.model.errors import UsageError
from debwright.model.fix import Command


@click.command("withdraw")
@click.option("--suite", required=True, metavar="SUITE", help="The suite; of it all, or parts.")
@click.option(
    "--architecture", "architectures", multiple=True, metavar="ARCH",
    help="This architecture of it; may be repeated.",
)  # fmt: skip
@click.option(
    "--component", "components", multiple=True, metavar="NAME",
    help="This component of it; may be repeated.",
)  # fmt: skip
@click.pass_obj
def take_back(
    options: Options, suite: str, architectures: Sequence[str], components: Sequence[str]
) -> int:
    """Stop publishing an architecture, a component, or a whole suite that has no packages any more.

    apt of users who have it reports that it is gone, and shows them no package of it.
    """
    from debwright.repository.edits import withdraw
    from debwright.repository.promises import Withdrawal

    wanted = Withdrawal(
        suite=suite, architectures=tuple(architectures), components=tuple(components)
    )
    with working(options) as (place, signer, reporter):
        ask_apt(options, place, signer, [suite], reporter)
        done = withdraw(place.path, wanted, signer, place.settings(), say=reporter.note)
    return tell(options, done)


@click.command("rename")
@click.option("--users-must-confirm", "confirmed", is_flag=True, help="Yes, it is meant.")
@click.pass_obj
def give_name(options: Options, *, confirmed: bool) -> int:
    """Publish with the origin and label that debwright.toml has now.

    `apt-get update` then fails for every user until they pass --allow-releaseinfo-change. The
    keyring package is named after the origin: those who have the old one get no new keys.
    """
    from debwright.repository.edits import rename

    if not confirmed:
        raise UsageError(
            "every user's `apt-get update` would fail until they confirm the new name",
            fix=Command("debwright", "repo", "rename", "--users-must-confirm"),
        )
    with working(options) as (place, signer, reporter):
        ask_apt(options, place, signer, list(place.state().suites), reporter)
        done = rename(place.path, signer, place.settings(), say=reporter.note)
    return tell(options, done)
