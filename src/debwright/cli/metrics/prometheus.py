"""debwright metrics prometheus|rules: for monitoring by others."""

import time
from pathlib import Path

import click

from debwright.cli.common import Options, emit
from debwright.cli.metrics import file_path, opened


@click.command("prometheus")
@click.argument("file", type=file_path, required=False)
@click.pass_obj
def write_prometheus(options: Options, file: Path | None) -> int:
    """Write what Prometheus reads, to FILE or to the output."""
    from debwright.host.files import save
    from debwright.observe.metrics import Metrics
    from debwright.observe.metrics.prometheus import exposition

    loaded, store = opened(options)
    with store:
        text = exposition(store, loaded.config.section(Metrics), time.time())
    if file is None:
        print(text, end="")
        return 0
    save(file, text)
    return 0


@click.command("rules")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def write_rules(options: Options, directory: Path) -> int:
    """Write alert rules for Prometheus and a dashboard for Grafana into DIRECTORY."""
    from importlib.resources import files

    from debwright.host.files import save

    home = files("debwright.observe.metrics").joinpath("share")
    written = {"debwright-alerts.yml": "alerts.yml", "debwright-grafana.json": "grafana.json"}
    for name, source in written.items():
        save(directory / name, home.joinpath(source).read_bytes())
    names = [str(directory / name) for name in written]
    emit(options, {"files": names}, "\n".join(names))
    return 0
