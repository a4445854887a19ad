"""Units of many kinds on a booted system, several of them listed, and each asked in its own way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kit import kinds
from tests.kit.caught import Checked, caught

from debwright.checks import registry, run
from debwright.checks.engine.base import CheckContext
from debwright.config import Config
from debwright.model.results import Severity, Status
from debwright.model.targets import Target
from debwright.packages.debs import read_deb
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots

pytestmark = [pytest.mark.apart, pytest.mark.minutes(0.5)]

TARGET = Target("bookworm", "amd64")
WEB = {
    "unit": "kinds-web", "start_seconds": 5, "steady_seconds": 0, "ports": ["127.0.0.1:8500/tcp"],
    "probe": {"url": "http://127.0.0.1:8500/", "credentials": "/etc/kinds/account",
              "expect": "welcome"},
}  # fmt: skip
EVERY_KIND = [
    WEB,
    {"unit": "kinds-worker", "probe": {"notify": True, "expect": "7 jobs"}, "steady_seconds": 0},
    {"unit": "kinds.socket", "steady_seconds": 0,
     "probe": {"url": "unix:///run/kinds.sock", "send": "ping\n", "expect": "pong"}},
    {"unit": "kinds-idle.service", "steady_seconds": 0, "ports": ["127.0.0.1:8501/tcp"]},
    {"unit": "kinds-job.timer", "steady_seconds": 0},
    {"unit": "kinds-spool.path", "steady_seconds": 0,
     "probe": {"command": "touch /run/kinds-wanted; sleep 1; test ! -e /run/kinds-wanted"}},
    {"unit": "kinds-setup.service", "steady_seconds": 0},
    {"unit": "kinds@one.service", "steady_seconds": 0},
    {"unit": "kinds-later.service", "steady_seconds": 0},
    {"unit": "systemd-hostnamed.service", "steady_seconds": 0},
    {"unit": "kinds-agent", "scope": "user", "steady_seconds": 0,
     "probe": {"journal": "at home in /run/[a-z]+"}},
]  # fmt: skip

Check = Callable[..., Checked]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Checks a package on a booted root; only the live checks named."""
    cache = Cache(default_cache())
    cache.prepare()

    def work(deb: Path, only: set[str], **tables: Any) -> Checked:
        wanted = {"install", "dependencies", *only}
        off = {c.name: "off" for c in registry.unasked() if c.name not in wanted}
        config = Config.model_validate({"checks": off, **tables})
        context = CheckContext(
            target=TARGET, host_arch="amd64", config=config, debs=[read_deb(deb)], changes=None,
            roots=Roots(cache, config), output=tmp_path, log=lambda _: None,
            activity=lambda _: None, project=tmp_path,
        )  # fmt: skip
        return Checked({r.name: r for r in run.run_checks(context, lambda _: None)})

    return work


def test_a_unit_of_every_kind_has_a_right_way_to_pass(check: Check, tmp_path: Path) -> None:
    live = {c.name for c in registry.LIVE} - {"benchmarks"}
    made = check(
        kinds.package(tmp_path), live, service=EVERY_KIND,
        files={"accounts": "off"}, limits={"exposure": 10},
    )  # fmt: skip
    assert made.codes() == set(), [f for r in made.results.values() for f in r.findings]
    assert made.codes(Severity.WARNING) == set()
    service = made.results["service"]
    assert {"start_seconds", "memory_bytes"} <= service.measurements.keys()
    assert any("kinds-job.service was run once" in note for note in service.notes)
    assert any("kinds-later.service" in note for note in service.notes)
    for name in ("restart", "stop", "steady", "units", "reboot", "purge", "minimum", "crash"):
        assert made.results[name].status is Status.PASSED, made.results[name]
    assert kinds.SECRET.partition(":")[2] not in repr(made.results)


@caught(
    "a second unit that nobody has listed, in a loop of crashes", "units", "units/unit-restarting"
)
def test_a_second_unit_that_crashes(check: Check, tmp_path: Path) -> Checked:
    """The first one answered, so the package was published with a dead worker."""
    why = "ModuleNotFoundError: No module named queue_of_jobs"
    deb = kinds.package(tmp_path, kinds_worker=(
        f"[Service]\nExecStart=/bin/sh -c 'echo \"{why}\" >&2; exit 3'\nRestart=always\n"
        "RestartSec=300ms\nStartLimitBurst=1000\n[Install]\nWantedBy=multi-user.target\n"
    ))  # fmt: skip
    web = {name: said for name, said in WEB.items() if name != "ports"}
    made = check(deb, {"service", "units"}, service=web)
    assert made.results["service"].status is Status.PASSED
    assert "kinds-worker.service" in made.finding("units/unit-restarting").message
    assert made.finding("units/unit-restarting").evidence[0].text == why
    return made


@caught("a timer whose job fails", "units", "units/job-failed")
def test_a_timer_whose_job_fails(check: Check, tmp_path: Path) -> Checked:
    deb = kinds.package(
        tmp_path, kinds_job="[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 4'\n"
    )
    # With the socket as the main unit, which systemd opens only when its service is down.
    socket = {**EVERY_KIND[2], "unit": "kinds.socket"}
    made = check(
        deb, {"units", "service", "benchmarks"}, service=socket,
        benchmarks={"runs": 1, "requests": 1, "idle_seconds": 0},
    )  # fmt: skip
    assert made.results["benchmarks"].status is Status.PASSED, made.results["benchmarks"]
    assert "ExecMainStatus=4" in made.evidence("units/job-failed")
    return made
