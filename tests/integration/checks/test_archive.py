"""Good packages: services of Debian's own archive, of which none is wrongly failed.

Three of them here; all with `make check-archive`, which takes some minutes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright

from debwright.config import Config
from debwright.model.targets import Target
from debwright.roots import apt
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.4)]

TARGET = Target("bookworm", "amd64")


@dataclass(frozen=True)
class Good:
    """A package of the archive, its unit, and where it answers (if it speaks HTTP)."""

    package: str
    unit: str
    url: str = ""
    starts: bool = True
    """Whether its unit's conditions are met in a container."""

    def config(self) -> str:
        # Nothing of bookworm's Python is bundled in them: no database need be asked.
        text = '[targets]\nbuild = ["bookworm-amd64"]\n[checks]\nvulnerabilities = "off"\n'
        text += f'[service]\nunit = "{self.unit}"\nsteady_seconds = 3\n'
        return text + (f'health_url = "{self.url}"\n' if self.url else "")


GOOD = (
    Good("chrony", "chrony", starts=False),
    Good("dnsmasq", "dnsmasq"),
    Good("haproxy", "haproxy"),
    Good("lighttpd", "lighttpd", "http://127.0.0.1/"),
    Good("memcached", "memcached"),
    Good("mosquitto", "mosquitto"),
    Good("nginx-light", "nginx", "http://127.0.0.1/"),
    Good("openssh-server", "ssh"),
    Good("redis-server", "redis-server"),
    Good("ulogd2", "ulogd2"),
)
ALWAYS = {"chrony", "nginx-light", "redis-server"}
"""With a condition that is not met; with the unit in another package; and with its own files."""


def fetch(directory: Path, package: str) -> Path:
    """The package as the archive has it, by apt in a clean root."""
    cache = Cache(default_cache())
    cache.prepare()
    roots = Roots(cache, Config())
    base = roots.base(TARGET)
    with cache.scratch("archive") as scratch:
        with roots.root_for_change(scratch, TARGET, base) as inside:
            apt.get(inside, ["update"], what="reading the package lists")
            inside.run(["mkdir", "/fetched"])
            inside.run(["apt-get", *apt.OPTIONS, "download", package], cwd="/fetched", timeout=300)
        (deb,) = (scratch / "upper/fetched").glob("*.deb")
        return deb.rename(directory / deb.name)


def marked(good: Good) -> object:
    marks = () if good.package in ALWAYS else (pytest.mark.archive,)
    return pytest.param(good, id=good.package, marks=marks)


@pytest.mark.parametrize("good", [marked(g) for g in GOOD])
def test_a_good_service_is_not_failed(good: Good, tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text(good.config())
    run = Debwright(tmp_path)("check", str(fetch(tmp_path, good.package)))
    (path,) = tmp_path.glob("dist/check/*/bookworm-amd64/check.json")
    found = {c["name"]: c for c in json.loads(path.read_text())["checks"]}
    errors = [
        (f["code"], f["message"])
        for c in found.values()
        for f in c["findings"]
        if f["severity"] == "error" and c["name"] != "lintian"
    ]
    assert errors == [], run.said
    assert found["install"]["status"] == "passed"
    if good.starts:
        for name in ("service", "steady", "restart", "reinstall", "reboot", "purge", "minimum"):
            assert found[name]["status"] == "passed", found[name]
    else:
        assert "condition" in found["service"]["reason"]
