"""What remembering costs a run, and how fast a dashboard of 100,000 builds is made and opens.

The records are made up: two years of runs of two targets on two classes of machines and several
branches, with noise, stragglers, failures and changes of level. Everything else is the real thing:
SQLite, the page, and a headless Chromium that draws it.
"""

import argparse
import math
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import records

from debwright.config import Config, LoadedConfig
from debwright.model.results import RunResult, StageResult, Status, TargetResult
from debwright.observe.metrics.hook import remember, store_path
from debwright.observe.metrics.model import RunRecord, StageRecord, TargetRecord
from debwright.observe.metrics.store import Store

BUILDS = 100_000
TARGETS = (("bookworm-amd64", "native", 60.0), ("bookworm-arm64", "cross", 66.0))
MACHINES = ("amd64 4 cores 16 GiB ubuntu 24.04 github", "amd64 2 cores 8 GiB debian 12")
CHECKS = (
    "conffiles", "contents", "crash", "dependencies", "elf", "exposure", "files", "hardening",
    "install", "journal", "lintian", "purge", "reboot", "restart", "secrets", "service", "smoke",
    "steady", "stop", "writes",
)  # fmt: skip
CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def made_up(builds: int, end: datetime, seed: int = 1) -> Iterator[RunRecord]:
    """Runs of two targets each, over two years up to `end`."""
    random_ = random.Random(seed)  # noqa: S311 - no secret
    count = builds // len(TARGETS)
    for number in range(count):
        share = number / count
        slower = 1.3 if 0.4 < share < 0.55 else 1.0
        machine = MACHINES[random_.random() < 0.25]
        when = end - timedelta(days=730 * (1 - share), minutes=random_.random())
        targets = tuple(
            _target(random_, name, strategy, base * slower, share)
            for name, strategy, base in TARGETS
        )
        failed = any(t.result == "failed" for t in targets)
        yield RunRecord(
            record="run", id=f"run:{number:08d}", package="greeter", version=f"1.0.{number}-1",
            commit=f"{number:040x}", machine=machine, started=when, seconds=120.0,
            branch="main" if random_.random() < 0.6 else f"feature/{number // 400}",
            result="failed" if failed else "passed", queue_seconds=random_.expovariate(0.05),
            cache_bytes=8_000_000_000, targets=targets,
            stages=(StageRecord(name="source", status="passed", seconds=2.0, cpu_seconds=1.0),),
        )  # fmt: skip


def _target(
    random_: random.Random, name: str, strategy: str, base: float, share: float
) -> TargetRecord:
    noise = math.exp(random_.gauss(0, 0.08)) * (3 if random_.random() < 0.02 else 1)
    chance = random_.random()
    common = {"target": name, "strategy": strategy}
    if chance < 0.05:
        stage = StageRecord(name="build", status="failed", seconds=20.0, code="build/failed")
        return TargetRecord.model_validate(
            common | {"result": "failed", "stages": (stage,), "code": "build/failed",
            "infrastructure": chance < 0.015, "failed_stage": "build",
            "message": "greeter.c:7: error: expected ';' before 'return'",
            "next": f"debwright shell {name}"}
        )  # fmt: skip
    times = (("build", base), ("test", base / 3), ("sbom", 2.0), ("check", base / 2))
    stages = tuple(
        StageRecord(name=n, status="passed", seconds=round(t * noise, 3), cpu_seconds=t * 0.9,
                    layers_found=4, layers_made=int(random_.random() < 0.02))
        for n, t in times
    )  # fmt: skip
    return TargetRecord.model_validate(
        common | {"result": "passed", "stages": stages, "checks": dict.fromkeys(CHECKS, "passed"),
        "packages": {"greeter": int(2_400_000 * (1 + 0.2 * share))},
        "measurements": {"service.memory_bytes": 38e6}}
    )  # fmt: skip


