"""debwright repo push and pull."""

import tempfile
from pathlib import Path

from debwright.cli.common import Options, emit, reporter_for
from debwright.cli.repo import Place
from debwright.cli.verify import trusted
from debwright.host.interrupts import interruptible
from debwright.model.errors import UsageError
from debwright.repository.stores.base import Store, StoreTable, configured_stores, push_all
from debwright.repository.stores.restore import restore


def push(options: Options, *, force: bool) -> int:
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


def pull(options: Options, key: Path | None) -> int:
    place, reporter = Place.of(options), reporter_for(options)
    store = _stores(place)[0]
    try:
        with interruptible(), tempfile.TemporaryDirectory(prefix="debwright-pull-") as scratch:
            keyring = Path(scratch) / "keyring.gpg"
            # Never a key from the place itself.
            data, _ = trusted(options, key, None)
            keyring.write_bytes(data)
            number, fresh = restore(place.path, store, keyring, say=reporter.note)
    finally:
        reporter.close()
    text = f"publication {number} of {store.name} is in {place.path}"
    text = text if fresh else f"nothing to do: {text} already"
    emit(options, {"store": store.name, "number": number, "unchanged": not fresh}, text)
    return 0


def _stores(place: Place) -> list[Store]:
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

    return [f"[{kind.table}]" for kind in everything() if issubclass(kind, StoreTable)]
