"""debwright repo add|remove|rollback|promote|renew: each is a publication of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options
from debwright.cli.repo import Place
from debwright.cli.repo.working import ask_apt, roots_for, tell, working
from debwright.model.errors import UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.keys.signing import Signer
    from debwright.repository.edits import Promotion
    from debwright.repository.model import PackageFile


suite_option = click.option(
    "--suite", "suites", multiple=True, metavar="SUITE", help="This suite alone; may be repeated."
)


percent_option = click.option(
    "--phase", "percent", type=click.IntRange(0, 100), metavar="PERCENT",
    help="So many of the machines get it as an upgrade at first; see `repo phase`.",
)  # fmt: skip
PACKAGES = (".deb", ".dsc", ".changes")
channel = click.Choice(["stable", "candidate", "nightly"])


@click.command("add")
@click.option("--suite", required=True, metavar="SUITE", help="As bookworm or bookworm-nightly.")
@click.option("--component", metavar="NAME", help="Default: repository.component.")
@percent_option
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path)
)  # fmt: skip
@click.pass_obj
def add(
    options: Options, suite: str, component: str | None, files: Sequence[Path], percent: int | None
) -> int:
    """Publish FILES (.deb, .dsc or .changes) that were made and checked elsewhere.

    A directory stands for all such files in it, not below it.

    They are not checked here: `debwright publish` takes only what has passed every check.
    """
    from debwright.repository.model import PackageFile
    from debwright.repository.publish import publish

    with working(options) as (place, signer, reporter):
        settings = place.settings()
        packages = [
            PackageFile(path=f, suite=suite, component=component or settings.component)
            for f in _packages_in(files)
        ]
        ask_apt(options, place, signer, [suite], reporter)
        done = publish(place.path, packages, signer, settings, percent=percent, say=reporter.note)
    return tell(options, done)


def _packages_in(paths: Sequence[Path]) -> list[Path]:
    """The files, and those that directories have. Raises UsageError for a directory without any."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = [p for p in sorted(path.iterdir()) if p.suffix in PACKAGES and p.is_file()]
        if not inside:
            raise UsageError(f"{path} has no .deb, .dsc or .changes file in it")
        found += inside
    return found


@click.command("remove")
@click.option("--suite", required=True, metavar="SUITE", help="The suite to take them out of.")
@click.option("--version", metavar="VERSION", help="This version alone.")
@click.argument("packages", nargs=-1, required=True, metavar="PATTERN...")
@click.pass_obj
def take_out(options: Options, suite: str, packages: Sequence[str], version: str | None) -> int:
    """Take packages out of a suite, by names of source packages or patterns of them."""
    from debwright.repository.edits import remove

    with working(options) as (place, signer, reporter):
        ask_apt(options, place, signer, [suite], reporter)
        done = remove(
            place.path, suite, packages, signer, place.settings(), version=version,
            say=reporter.note,
        )  # fmt: skip
    return tell(options, done)


@click.command("rollback")
@suite_option
@click.option("--to", "to", type=click.IntRange(min=1), metavar="NUMBER", help="The publication.")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.pass_obj
def go_back(options: Options, number: int | None, to: int | None, suites: Sequence[str]) -> int:
    """Publish again what publication NUMBER had; `repo list` shows them.

    Users who have a newer version keep it until they ask apt for the older one.
    """
    from debwright.repository.edits import rollback

    if number is not None and to is not None and number != to:
        raise UsageError(f"two publications are named, {number} and {to}")
    wanted = number or to
    if wanted is None:
        raise UsageError(
            "no publication is named", fix=Command("debwright", "repo", "list")
        )  # fmt: skip
    with working(options) as (place, signer, reporter):
        ask_apt(options, place, signer, suites or list(place.state().suites), reporter)
        done = rollback(
            place.path, wanted, signer, place.settings(), suites=suites, say=reporter.note
        )
    return tell(options, done)


