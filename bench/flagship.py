"""What it costs to build services/local-rag: cross against native, and after a small change.

Run: python bench/flagship.py [--only cold|warm|emulated]... [--write]. `cold` compiles llama.cpp
for both architectures, some six minutes of processor time each. `emulated` is only done when asked
for: it builds the package under qemu-user, with llama.cpp from the cache, and compiles a part of
llama.cpp there, since all of it takes hours. The compiled wheels of the cache are not touched: a
setting that changes nothing makes the wheels of a round new ones.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import records

PARTS = ("cold", "warm", "emulated")
DEFAULT = ("cold", "warm")
NATIVE, CROSS = "bookworm-amd64", "bookworm-arm64"
FLAG = '"-DLLAVA_BUILD=OFF'
EVERY = 5
"""Of llama.cpp's own sources, one in so many is compiled under emulation."""
SAMPLE = f"""set -e
place=$(mktemp -d)
tar -xzf wheelhouse/files/llama_cpp_python-*.tar.gz -C "$place"
cd "$place"/llama_cpp_python-*/vendor/llama.cpp
number=0
for file in src/llama-*.cpp; do
    number=$((number + 1))
    [ $((number % {EVERY})) -eq 0 ] || continue
    g++ -std=gnu++17 -O3 -DNDEBUG -fPIC -Iinclude -Isrc -Iggml/include -c "$file" -o /dev/null
    echo "compiled $file"
done
times
"""
_TIMES = re.compile(r"^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$")


class Flagship:
    """A copy of the service and its companions to measure with."""

    def __init__(self, work: Path, rounds: int) -> None:
        self.rounds = rounds
        self.project = work / "local-rag"
        for name in ("local-rag", "local-rag-models"):
            copy_tracked(records.TOP / "services" / name, work / name)
        self.settings = (self.project / "debwright.toml").read_text()

    def build(self, pattern: str, *options: str) -> float:
        """Wall seconds of `debwright build`, start to end."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "debwright", "-C", str(self.project), "build", "-t", pattern,
             *options],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"debwright build failed:\n{done.stdout}{done.stderr}")
        return time.monotonic() - started

    def build_stage(self, target: str) -> float:
        """Seconds of the build stage of one target, llama.cpp compiled anew."""
        unused = f'"-DDEBWRIGHT_BENCH={uuid.uuid4().hex} -DLLAVA_BUILD=OFF'
        assert self.settings.count(FLAG) == 2
        (self.project / "debwright.toml").write_text(self.settings.replace(FLAG, unused))
        return float(self._stage(target)["seconds"])

    def _stage(self, target: str, *options: str) -> dict[str, Any]:
        """The build stage of one target."""
        self.build(target, "--force", *options)
        (path,) = (self.project / "dist").glob("*/report.json")
        (found,) = json.loads(path.read_text())["targets"]
        stage: dict[str, Any] = next(s for s in found["stages"] if s["stage"] == "build")
        return stage

    def _compiled(self, target: str, strategy: str) -> tuple[float, int]:
        """Seconds of processor time for the sample in the root of a target, and its files."""
        (self.project / "debwright.toml").write_text(
            self.settings.replace("[targets]\n", f'[targets]\nstrategy = "{strategy}"\n')
        )
        done = subprocess.run(
            [sys.executable, "-m", "debwright", "-C", str(self.project), "shell", target,
             "-c", SAMPLE],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = done.stdout.splitlines()
        children = _TIMES.match(lines[-1]) if lines else None
        if done.returncode != 0 or children is None:
            raise SystemExit(f"the sample was not compiled:\n{done.stdout}{done.stderr}")
        minutes, seconds, more_minutes, more_seconds = map(float, children.groups())
        files = sum(1 for line in lines if line.startswith("compiled "))
        return 60 * (minutes + more_minutes) + seconds + more_seconds, files

    def cold(self) -> list[records.Row]:
        seconds: dict[str, list[float]] = {NATIVE: [], CROSS: []}
        for _ in range(self.rounds):
            for target, taken in seconds.items():
                taken.append(self.build_stage(target))
        native, cross = (statistics.median(taken) for taken in seconds.values())
        detail = f"native {native:.0f} s, cross {cross:.0f} s"
        return [records.row("cross arm64 / native amd64", cross / native, 1.10, "", detail)]

    def warm(self) -> list[records.Row]:
        (self.project / "debwright.toml").write_text(self.settings)
        self.build("bookworm-*")
        taken = []
        for number in range(self.rounds):
            with (self.project / "src/local_rag/__init__.py").open("a") as module:
                module.write(f"# {number}\n")
            taken.append(self.build("bookworm-*"))
        return [
            records.row(
                "build of both after a change of Python code", statistics.median(taken), 25, " s",
                "bookworm-amd64 and bookworm-arm64, process start to end",
            )
        ]  # fmt: skip

    def emulated(self) -> list[records.Row]:
        """By processor time: it takes so long that other work on the machine is to be expected."""
        self.build("bookworm-*")  # llama.cpp, which is compiled across for the emulated build, too
        native = self._stage(NATIVE)["cpu_seconds"]
        emulated = self._stage(CROSS, "--strategy", "emulated")["cpu_seconds"]
        rows = [_record("the package, llama.cpp compiled before", native, emulated)]
        (native, files), (emulated, _) = (
            self._compiled(target, strategy)
            for target, strategy in ((NATIVE, "native"), (CROSS, "emulated"))
        )
        return [*rows, _record(f"compiling {files} files of llama.cpp", native, emulated)]


def _record(what: str, native: float, emulated: float) -> records.Row:
    name = f"emulated arm64 / native amd64: {what}"
    detail = f"native {native:.0f} s of processor time, emulated {emulated:.0f} s, once"
    return records.Row(name, f"{emulated / native:.1f}", "for the record", None, detail)


def copy_tracked(source: Path, target: Path) -> None:
    """Copy what git knows of a directory."""
    names = subprocess.run(
        ["git", "-C", str(source), "ls-files", "-z"], check=True, capture_output=True, text=True
    )
    for name in filter(None, names.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)


TITLES = {
    "cold": "local-rag, llama.cpp compiled anew",
    "warm": "local-rag after a small change",
    "emulated": "local-rag, emulated",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="What it costs to build services/local-rag.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="debwright-bench-", dir="/var/tmp") as work:
        flagship = Flagship(Path(work), options.rounds)
        for part in options.only or DEFAULT:
            rows = {"cold": flagship.cold, "warm": flagship.warm, "emulated": flagship.emulated}[
                part
            ]()
            print(f"\n{records.table(rows)}\n", flush=True)
            if options.write:
                how = f"Medians of {options.rounds} rounds, taking turns."
                records.save(f"flagship-{part}", TITLES[part], how, rows)


if __name__ == "__main__":
    main()
