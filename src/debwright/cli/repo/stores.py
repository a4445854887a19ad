"""debwright repo push|pull: where it is served from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, emit, reporter_for
from debwright.cli.repo import Place
from debwright.cli.verify import trusted
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError

if TYPE_CHECKING:
    from debwright.repository.stores.base import Store


@click.command("push")
@click.option("--force", is_flag=True, help="Replace what is there, whatever it is.")
@click.pass_obj
def push(options: Options, *, force: bool) -> int:
    """Bring the current publication to the stores of [repository]; `publish` does so by itself.

    What never changes is sent once; what is signed comes last.
    """
    from debwright.repository.stores.base import push_all

    place, reporter = Place.of(options), reporter_for(options)
    try:
        with interruptible():
            done = push_all(place.path, _stores(place), force=force, say=reporter.note)
    finally:
        reporter.close()
    lines = [
        f"{s.name}: publication {s.number}, "
        + ("there already" if s.unchanged else f"{s.sent} files sent")
        for s in done
    ]
    emit(options, [vars(s) for s in done], "\n".join(lines))
    return 0


@click.command("pull")
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False),
    help="The public key to trust. Default: the configured one.",
)  # fmt: skip
@click.option(
    "--discard-unpushed", "discard", is_flag=True,
    help="Remove publications that were made here and are not in the store.",
)  # fmt: skip
@click.option(
    "--may-be-empty",
    "may_be_empty",
    is_flag=True,
    help="Succeed where nothing is in the store yet: before the first publication.",
)
@click.pass_obj
def pull(options: Options, key: Path | None, *, discard: bool, may_be_empty: bool = False) -> int:
    """Get the repository back from its store: on a fresh machine, before publishing there.

    It is verified as a user's apt would before anything of it is used.
    """
    from debwright.repository.stores.restore import restore

    place, reporter = Place.of(options), reporter_for(options)
    store = _stores(place)[0]
    if may_be_empty and store.record() is None:
        text = f"nothing is in {store.name} yet: the next publication is the first"
        emit(options, {"store": store.name, "number": None, "unchanged": True}, text)
        reporter.close()
        return 0
    try:
        with interruptible(), tempfile.TemporaryDirectory(prefix="debwright-pull-") as scratch:
            keyring = Path(scratch) / "keyring.gpg"
            # Never a key from the place itself.
            data, _ = trusted(options, key, None)
            keyring.write_bytes(data)
            number, fresh = restore(place.path, store, keyring, discard=discard, say=reporter.note)
    finally:
        reporter.close()
    text = f"publication {number} of {store.name} is in {place.path}"
    text = text if fresh else f"nothing to do: {text} already"
    emit(options, {"store": store.name, "number": number, "unchanged": not fresh}, text)
    return 0


def _stores(place: Place) -> list[Store]:
    from debwright.repository.stores.base import configured_stores

    found = configured_stores(place.loaded)
    if not found:
        raise UsageError(
            "debwright.toml names no store",
            cause=f"the repository is served from {place.path} alone",
            fix=f"one of {', '.join(_known_tables())}: see docs/repository.md",
        )
    return found


def _known_tables() -> list[str]:
    from debwright.config.declared import everything
    from debwright.repository.stores.base import StoreTable

    return [f"[{kind.table}]" for kind in everything() if issubclass(kind, StoreTable)]