def measure(work: Path, rounds: int, builds: int = BUILDS) -> Iterator[records.Row]:
    """Each figure with its bound."""
    os.environ["TZ"] = "UTC"
    project = work / "project"
    project.mkdir(parents=True)
    loaded = LoadedConfig(config=Config(), start=project)
    path = store_path(loaded, project / "dist")
    print(f"filling a store with {builds} builds")
    with Store.open(path) as store:
        store.put(made_up(builds, datetime.now(UTC)))
    print(f"  {path.stat().st_size / 1e6:.0f} MB")
    times = [_recording(loaded, project / "dist") for _ in range(rounds * 5)]
    yield records.row("recording a run", 1000 * statistics.median(times), 50, " ms", "median")
    yield records.row("recording a run, slowest", 1000 * max(times), 50, " ms", f"of {len(times)}")
    yield records.row(
        "recording a run, first of a process", 1000 * _first_recording(project), 50, " ms",
        "with the loading of what only recording needs",
    )  # fmt: skip
    made = [_command(project, "dashboard") for _ in range(rounds)]
    yield records.row("dashboard made", statistics.median(made), 5, " s", "process start to end")
    page = project / "dist/dashboard/index.html"
    yield records.row("dashboard's size", page.stat().st_size / 1e6, 3, " MB", "")
    if shutil.which("chromium") is None:
        print("  chromium is not installed: how fast the page opens was not measured")
        return
    opened = [_opened(page, work / f"profile{n}") for n in range(rounds)]
    yield records.row(
        "dashboard opens",
        statistics.median(opened),
        2,
        " s",
        "Chromium, all charts drawn",
    )


def _result() -> RunResult:
    stages = tuple(
        StageResult(stage=n, status=Status.PASSED, seconds=1.0)
        for n in ("build", "test", "sbom", "check")
    )
    targets = tuple(
        TargetResult(target=n, strategy=s, strategy_reason="", stages=stages) for n, s, _ in TARGETS
    )
    return RunResult(
        debwright="0", package="greeter", version="1", started=datetime.now(UTC), seconds=1,
        host="", targets=targets,
    )  # fmt: skip


def _recording(loaded: LoadedConfig, dist: Path) -> float:
    notes: list[str] = []
    result = _result()
    started = time.perf_counter()
    remember(loaded, dist, result, notes.append)
    seconds = time.perf_counter() - started
    assert not notes, notes
    return seconds


FIRST = """
import sys, time
from pathlib import Path
sys.path.insert(0, {bench!r})
import debwright.cli.common, debwright.observe.report  # what a run has loaded anyway
import debwright.observe.report.html, debwright.observe.report.view, debwright.pipeline.run
from debwright.config import Config, LoadedConfig
from debwright.model.results import RunResult
result = RunResult.model_validate_json({result!r})
started = time.perf_counter()
from debwright.observe.metrics.hook import remember
remember(LoadedConfig(config=Config(), start=Path({project!r})), Path({dist!r}), result, print)
print("seconds", time.perf_counter() - started)
"""


def _first_recording(project: Path) -> float:
    """In a new process: with the loading of what only recording needs."""
    code = FIRST.format(
        bench=str(Path(__file__).parent), result=_result().model_dump_json(),
        project=str(project), dist=str(project / "dist"),
    )  # fmt: skip
    times = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        times.append(float(done.stdout.split()[-1]))
    return statistics.median(times)


def _command(project: Path, *arguments: str) -> float:
    """Wall seconds of a debwright command, start to end."""
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "debwright", "-C", str(project), *arguments],
        check=True, stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return time.monotonic() - started


def _opened(page: Path, profile: Path) -> float:
    """Seconds from navigation to the last chart, as the page itself measures them."""
    done = subprocess.run(
        ["chromium", *CHROMIUM, f"--user-data-dir={profile}", "--window-size=1280,900",
         "--dump-dom", f"file://{page}#days=0"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = re.search(r'data-ready="(\d+)"', done.stdout)
    assert found, "the page did not get ready"
    return int(found[1]) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--builds", type=int, default=BUILDS)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--keep", type=Path, help="work there, and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="debwright-metrics-", dir="/var/tmp") as scratch:
        rows = []
        for one in measure(options.keep or Path(scratch), options.rounds, options.builds):
            rows.append(one)
            print(f"  {one.name}: {one.value} ({one.bound})", flush=True)
    print(f"\n{records.table(rows)}\n")
    if options.write:
        how = f"A store of {options.builds:,} made-up builds; medians of {options.rounds} rounds."
        records.save("metrics", "Remembering runs, and the dashboard", how, rows)


if __name__ == "__main__":
    main()
