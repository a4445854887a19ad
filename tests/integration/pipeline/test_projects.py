"""Sources that are not ours: a Debian source package, a service that `init` scaffolds."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.conftest import Debwright
from tests.kit.copied import Tree

from debwright.config import Config
from debwright.isolation.namespaces import Bind
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.5)]


def fetch_source(name: str, directory: Path) -> Path:
    """A source package from the archive the roots come from."""
    cache = Cache(default_cache())
    cache.prepare()
    with throwaway(
        cache, Roots(cache, Config()).build(Target("bookworm", "amd64")), "t"
    ) as overlay:
        bind = Bind(source=directory, target="/source", read_only=False)
        with opened(overlay, network=True, bounded=False, binds=[bind]) as inside:
            inside.run(["sed", "-i", "-n", "p; s/^deb /deb-src /p", "/etc/apt/sources.list"])
            inside.run(["apt-get", "-q", "update"])
            inside.run(
                ["apt-get", "-q", "source", "--download-only", name],
                cwd="/source", env={"HOME": "/root"},
            )  # fmt: skip
    (dsc,) = directory.glob(f"{name}_*.dsc")
    return dsc


def test_a_dsc_from_debian_builds(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    dsc = fetch_source("hello", source)
    work = tmp_path / "work"
    work.mkdir()
    run = Debwright(work)("build", str(dsc), "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-3000:]
    report = run.report()
    assert report["package"] == "hello"
    (home,) = run.dist.glob("2.*")
    assert list(home.glob("bookworm-amd64/hello_*_amd64.deb"))
    assert not (run.dist / "apt").exists(), "build does not publish"


def test_init_then_run(project: Callable[[str], Debwright]) -> None:
    """A service that is a pyproject.toml and some Python becomes a package that starts."""
    debwright = project("plain-service")
    assert not (debwright.directory / "debian").exists()
    made = debwright("--json", "init")
    assert made.code == 0, made.said
    assert any(path.endswith("debian/control") for path in json.loads(made.output)["created"])
    run = debwright("run", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-4000:]
    checks = {c["name"]: c["status"] for c in run.target("bookworm-amd64")["checks"]}
    assert checks["service"] == "passed"
    assert (run.dist / "apt/dists/bookworm/InRelease").exists()


def test_what_an_added_ecosystem_writes_passes(
    project: Callable[[str], Debwright], tmp_path: Path
) -> None:
    """A daemon that is a script and a unit, by the example of docs/develop.md."""
    tree = Tree.copy(tmp_path)
    tree.add("ecosystem", "init/ecosystems/shell.py")
    debwright = project("ticker")
    debwright.environment["PYTHONPATH"] = str(tree.package.parent)
    made = debwright("init")
    assert made.code == 0, made.said
    run = debwright("check", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-4000:]
    checks = {c["name"]: c["status"] for c in run.target("bookworm-amd64")["checks"]}
    assert (checks["service"], checks["purge"]) == ("passed", "passed")


LEDGER = {
    "main.py": """\
import http.server
import os
import sqlite3

KEY = os.environ["SECRET_KEY"]
database = sqlite3.connect("ledger.db")
database.execute("create table if not exists lines (text)")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        database.execute("insert into lines values (?)", (self.path,))
        database.commit()
        self.send_response(200 if self.path == "/health" and len(KEY) > 30 else 404)
        self.end_headers()


if __name__ == "__main__":
    http.server.HTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
""",
    "deploy/ledger-tidy.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "deploy/ledger-tidy.timer": "[Timer]\nOnCalendar=yearly\n[Install]\nWantedBy=timers.target\n",
    ".env": "SECRET_KEY=mine\n",
}


def test_an_application_that_nothing_builds(tmp_path: Path) -> None:
    """It writes below its own tree and has a job; installing it does not start that one."""
    for name, text in LEDGER.items():
        (tmp_path / "ledger" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ledger" / name).write_text(text)
    debwright = Debwright(tmp_path / "ledger")
    made = debwright("init", "--yes", "--no-workflows")
    assert made.code == 0, made.said
    config = tmp_path / "ledger/debwright.toml"
    smoke = 'smoke = ["test -s /var/lib/ledger/ledger.db", "systemctl is-active ledger-tidy.timer"]'
    text = config.read_text().replace("start_seconds =", f"{smoke}\nstart_seconds =")
    config.write_text(text + '[checks]\nlintian = "off"\n')
    run = debwright("check", "-t", "bookworm-amd64")
    assert run.code == 0, run.said[-4000:]
    checks = {c["name"]: c["status"] for c in run.target("bookworm-amd64")["checks"]}
    passed = ("service", "smoke", "restart", "purge", "secrets")
    assert {name: checks[name] for name in passed} == dict.fromkeys(passed, "passed")
    (deb,) = run.dist.glob("*/bookworm-amd64/*.deb")
    listed = subprocess.run(["dpkg-deb", "-c", deb], capture_output=True, text=True, check=True)
    assert "usr/lib/ledger/app/main.py" in listed.stdout
    assert ".env" not in listed.stdout
    scripts = tmp_path / "scripts"
    subprocess.run(["dpkg-deb", "-e", deb, scripts], check=True)
    started = (scripts / "postinst").read_text()
    assert "ledger-tidy.timer" in started
    assert "ledger-tidy.service" not in started


def test_check_of_a_package_built_elsewhere(
    greeter_run: tuple[Debwright, object], tmp_path: Path
) -> None:
    """`debwright check FILE` knows nothing but the file: no service, so none is claimed."""
    greeter, _ = greeter_run
    (deb,) = (greeter.directory / "dist").glob("*/bookworm-amd64/greeter_*_amd64.deb")
    run = Debwright(tmp_path)("check", str(deb))
    assert run.code == 0, run.said[-3000:]
    (path,) = (tmp_path / "dist/check").glob("*/report.json")
    (target,) = json.loads(path.read_text())["targets"]
    checks = {c["name"]: c for c in target["checks"]}
    assert checks["install"]["status"] == "passed"
    assert checks["service"]["status"] == "skipped"
    assert "no [service]" in checks["service"]["reason"]


def test_an_archive_that_cannot_be_reached_gives_one_clear_message(tmp_path: Path) -> None:
    """A suite whose archive key is not installed, or whose archive is out of reach."""
    subprocess.run(["cp", "-r", Path(__file__).parents[2] / "projects/broken/setuid-file",
                    tmp_path / "p"], check=True)  # fmt: skip
    config = tmp_path / "p/debwright.toml"
    config.write_text(config.read_text().replace('"bookworm-amd64"', '"jammy-amd64"'))
    (tmp_path / "keyring.gpg").write_bytes(b"")
    with config.open("a") as handle:
        handle.write(
            '\n[suites.jammy]\nmirror = "http://127.0.0.1:9/ubuntu"\n'
            f'keyring = "{tmp_path}/keyring.gpg"\n'
        )
    run = Debwright(tmp_path / "p")("build")
    assert run.code == 5
    assert "the package archive could not be read" in run.said
    assert "mirror" in run.said