@click.command("renew")
@click.option("--now", is_flag=True, help="Even when most of the time is left.")
@click.pass_obj
def renew_signatures(options: Options, *, now: bool) -> int:
    """Sign what is published again, so that users' apt goes on taking it (Valid-Until).

    Phased updates that are due are raised, too (`repo phase`). Nothing is signed again while more
    than two thirds of repository.valid_days are left: run it every week, or by the workflow that
    `debwright workflows sync` writes.
    """
    from debwright.repository.edits import renew

    with working(options) as (place, signer, reporter):
        if signer.throwaway:
            raise UsageError(
                "there is no key to sign again with",
                cause="debwright.toml has no signing.key, and a key of this run alone is no use "
                "to anybody who trusts the one before",
                fix=Command("debwright", "keys", "list"),
            )
        ask_apt(options, place, signer, list(place.state().suites), reporter)
        done = renew(place.path, signer, place.settings(), now=now, say=reporter.note)
    return tell(options, done)


@click.command("promote")
@click.option("--from", "source", required=True, type=channel, help="The channel they are in.")
@click.option("--to", "target", required=True, type=channel, help="The channel they go to.")
@suite_option
@click.option("--version", metavar="VERSION", help="This version instead of the newest.")
@percent_option
@click.argument("packages", nargs=-1, metavar="[PATTERN]...")
@click.pass_obj
def promote_channel(
    options: Options, source: str, target: str, *, suites: Sequence[str], version: str | None,
    percent: int | None, packages: Sequence[str],
) -> int:  # fmt: skip
    """Give a channel the newest packages of another, as they are: nothing is built again.

    PATTERNs are names of source packages; without one, all go.
    """
    from debwright.repository.channels import channel_suite, split_suite
    from debwright.repository.edits import Promotion, promote

    if source == target:
        raise UsageError(f"--from and --to are both {source}")
    with working(options) as (place, signer, reporter), tempfile.TemporaryDirectory() as scratch:
        state = place.state()
        settings = place.settings()
        promotions = [
            Promotion(
                source=suite, target=channel_suite(split_suite(suite)[0], target),
                packages=tuple(packages), version=version,
            )
            for suite in sorted(state.suites)
            if split_suite(suite)[1] == source
            and (not suites or suite in suites or split_suite(suite)[0] in suites)
        ]  # fmt: skip
        if not promotions:
            raise UsageError(
                f"no suite of the channel {source} is there to promote",
                cause=f"the repository has {', '.join(sorted(state.suites))}",
                fix=Command("debwright", "repo", "list"),
            )
        ask_apt(options, place, signer, [p.target for p in promotions], reporter)
        further = _keyrings(options, place, signer, promotions, Path(scratch))
        done = promote(
            place.path, promotions, signer, settings, further=further, percent=percent,
            say=reporter.note,
        )  # fmt: skip
    return tell(options, done)


def _keyrings(
    options: Options, place: Place, signer: Signer, promotions: Sequence[Promotion], scratch: Path
) -> list[PackageFile]:
    """The keyring packages of suites that get their first packages by promotion.

    Whoever installs from them must follow a change of keys as well as others do.
    """
    from debwright.repository.edits import KEYRING
    from debwright.repository.incoming import read_control

    state, settings = place.state(), place.settings()
    name = f"{settings.name}{KEYRING}"
    maintainers: dict[str, str] = {}
    for each in promotions:
        own = state.suites[each.source].entries.named(name)
        if own:
            control = read_control(place.path / own[-1].path)
            maintainers[each.target] = str(control["Maintainer"])
    if not maintainers or signer.throwaway or settings.url is None:
        return []
    from debwright.pipeline.stages.keyring import make_keyrings

    layer, cache = roots_for(options, place)
    return make_keyrings(
        place.path, settings, signer, maintainers=maintainers, output=scratch, layer=layer,
        cache=cache,
    )  # fmt: skip
