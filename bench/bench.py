"""Ratios of debwright against its peers, all measured in one run on one machine.

Absolute times say more about the machine than about the tools; what is compared here is wall time
of the same work, alternating, and the median of it. Nothing is asserted: a bound that is not met is
printed as such, and the exit code stays 0.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import records

from debwright.build.depends import BuildPlan, build_dependencies
from debwright.config import Config
from debwright.isolation.namespaces import Bind
from debwright.model.targets import Strategy, Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import BUILDER_UID, Roots
from debwright.roots.overlay import opened, throwaway
from debwright.source.make import read_dsc

TOP = Path(__file__).parent.parent
AMD64, ARM64 = Target("bookworm", "amd64"), Target("bookworm", "arm64")
PARTS = ("greeter", "peers", "cross")
TITLES = {
    "greeter": "Checks of a small service",
    "peers": "Builds, against dpkg-buildpackage and sbuild",
    "cross": "Cross-compilation",
}
HOW = {
    "greeter": "",
    "peers": "The peers' times include what they do for each build (unpacking a tarball, apt, "
    "clean-up), as debwright's include its own: process start, source, overlay, copying and "
    "hashing of the results.",
    "cross": "The native build runs hello's tests, the cross build cannot.",
}
LIVE = ("install", "service", "smoke", "files", "stop", "purge")


class Bench:
    """The measurements, sharing one project directory and one cache."""

    def __init__(self, work: Path, rounds: int) -> None:
        self.work, self.rounds = work, rounds
        self.cache = Cache(default_cache())
        self.cache.prepare()
        self.roots = Roots(self.cache, Config(), note=lambda text: print("  ", text))
        self.rows: list[records.Row] = []
        self.hello = Path()
        """hello's .dsc, once it is there."""
        self.empty = work / "hello"

    def run(self, part: str) -> list[records.Row]:
        """Measure one of PARTS."""
        self.rows = []
        if part == "greeter":
            self.greeter()
        else:
            self.prepare_hello()
            self.warm_against_peers() if part == "peers" else self.cross_against_native()
        return self.rows

    def prepare_hello(self) -> None:
        if self.empty.exists():
            return
        print("preparing (roots, layers, hello's source)")
        self.hello = self.fetch_hello()
        self.empty.mkdir()
        self.debwright(self.empty, "build", str(self.hello), "-t", "bookworm-*")

    def add(self, name: str, value: float, bound: float, unit: str, detail: str) -> None:
        self.rows.append(records.row(name, value, bound, unit, detail))
        print(f"  {name}: {value:.2f}{unit} (at most {bound:g}{unit}) {detail}", flush=True)

    def fetch_hello(self) -> Path:
        """hello's source package from the archive of the base root."""
        home = self.work / "source"
        home.mkdir()
        with throwaway(self.cache, self.roots.build(AMD64), "bench") as overlay:
            bind = Bind(source=home, target="/source", read_only=False)
            with opened(overlay, network=True, binds=[bind]) as inside:
                inside.run(["sed", "-i", "-n", "p; s/^deb /deb-src /p", "/etc/apt/sources.list"])
                inside.run(["apt-get", "-q", "update"])
                inside.run(
                    ["apt-get", "-q", "source", "--download-only", "hello"],
                    cwd="/source", env={"HOME": "/root"},
                )  # fmt: skip
        (dsc,) = home.glob("hello_*.dsc")
        return dsc

    def debwright(self, directory: Path, *arguments: str) -> float:
        """Wall seconds of one debwright command, start to end."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "debwright", "-C", str(directory), *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"debwright {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return time.monotonic() - started

    def plain(self) -> float:
        """dpkg-buildpackage alone: the source unpacked, the dependencies there, nothing else."""
        source = read_dsc(self.hello)
        plan = BuildPlan(
            source=source.name,
            target=AMD64,
            strategy=Strategy.NATIVE,
            machine=AMD64,
            with_all=source.has_all,
            with_any=True,
        )
        layer = build_dependencies(self.roots, source, plan)
        with throwaway(self.cache, layer, "bench") as overlay:
            bind = Bind(source=self.hello.parent, target="/source")
            with opened(overlay, network=False, binds=[bind]) as inside:
                inside.run(
                    ["dpkg-source", "--no-check", "-x", f"/source/{self.hello.name}", "hello"],
                    cwd="/build", uid=BUILDER_UID,
                )  # fmt: skip
                done = inside.run(
                    ["dpkg-buildpackage", "-us", "-uc", plan.kind_option()],
                    cwd="/build/hello", uid=BUILDER_UID, merge=True,
                    env={"HOME": "/nonexistent",
                         "DEB_BUILD_OPTIONS": f"parallel={os.cpu_count() or 1}"},
                )  # fmt: skip
        return done.seconds

    def sbuild(self) -> float:
        tarball = self.work / "bookworm.tar"
        if not tarball.exists():
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=buildd", "bookworm", str(tarball)], check=True
            )
        work = Path(tempfile.mkdtemp(dir=self.work))
        # sbuild's unshare mode refuses root; it gets a user of its own.
        shutil.chown(work, user=self.user, group=self.user)
        for path in (*read_dsc(self.hello).files, self.hello):
            shutil.copy(path, work)
            shutil.chown(work / path.name, user=self.user)
        started = time.monotonic()
        done = subprocess.run(
            ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "env",
             f"HOME={work}", "sbuild", "--chroot-mode=unshare", f"--chroot={tarball}",
             "--dist=bookworm", "--no-run-lintian", "--no-run-piuparts", "--no-run-autopkgtest",
             "--nolog", self.hello.name],
            cwd=work, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"sbuild failed: {(done.stdout + done.stderr)[-1500:]}")
        return time.monotonic() - started

    def warm_against_peers(self) -> None:
        times: dict[str, list[float]] = {"debwright": [], "plain": [], "sbuild": []}
        work: dict[str, Callable[[], float]] = {
            "plain": self.plain,
            "debwright": lambda: self.debwright(
                self.empty, "build", "--force", str(self.hello), "-t", "bookworm-amd64"
            ),
            "sbuild": self.sbuild,
        }
        with temporary_user() as self.user:
            self.work.chmod(0o755)
            for number in range(self.rounds):
                print(f"round {number + 1} of {self.rounds}: hello, warm")
                for name, action in work.items():
                    times[name].append(action())
        median = {name: statistics.median(values) for name, values in times.items()}
        detail = ", ".join(f"{name} {value:.1f} s" for name, value in median.items())
        self.add("build / dpkg-buildpackage alone", median["debwright"] / median["plain"], 1.10, "",
                 detail)  # fmt: skip
        self.add("build / sbuild unshare", median["debwright"] / median["sbuild"], 0.55, "", detail)

    def cross_against_native(self) -> None:
        stages: dict[str, list[float]] = {"native": [], "cross": []}
        for number in range(self.rounds):
            print(f"round {number + 1} of {self.rounds}: native and cross")
            for strategy, target in (("native", AMD64), ("cross", ARM64)):
                stages[strategy].append(self.build_stage(target, strategy))
        native, cross = (statistics.median(stages[name]) for name in ("native", "cross"))
        detail = f"native {native:.1f} s, cross {cross:.1f} s"
        self.add("cross arm64 / native amd64", cross / native, 1.15, "", detail)
        print("emulated, once")
        emulated = self.build_stage(ARM64, "emulated")
        self.rows.append(
            records.Row(
                "emulated arm64 / native amd64",
                f"{emulated / native:.2f}",
                "for the record",
                None,
                f"emulated {emulated:.1f} s, its dependencies installed in the same time when cold",
            )
        )

    def build_stage(self, target: Target, strategy: str) -> float:
        """Seconds of the build stage alone, from debwright's report."""
        self.debwright(
            self.empty, "build", "--force", str(self.hello), "-t", str(target),
            "--strategy", strategy,
        )  # fmt: skip
        report = self.report(self.empty)
        stage = next(s for s in report["targets"][0]["stages"] if s["stage"] == "build")
        return float(str(stage["seconds"]))

    def report(self, directory: Path) -> dict[str, list[dict[str, list[dict[str, object]]]]]:
        (path,) = (directory / "dist").glob("*/report.json")
        return json.loads(path.read_text())  # type: ignore[no-any-return]

    def greeter(self) -> None:
        print("greeter: checks, a run with nothing to do, memory")
        project = self.work / "greeter"
        shutil.copytree(TOP / "tests/projects/greeter", project)
        peak = self.peak_memory(project)
        self.debwright(project, "run")
        nothing = statistics.median(self.debwright(project, "run") for _ in range(5))
        self.add(
            "run with nothing changed", nothing, 1.5, " s", "median of 5, process start to end"
        )
        for target, bound in ((AMD64, 8), (ARM64, 25)):
            seconds = []
            for _ in range(self.rounds):
                self.debwright(project, "check", "--force", "-t", str(target))
                (found,) = self.report(project)["targets"]
                live = [c for c in found["checks"] if c["name"] in LIVE]
                seconds.append(sum(float(str(c["seconds"])) for c in live))
            self.add(f"install, boot, health, stop, purge: {target}", statistics.median(seconds),
                     bound, " s", "greeter, warm")  # fmt: skip
        self.add("peak memory of debwright", peak / 1024**2, 150, " MB", "greeter, both targets")

    def peak_memory(self, project: Path) -> int:
        """VmHWM of the debwright process (proc(5)) over a whole run."""
        said = self.work / "run.log"
        with said.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "debwright", "-C", str(project), "run", "--force"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        peak = 0

        def watch() -> None:
            nonlocal peak
            status = Path(f"/proc/{process.pid}/status")
            while process.poll() is None:
                try:
                    rows = status.read_text().splitlines()
                except OSError:
                    return
                peak = max(
                    [peak, *(int(r.split()[1]) * 1024 for r in rows if r.startswith("VmHWM"))]
                )
                time.sleep(0.2)

        watcher = threading.Thread(target=watch)
        watcher.start()
        watcher.join()
        if process.returncode != 0:
            tail = "\n".join(said.read_text(errors="replace").splitlines()[-40:])
            raise SystemExit(f"debwright run failed with {process.returncode}:\n{tail}")
        return peak


@contextmanager
def temporary_user() -> Iterator[str]:
    """An ordinary user with subordinate ids, for sbuild."""
    name = f"dwbench{os.getpid()}"
    subprocess.run(["useradd", "--create-home", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", "--remove", name], check=False, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="measure this part alone; may be repeated"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="debwright-bench-", dir="/var/tmp") as work:
        bench = Bench(Path(work), options.rounds)
        for part in options.only or PARTS:
            rows = bench.run(part)
            print(f"\n{records.table(rows)}\n")
            if options.write:
                how = f"Medians of {options.rounds} rounds, taking turns. {HOW[part]}"
                records.save(part, TITLES[part], how.strip(), rows)


if __name__ == "__main__":
    main()
