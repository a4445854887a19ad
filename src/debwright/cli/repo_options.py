"""Arguments of `debwright repo`."""

from pathlib import Path
from typing import Any

import click

suite_option = click.option(
    "--suite", "suites", multiple=True, metavar="SUITE", help="This suite alone; may be repeated."
)
channel = click.Choice(["stable", "candidate", "nightly"])


@click.group()
def repo() -> None:
    """The APT repository: what it has, channels, promotion, going back, and where it is served.

    Every change is a publication of its own: signed, atomic, and to be gone back from.
    """


@repo.command("list")
@click.option("--packages", is_flag=True, help="The packages of every suite, too.")
@click.pass_obj
def repo_list(options: Any, *, packages: bool) -> int:
    """Publications that can be gone back to, and the suites of the current one."""
    from debwright.cli.repo import show

    return show(options, packages=packages)


@repo.command("add")
@click.option("--suite", required=True, metavar="SUITE", help="As bookworm or bookworm-nightly.")
@click.option("--component", metavar="NAME", help="Default: repository.component.")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)  # fmt: skip
@click.pass_obj
def repo_add(options: Any, *, suite: str, component: str | None, files: tuple[Path, ...]) -> int:
    """Publish FILES (.deb, .dsc or .changes) that were made and checked elsewhere.

    They are not checked here: `debwright publish` takes only what has passed every check.
    """
    from debwright.cli.repo import add

    return add(options, suite, component, files)


@repo.command("remove")
@click.option("--suite", required=True, metavar="SUITE", help="The suite to take them out of.")
@click.option("--version", metavar="VERSION", help="This version alone.")
@click.argument("packages", nargs=-1, required=True, metavar="PATTERN...")
@click.pass_obj
def repo_remove(options: Any, *, suite: str, version: str | None, packages: tuple[str, ...]) -> int:
    """Take packages out of a suite, by names of source packages or patterns of them."""
    from debwright.cli.repo import take_out

    return take_out(options, suite, packages, version)


@repo.command("promote")
@click.option("--from", "source", required=True, type=channel, help="The channel they are in.")
@click.option("--to", "target", required=True, type=channel, help="The channel they go to.")
@suite_option
@click.option("--version", metavar="VERSION", help="This version instead of the newest.")
@click.argument("packages", nargs=-1, metavar="[PATTERN]...")
@click.pass_obj
def repo_promote(
    options: Any, *, source: str, target: str, suites: tuple[str, ...], version: str | None,
    packages: tuple[str, ...],
) -> int:  # fmt: skip
    """Give a channel the newest packages of another, as they are: nothing is built again.

    PATTERNs are names of source packages; without one, all go.
    """
    from debwright.cli.repo import promote_channel

    return promote_channel(
        options, source, target, suites=suites, version=version, packages=packages
    )


@repo.command("rollback")
@suite_option
@click.argument("number", type=click.IntRange(min=1))
@click.pass_obj
def repo_rollback(options: Any, *, number: int, suites: tuple[str, ...]) -> int:
    """Publish again what publication NUMBER had; `repo list` shows them.

    Users who have a newer version keep it until they ask apt for the older one.
    """
    from debwright.cli.repo import go_back

    return go_back(options, number, suites)


@repo.command("push")
@click.option("--force", is_flag=True, help="Replace what is there, whatever it is.")
@click.pass_obj
def repo_push(options: Any, *, force: bool) -> int:
    """Bring the current publication to the stores of [repository]; `publish` does so by itself.

    What never changes is sent once; what is signed comes last.
    """
    from debwright.cli.repo_stores import push

    return push(options, force=force)


@repo.command("pull")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False),
    help="The public key to trust. Default: the configured one.",
)  # fmt: skip
@click.pass_obj
def repo_pull(options: Any, *, key: Path | None) -> int:
    """Get the repository back from its store: on a fresh machine, before publishing there.

    It is verified as a user's apt would before anything of it is used.
    """
    from debwright.cli.repo_stores import pull

    return pull(options, key)
