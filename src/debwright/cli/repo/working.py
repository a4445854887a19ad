"""What every command that makes a publication begins and ends with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debwright.cli.common import Options, emit, reporter_for
from debwright.cli.repo import Place
from debwright.host.interrupts import interruptible
from debwright.model.errors import DebwrightError

if TYPE_CHECKING:
    from debwright.keys.signing import Signer
    from debwright.model.events import Reporter
    from debwright.repository.model import Publication


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
        finally:
            reporter.close()


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
