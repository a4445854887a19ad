"""Good packages of Debian's own archive, services and others, of which none is wrongly failed.

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

BOOKWORM = Target("bookworm", "amd64")
TRIXIE = Target("trixie", "amd64")


@dataclass(frozen=True)
class Good:
    """A package of the archive, its unit (if it has one), and where it answers (if by HTTP)."""

    package: str
    unit: str = ""
    url: str = ""
    starts: bool = True
    """Whether its unit's conditions are met in a container."""
    target: Target = BOOKWORM
    accepted: str = ""
    """A check whose errors are right, and have a reason: crontab has to be setgid."""

    def config(self) -> str:
        # Nothing of Debian's Python is bundled in them: no database need be asked.
        text = f'[targets]\nbuild = ["{self.target}"]\n[checks]\nvulnerabilities = "off"\n'
        text += f'{self.accepted} = "warn"\n' if self.accepted else ""
        if self.unit:
            text += f'[service]\nunit = "{self.unit}"\nsteady_seconds = 3\n'
        return text + (f'health_url = "{self.url}"\n' if self.url else "")


SERVICES = (
    Good("apache2", "apache2", "http://127.0.0.1/"),
    Good("avahi-daemon", "avahi-daemon"),
    Good("chrony", "chrony", starts=False),
    Good("cron", "cron", accepted="files"),
    Good("cups-daemon", "cups", "http://127.0.0.1:631/"),
    Good("dnsmasq", "dnsmasq"),
    Good("haproxy", "haproxy"),
    Good("icecast2", "icecast2", "http://127.0.0.1:8000/"),
    Good("lighttpd", "lighttpd", "http://127.0.0.1/"),
    Good("memcached", "memcached"),
    Good("mosquitto", "mosquitto"),
    Good("nginx-light", "nginx", "http://127.0.0.1/"),
    Good("openssh-server", "ssh"),
    Good("postgresql-15", "postgresql"),
    Good("prometheus-node-exporter", "prometheus-node-exporter", "http://127.0.0.1:9100/"),
    Good("redis-server", "redis-server"),
    Good("tinyproxy", "tinyproxy"),
    Good("ulogd2", "ulogd2"),
    Good("unbound", "unbound"),
)
OTHERS = (
    Good("cowsay"),
    Good("httpie"),
    Good("jq"),
    Good("ncal"),
    Good("python3-flask"),
    Good("sqlite3"),
)
GOOD = (*SERVICES, *OTHERS)
ALWAYS = {"chrony", "nginx-light", "redis-server"}
"""With a condition that is not met; with the unit in another package; and with its own files."""


def fetch(directory: Path, good: Good) -> Path:
    """The package as the archive has it, by apt in a clean root."""
    cache = Cache(default_cache())
    cache.prepare()
    roots = Roots(cache, Config())
    base = roots.base(good.target)
    with cache.scratch("archive") as scratch:
        with roots.root_for_change(scratch, good.target, base) as inside:
            apt.get(inside, ["update"], what="reading the package lists")
            inside.run(["mkdir", "/fetched"])
            inside.run(["apt-get", *apt.OPTIONS, "download", good.package], cwd="/fetched",
                       timeout=300, network=True)  # fmt: skip
        (deb,) = (scratch / "upper/fetched").glob("*.deb")
        return deb.rename(directory / deb.name)


def marked(good: Good) -> object:
    marks = () if good.package in ALWAYS else (pytest.mark.archive,)
    suffix = "" if good.target == BOOKWORM else f"-{good.target.suite}"
    return pytest.param(good, id=f"{good.package}{suffix}", marks=marks)


@pytest.mark.parametrize("good", [marked(g) for g in GOOD])
def test_a_good_package_is_not_failed(good: Good, tmp_path: Path) -> None:
    (tmp_path / "debwright.toml").write_text(good.config())
    run = Debwright(tmp_path)("check", str(fetch(tmp_path, good)))
    (path,) = tmp_path.glob(f"dist/check/*/{good.target}/check.json")
    found = {c["name"]: c for c in json.loads(path.read_text())["checks"]}
    errors = [
        (f["code"], f["message"])
        for c in found.values()
        for f in c["findings"]
        if f["severity"] == "error" and c["name"] != "lintian"
    ]
    assert errors == [], run.said
    assert found["install"]["status"] == "passed"
    if not good.unit:
        assert found["purge"]["status"] == "passed", found["purge"]
    elif good.starts:
        for name in ("service", "steady", "restart", "reinstall", "reboot", "purge", "minimum"):
            assert found[name]["status"] == "passed", found[name]
    else:
        assert "condition" in found["service"]["reason"]
