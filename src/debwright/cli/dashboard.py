"""debwright dashboard: the state of all targets as one page, written or served."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from debwright.cli.common import Options, emit
from debwright.host.interrupts import interruptible

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.observe.metrics.dashboard.data import Data
    from debwright.observe.metrics.query import Build
    from debwright.observe.metrics.store import Store

T = TypeVar("T")

DOCTOR = "doctor.json"


@click.command("dashboard")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--serve", "address", metavar="[HOST:]PORT",
    help="Serve it instead, kept up to date, with /metrics for Prometheus.",
)  # fmt: skip
@click.option(
    "--doctor", type=click.Path(path_type=Path, dir_okay=False),
    help="What `debwright --json doctor` said. Default: dist/doctor.json, where there is one.",
)  # fmt: skip
@click.option("--badge-branch", "branch", help="The branch that badge.svg tells of. Default: any.")
@click.pass_obj
def dashboard(
    options: Options, directory: Path | None, *, address: str | None, doctor: Path | None,
    branch: str | None,
) -> int:  # fmt: skip
    """Write the state of all targets as one page into DIRECTORY (default: dist/dashboard).

    index.html needs no other file and loads nothing; badge.svg and metrics.prom are next to it.
    """
    from debwright.config import load
    from debwright.host.files import human_size, save
    from debwright.observe.metrics.dashboard.badge import badge
    from debwright.observe.metrics.dashboard.page import render
    from debwright.observe.metrics.dashboard.serve import parse_address
    from debwright.observe.metrics.hook import store_path

    loaded = load(options.directory)
    dist = options.dist(loaded.directory)
    path = store_path(loaded, dist)
    source = _Source(loaded, path, doctor or dist / DOCTOR, branch)
    if address is not None:
        return _serve(source, parse_address(address))
    target = (directory or dist / "dashboard").absolute()
    # A million small tuples and no cycles among them: looking for some takes a third of the time.
    gc.disable()
    data, prometheus = source.both()
    contents = {
        "index.html": render(data), "badge.svg": badge(data, branch), "metrics.prom": prometheus,
    }  # fmt: skip
    for name, content in contents.items():
        save(target / name, content)
    size = (target / "index.html").stat().st_size
    written = {"directory": str(target), "files": sorted(contents), "bytes": size}
    emit(options, written | {"builds": data["builds"]},
         f"{target / 'index.html'}: {data['builds']} builds, {human_size(size)}; "
         "next to it badge.svg and metrics.prom")  # fmt: skip
    return 0


class _Source:
    """What is shown, read again each time."""

    def __init__(self, loaded: LoadedConfig, path: Path, doctor: Path, branch: str | None) -> None:
        self.loaded, self.path, self.doctor, self.branch = loaded, path, doctor, branch

    def read(self, ask: Callable[[Store], T]) -> T:
        """What `ask` gives, with the store open."""
        from debwright.observe.metrics.store import Store

        with Store.open(self.path, create=False) as store:
            return ask(store)

    def both(self) -> tuple[Data, str]:
        """The page's data and Prometheus' text, of builds that are read once."""
        from debwright.observe.metrics import query

        def ask(store: Store) -> tuple[Data, str]:
            builds = query.builds(store)
            return self._data(store, builds), self._prometheus(store, builds)

        return self.read(ask)

    def data(self) -> Data:
        return self.read(self._data)

    def prometheus(self) -> str:
        return self.read(self._prometheus)

    def _data(self, store: Store, builds: Sequence[Build] | None = None) -> Data:
        from debwright.observe.metrics import Metrics
        from debwright.observe.metrics.dashboard.data import Settings, gather

        # To the minute, so that a page that asks again gets nothing new while nothing is.
        now = math.ceil(time.time() / 60) * 60
        settings = Settings(
            metrics=self.loaded.config.section(Metrics), now=now, doctor=self.doctor
        )
        return gather(store, settings, builds)

    def _prometheus(self, store: Store, builds: Sequence[Build] | None = None) -> str:
        from debwright.observe.metrics import Metrics
        from debwright.observe.metrics.prometheus import exposition

        return exposition(store, self.loaded.config.section(Metrics), time.time(), builds)


def _serve(source: _Source, address: tuple[str, int]) -> int:
    from debwright.observe.metrics.dashboard.badge import badge
    from debwright.observe.metrics.dashboard.page import as_json, render
    from debwright.observe.metrics.dashboard.serve import Document, server
    from debwright.observe.metrics.prometheus import CONTENT_TYPE

    html = "text/html; charset=utf-8"
    documents = {
        "/": Document(content_type=html, make=lambda: render(source.data(), live=True)),
        "/data.json": Document(
            content_type="application/json", make=lambda: as_json(source.data())
        ),
        "/badge.svg": Document(
            content_type="image/svg+xml", make=lambda: badge(source.data(), source.branch)
        ),
        "/metrics": Document(content_type=CONTENT_TYPE, make=source.prometheus),
    }
    with interruptible(), server(address, documents, print) as running:
        host, port = running.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        print(f"http://{shown}:{port}/ (and /metrics for Prometheus); Ctrl-C ends it", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print("ended")
    return 0
