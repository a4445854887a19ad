"""What every command that makes a publication begins and ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from debwright.cli.common import Options, emit, reporter_for
from debwright.cli.repo import Place
from debwright.host.interrupts import interruptible
from debwright.model.errors import DebwrightError, MissingError

if TYPE_CHECKING:
    from debwright.keys.signing import Signer
    from debwright.model.events import Reporter
    from debwright.repository.model import PackageFile, Publication
    from debwright.roots.cache import Cache
    from debwright.roots.store import Layer


@contextmanager
def working(options: Options) -> Iterator[tuple[Place, Signer, Reporter]]:
    from debwright.keys.configured import configured_signer

    place, reporter = Place.of(options), reporter_for(options)
    with (
        interruptible(),
        configured_signer(place.loaded, place.settings().origin, ahead=True) as signer,
    ):
        try:
            yield place, signer, reporter
            bring_to_stores(place, signer, reporter)
        finally:
            reporter.close()


def bring_to_stores(place: Place, signer: Signer, reporter: Reporter) -> None:
    """What users see is what the stores have: every publication goes there, as publish's does.

    Raises what push_all raises; the publication itself has been made then.
    """
    from debwright.repository.stores.base import configured_stores, push_all, store_tables

    if not store_tables(place.loaded):
        return
    if signer.throwaway:
        reporter.note("not brought to any store: it is signed with a throw-away key")
        return
    for done in push_all(place.path, configured_stores(place.loaded), say=reporter.note):
        sent = "has it already" if done.unchanged else f"{done.sent} files sent"
        reporter.note(f"{done.name}: publication {done.number}, {sent}")


def keyrings_of(
    options: Options, place: Place, signer: Signer, packages: Sequence[PackageFile], *,
    scratch: Path, say: Callable[[str], None],
) -> list[PackageFile]:  # fmt: skip
    """The keyring packages of the suites that `packages` go to, where the current one is another.

    They are packed in a root of the suite; where none can be made here, that is said, and users
    get them with a later publication.
    """
    from debwright.pipeline.stages.keyring import make_keyrings
    from debwright.repository.incoming import read_control

    settings = place.settings()
    if signer.throwaway or settings.url is None:
        return []
    maintainers = {
        p.suite: str(read_control(p.path)["Maintainer"])
        for p in packages
        if p.path.suffix == ".deb"
    }
    layer, cache = roots_for(options, place)
    try:
        return make_keyrings(
            place.path, settings, signer, maintainers=maintainers, output=scratch, layer=layer,
            cache=cache,
        )  # fmt: skip
    except MissingError as problem:
        say(f"no keyring package was made: {problem.what}")
        return []


def roots_for(options: Options, place: Place) -> tuple[Callable[[str], Layer], Cache]:
    """Where the keyring package of a suite is packed."""
    from debwright.host.machine import host_arch
    from debwright.model.targets import Target, suite_info
    from debwright.pipeline.run import heal
    from debwright.repository.channels import split_suite
    from debwright.roots.layers import Roots

    cache = options.cache()
    heal(cache)
    roots = Roots(cache, place.loaded.config)
    suffix = place.loaded.config.repository.codename_suffix

    def layer(suite: str) -> Layer:
        distribution = split_suite(suite)[0].removesuffix(suffix)
        return roots.base(Target(suite_info(distribution).codename, host_arch()))

    return layer, cache


def ask_apt(
    options: Options, place: Place, signer: Signer, suites: Sequence[str], reporter: Reporter
) -> None:
    """Whether apt of the suites takes the key, where their roots are on this machine."""
    from debwright.repository import acceptance, store
    from debwright.repository.channels import split_suite
    from debwright.roots.layers import Roots

    if signer.throwaway:
        return
    suffix = place.loaded.config.repository.codename_suffix
    names = [split_suite(s)[0].removesuffix(suffix) for s in suites]
    roots = Roots(options.cache(), place.loaded.config)
    layers, missing = acceptance.roots_of(roots, names)
    memory = store.private(place.path) / acceptance.MEMORY
    try:
        acceptance.require(signer, layers, roots.cache, memory=memory)
    except acceptance.KeyRefused:
        raise
    except DebwrightError as error:
        # Who may publish need not be one who may enter roots.
        reporter.note(f"apt was not asked whether it takes the key: {error.what}")
    if missing and not store.publication_numbers(place.path):
        reporter.note(
            f"apt of {', '.join(missing)} was not asked whether it takes the key: no root of it is "
            "here; `debwright keys verify` asks it once something was built for it"
        )


def tell(options: Options, done: Publication) -> int:
    if done.unchanged:
        text = f"nothing to do: publication {done.number} has it already"
    else:
        text = f"publication {done.number}: {len(done.added)} files added"
        text += f", {len(done.removed)} removed" if done.removed else ""
        text += f"; suites {', '.join(done.suites)}; signed by {done.fingerprint}"
    data = {
        "number": done.number, "unchanged": done.unchanged, "added": done.added,
        "removed": done.removed, "suites": done.suites, "fingerprint": done.fingerprint,
        "path": str(done.path),
    }  # fmt: skip
    emit(options, data, text)
    return 0
