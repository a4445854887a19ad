"""A product whose data come in a package of their own, checked in any environment."""

from pathlib import Path

from debwright.checks import run
from debwright.checks.engine.base import CheckContext
from debwright.checks.registry import unasked
from debwright.config import Config
from debwright.model.results import CheckResult
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.systems.base import System
from tests.kit.debs import build
from tests.kit.recipes import PORT, Recipe

_CHECKED = {"install", "dependencies", "service", "purge"}


def checked_with_a_companion(directory: Path, system: System) -> dict[str, CheckResult]:
    """The results of checking `demo`, which depends on the companion `demo-data`."""
    cache = Cache(default_cache())
    cache.prepare()
    config = Config.model_validate(
        {
            "service": {"unit": "demo", "health_url": f"http://127.0.0.1:{PORT}/"},
            "checks": {c.name: "off" for c in unasked() if c.name not in _CHECKED},
        }
    )
    data = build(directory, {"/usr/share/demo/words": "a\n"}, name="demo-data", arch="all")
    settings = "Restart=on-failure\nStateDirectory=demo\nExecStartPre=test -e /usr/share/demo/words"
    deb = Recipe(depends="demo-data", settings=settings).build(directory)
    context = CheckContext(
        target=Target("bookworm", "amd64"), host_arch="amd64", config=config, debs=[read_deb(deb)],
        changes=None, roots=Roots(cache, config), output=directory, log=lambda _: None,
        activity=lambda _: None, companions=[read_deb(data)],
    )  # fmt: skip
    results = run.run_checks(context, lambda _: None, system)
    return {r.name: r for r in results}
