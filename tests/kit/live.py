"""Packages of recipes.py checked on a booted root, by the live checks that a test names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debwright.checks import registry, run
from debwright.checks.engine.base import CheckContext
from debwright.checks.engine.previous import find_previous
from debwright.config import Config
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from tests.kit.caught import Checked
from tests.kit.recipes import PORT, Recipe

TARGET = Target("bookworm", "amd64")


def checked(
    directory: Path,
    recipe: Recipe,
    only: Sequence[str],
    previous: Recipe | Sequence[Recipe] | None = None,
    **tables: Any,
) -> Checked:
    """What `service` and the live checks named say of a package, which is made in `directory`."""
    cache = Cache(default_cache())
    cache.prepare()
    service = {
        "unit": "demo",
        "health_url": f"http://127.0.0.1:{PORT}/",
        "start_seconds": 5,
        "steady_seconds": 0,
        **tables.pop("service", {}),
    }
    wanted = {"service", "purge" if previous else "", *only, "install", "dependencies"}
    off = {c.name: "off" for c in registry.unasked() if c.name not in wanted}
    config = Config.model_validate({"service": service, "checks": off, **tables})
    home = directory / "debs"
    home.mkdir(exist_ok=True)
    deb = read_deb(recipe.build(home))
    before = [previous] if isinstance(previous, Recipe) else list(previous or ())
    files = [recipe.build(home) for recipe in before]
    context = CheckContext(
        target=TARGET, host_arch="amd64", config=config, debs=[deb], changes=None,
        roots=Roots(cache, config), output=directory, log=lambda _: None,
        activity=lambda _: None, previous=find_previous(TARGET, [deb], files=files),
    )  # fmt: skip
    return Checked({r.name: r for r in run.run_checks(context, lambda _: None)})
