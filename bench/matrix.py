"""The full matrix of checks for a product, warm; and one check beside piuparts and autopkgtest.

The matrix is two architectures on bookworm and trixie, as `debwright check` does them: every check
there is, and those alone that the bound was set for (install, service, upgrade, purge, files and
benchmarks). The peers test the same package on bookworm-amd64. Nothing is asserted: a bound that is
not met is printed as such.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import records

from debwright.config import load

TOP = Path(__file__).parent.parent
TARGETS = ("bookworm-amd64", "bookworm-arm64", "trixie-amd64", "trixie-arm64")
NATIVE = "bookworm-amd64"
MATRIX_SECONDS = 240
PEERS_SHARE = 0.5
BOUND_FOR = ("dependencies", "install", "service", "files", "purge", "upgrade", "benchmarks")
"""The checks MATRIX_SECONDS were set for; an installation begins with the dependencies."""
SHOWN = 10
INIT = ("systemd-sysv", "dbus", "procps")
IMAGE = "localhost/debwright-bench-init"
PARTS = ("matrix", "peers")
TITLES = {"matrix": "The matrix of checks", "peers": "Checks, against piuparts and autopkgtest"}
HOW = {
    "matrix": "The release before is the same packages under a lower version, in the APT "
    "repository. What lintian said of the same packages before is kept, as in every run.",
    "peers": "debwright makes every check. The peers get the same packages, their systems are made "
    "before, and what they test is less: autopkgtest the package's own tests, in a podman "
    "container with an init; piuparts installs, removes and purges.",
}


class Matrix:
    """A copy of the product, with its companions beside it, below `work`."""

    def __init__(self, product: Path, work: Path, targets: Sequence[str] = TARGETS) -> None:
        self.product = copy_of(product, work)
        self.work = work
        self.targets = targets

    def debwright(self, *arguments: str) -> float:
        """Wall seconds of one command. One that fails for another reason than a check ends all."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "debwright", "-C", str(self.product), *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
        if done.returncode not in (0, 4):
            raise SystemExit(f"debwright {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        if done.returncode == 4:
            print(f"  a check failed, and the time counts all the same:\n{done.stdout[-1500:]}")
        return seconds

    @property
    def home(self) -> Path:
        """dist/VERSION of the newest run."""
        reports = sorted(self.product.glob("dist/*/report.json"), key=lambda p: p.stat().st_mtime)
        return reports[-1].parent

    def prepare(self) -> None:
        """Build what is not built, and publish the release before, made of the same packages."""
        config = self.product / "debwright.toml"
        lines = config.read_text().splitlines()
        names = ", ".join(f'"{t}"' for t in self.targets)
        lines = [f"build = [{names}]" if x.startswith("build = [") else x for x in lines]
        config.write_text("\n".join(lines) + "\n")
        print("preparing: roots, packages, the release before", flush=True)
        self.debwright("build")
        for suite in sorted({t.split("-")[0] for t in self.targets}):
            previous = self.work / "previous" / suite
            previous.mkdir(parents=True)
            for deb in sorted(self.home.glob(f"{suite}-*/*.deb")):
                if "-dbgsym_" not in deb.name:
                    older(deb, previous)
            self.debwright("repo", "add", "--suite", suite, *map(str, previous.glob("*.deb")))

    def only(self, names: Sequence[str]) -> None:
        """Switch off every other check, and build again: debwright.toml is part of the source."""
        from debwright.checks.registry import unasked

        off = [c.name for c in unasked() if c.name not in names]
        config = self.product / "debwright.toml"
        lines = "".join(f'{name} = "off"\n' for name in off)
        config.write_text(f"{config.read_text()}[checks]\n{lines}")
        self.debwright("build")

    def forget(self) -> None:
        """A check whose result is missing is made again."""
        for path in self.home.glob("*/check.json"):
            path.unlink()

    def check(self, targets: Sequence[str] = ()) -> tuple[float, dict[str, Any]]:
        """Seconds of every check of these targets, and the report."""
        self.forget()
        words = [word for target in targets for word in ("-t", target)]
        seconds = self.debwright("check", *words)
        return seconds, json.loads((self.home / "report.json").read_text())


def copy_of(product: Path, work: Path) -> Path:
    """The product and its companions, at the same places beside each other."""
    loaded = load(product)
    sources = [product, *((product / c.source).resolve() for c in loaded.config.companions)]
    common = Path(os.path.commonpath([s.parent for s in sources]))
    ignored = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache", "node_modules")
    for source in sources:
        shutil.copytree(
            source, work / "tree" / source.relative_to(common), symlinks=True, ignore=ignored
        )
    return work / "tree" / product.relative_to(common)


def older(deb: Path, directory: Path) -> Path:
    """The same package under a version that is lower than any."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        tree = Path(scratch) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
        control = tree / "DEBIAN/control"
        lines = control.read_text().splitlines()
        changed = [f"Version: 0~{x.split(':', 1)[1].strip()}" if x.startswith("Version:") else x
                   for x in lines]  # fmt: skip
        control.write_text("\n".join(changed) + "\n")
        target = directory / deb.name
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, target],
            check=True, capture_output=True,
        )  # fmt: skip
    return target


def times(report: dict[str, Any]) -> str:
    """For each target its time, and the checks that take most of it."""
    rows = []
    for target in report["targets"]:
        checks = sorted(target["checks"], key=lambda c: -c["seconds"])
        states = [c["status"] for c in target["checks"]]
        stage = next((s for s in target["stages"] if s["stage"] == "check"), None)
        slow = ", ".join(f"{c['name']} {c['seconds']:.1f}" for c in checks[:SHOWN])
        rows.append(
            f"  {target['target']}: {stage['seconds'] if stage else 0:.1f} s, "
            f"{states.count('passed')} passed, {states.count('failed')} failed, "
            f"{states.count('skipped')} skipped; {slow}"
        )
    return "\n".join(rows)


class Peers:
    """piuparts, and autopkgtest in a container with an init: each with its system made before."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        home = matrix.home / NATIVE
        own = [p for p in sorted(home.glob("*.deb")) if "-dbgsym_" not in p.name]
        if not own:
            raise SystemExit(f"no package in {home}")
        # debwright installs what belongs to the product, too.
        self.debs = [*own, *sorted(matrix.home.glob("companions/*/*/*.deb"))]

    def prepare(self) -> None:
        systems = {"bookworm.tar.gz": [], "init.tar": [f"--include={','.join(INIT)}"]}
        for name, options in systems.items():
            make = ["mmdebstrap", "--quiet", "--variant=minbase", *options, "bookworm"]
            subprocess.run([*make, self.matrix.work / name], check=True)
        subprocess.run(["podman", "import", "--quiet", self.matrix.work / "init.tar", IMAGE],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip

    def close(self) -> None:
        subprocess.run(["podman", "image", "rm", "--force", IMAGE], check=False,
                       stdout=subprocess.DEVNULL)  # fmt: skip

    def piuparts(self) -> float:
        """Install, remove and purge; and the same by way of an upgrade where there is one."""
        return self._timed(
            ["piuparts", f"--basetgz={self.matrix.work}/bookworm.tar.gz", "--distribution=bookworm",
             "--mirror=http://deb.debian.org/debian main", "--warn-on-others",
             "--warn-on-leftovers-after-purge", "--no-upgrade-test",
             f"--log-file={self.matrix.work}/piuparts.log", "--log-level=error", *self.debs]
        )  # fmt: skip

    def autopkgtest(self) -> float:
        """The package's own tests, each on a system of its own that has booted.

        Not in a chroot: what needs a service would be skipped there. The limits are named since
        podman's own are more than some containers may have.
        """
        return self._timed(
            ["autopkgtest", "--apt-upgrade", "--no-built-binaries", *self.debs,
             f"{self.matrix.product}/", "--", "podman", "--init", IMAGE, "--",
             "--ulimit=nofile=1024:1024", "--ulimit=nproc=10000:10000"]
        )  # fmt: skip

    def _timed(self, command: Sequence[str | Path]) -> float:
        started = time.monotonic()
        done = subprocess.run(
            [str(w) for w in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
        tail = "\n    ".join((done.stdout + done.stderr).splitlines()[-8:])
        print(f"  {command[0]}: {seconds:.1f} s, status {done.returncode}\n    {tail}", flush=True)
        if done.returncode != 0:
            print(f"  {command[0]} failed: its time says nothing")
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--product", type=Path, default=TOP / "tests/projects/greeter")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument(
        "--bound-only", action="store_true", help="no matrix of every check, which has no bound"
    )
    parser.add_argument("--target", action="append", help="instead of the four; may be repeated")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    product = options.product.resolve()
    with tempfile.TemporaryDirectory(prefix="debwright-matrix-", dir="/var/tmp") as work:
        matrix = Matrix(product, Path(work), options.target or TARGETS)
        matrix.prepare()
        measured: dict[str, list[records.Row]] = {}
        parts = options.only or PARTS
        if "matrix" in parts:
            measured["matrix"] = []
            if not options.bound_only:
                row = measure_matrix(matrix, options.rounds, "every check", None)
                measured["matrix"].append(row)
        if "peers" in parts:
            measured["peers"] = [measure_peers(matrix, options.rounds)]
        if "matrix" in parts:
            # Last: the rest is about every check.
            matrix.only(BOUND_FOR)
            what = ", ".join(BOUND_FOR[1:])
            row = measure_matrix(matrix, options.rounds, what, MATRIX_SECONDS)
            measured["matrix"].append(row)
    print(f"\n{records.table([r for rows in measured.values() for r in rows])}\n")
    for part, rows in measured.items() if options.write else ():
        how = f"Medians of {options.rounds} rounds. {HOW[part]}"
        title = f"{TITLES[part]}: {product.name}"
        records.save(f"{part}-{product.name}", title, how.strip(), rows)


def measure_matrix(matrix: Matrix, rounds: int, what: str, bound: float | None) -> records.Row:
    print("warming: every layer that the checks need", flush=True)
    matrix.check()
    taken = []
    for _ in range(rounds):
        seconds, report = matrix.check()
        taken.append(seconds)
        print(f"matrix, {what}: {seconds:.1f} s\n{times(report)}", flush=True)
    name = f"matrix of {len(matrix.targets)} targets, warm: {what}"
    median, targets = statistics.median(taken), ", ".join(matrix.targets)
    if bound is None:
        return records.Row(name, f"{median:.1f} s", "for the record", None, targets)
    return records.row(name, median, bound, " s", targets)


def measure_peers(matrix: Matrix, rounds: int) -> records.Row:
    peers = Peers(matrix)
    taken = []
    try:
        peers.prepare()
        matrix.check([NATIVE])
        for _ in range(rounds):
            own, report = matrix.check([NATIVE])
            piuparts, autopkgtest = peers.piuparts(), peers.autopkgtest()
            taken.append((own / (piuparts + autopkgtest), own, piuparts, autopkgtest))
            print(f"{NATIVE}: {own:.1f} s\n{times(report)}", flush=True)
    finally:
        peers.close()
    share, own, piuparts, autopkgtest = sorted(taken)[len(taken) // 2]
    return records.row(
        f"checks of {NATIVE} / piuparts and autopkgtest", share, PEERS_SHARE, "",
        f"debwright {own:.1f} s, piuparts {piuparts:.1f} s, autopkgtest {autopkgtest:.1f} s",
    )  # fmt: skip


if __name__ == "__main__":
    main()
