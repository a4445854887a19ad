"""Publishing against aptly and reprepro, on the same small packages, in one run.

All write Packages (plain, gz and a strong compressor), Contents, and sign; aptly has no xz and
writes bz2, debwright alone also syncs what it writes to the disk. Each figure is the wall time of
the tool's own commands from start to end; they take turns. Nothing is asserted.
"""

import argparse
import hashlib
import io
import json
import lzma
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import records

SUITE = "bookworm"
LARGE, SMALL, HUGE = 5_000, 1_000, 10_000


def make_packages(directory: Path, count: int) -> list[Path]:
    """Small .debs with nine files each, written without dpkg-deb, which takes longer than all."""
    directory.mkdir()
    return [_make_package(directory, number) for number in range(count)]


def _make_package(directory: Path, number: int) -> Path:
    chance = random.Random(number)  # noqa: S311 - for sizes
    name, version = f"pkg{number:05d}", f"1.{number % 50}-{number % 7 + 1}"
    architecture = "all" if number % 3 == 0 else "amd64"
    words = [
        hashlib.sha256(f"{number} {k}".encode()).hexdigest()[: chance.randint(3, 9)]
        for k in range(60)
    ]
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
        f"Maintainer: Some Body <some@example.org>\nInstalled-Size: {chance.randint(10, 9000)}\n"
        f"Depends: libc6 (>= 2.34), libpkg{number % 97} (>= 1.{number % 50}), python3\n"
        f"Section: misc\nPriority: optional\nHomepage: https://example.org/{name}\n"
        f"Description: {' '.join(words[:5])}\n {' '.join(words[5:17])}\n"
        f" {' '.join(words[17:29])}\n .\n {' '.join(words[29:41])}\n"
    )
    files = [(f"./usr/share/{name}/{word}", word.encode() * 20) for word in words[:8]]
    files.append((f"./usr/bin/{name}", words[9].encode()))
    path = directory / f"{name}_{version}_{architecture}.deb"
    path.write_bytes(
        b"!<arch>\n"
        + _member("debian-binary", b"2.0\n")
        + _member("control.tar.xz", _tar([("./control", control.encode())]))
        + _member("data.tar.xz", _tar(files))
    )
    return path


def _tar(files: Sequence[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            archive.addfile(info, io.BytesIO(data))
    return lzma.compress(stream.getvalue(), preset=0)


def _member(name: str, data: bytes) -> bytes:
    head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
    return head + data + b"\n" * (len(data) % 2)


class Tools:
    """The three tools, each with repositories below `work`, and one key for all."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.home = work / "gnupg"
        self.home.mkdir(mode=0o700)
        # Bytecode as an installed package has it, whatever this machine's habit is.
        self.environment = {
            **os.environ, "GNUPGHOME": str(self.home), "LC_ALL": "C.UTF-8",
            "PYTHONPYCACHEPREFIX": str(work / "bytecode"), "PYTHONDONTWRITEBYTECODE": "",
        }  # fmt: skip
        make = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        self.call(*make, "--quick-generate-key", "bench <b@localhost>", "ed25519", "sign", "1y")
        listing = self.call("gpg", "--with-colons", "--list-keys")
        self.key = next(
            line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")
        )

    def call(self, *argv: str) -> str:
        done = subprocess.run(
            argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(argv[:6])} failed:\n{done.stdout[-2000:]}")
        return done.stdout

    def debwright(self, place: str, debs: Sequence[Path]) -> None:
        project = self.work / place
        if not project.exists():
            project.mkdir()
            (project / "debwright.toml").write_text(
                f'[signing]\nkey = "{self.key}"\nhome = "{self.home}"\n'
                '[repository]\norigin = "bench"\npublications = 3\n'
            )
        self.call(sys.executable, "-m", "debwright", "-C", str(project), "repo", "add",
                  "--suite", SUITE, *map(str, debs))  # fmt: skip

    def peak_of_debwright(self, place: str, deb: Path) -> float:
        """The most memory, in MB, that one more package takes."""
        code = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
            "stdout=subprocess.DEVNULL); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        said = self.call(sys.executable, "-c", code, sys.executable, "-m", "debwright", "-C",
                         str(self.work / place), "repo", "add", "--suite", SUITE,
                         str(deb))  # fmt: skip
        return int(said.split()[-1]) * 1024 / 1e6

    def aptly(self, place: str, debs: Sequence[Path]) -> None:
        root = self.work / place
        config = f"-config={root}.conf"
        first = not root.exists()
        if first:
            settings = {"rootDir": str(root), "architectures": ["amd64"], "gpgProvider": "gpg"}
            Path(f"{root}.conf").write_text(json.dumps(settings))
            self.call("aptly", config, "repo", "create", f"-distribution={SUITE}", "r")
        self.call("aptly", config, "repo", "add", "r", *map(str, debs))
        if first:
            self.call("aptly", config, "publish", "repo", "-batch", f"-gpg-key={self.key}",
                      "-acquire-by-hash", "r")  # fmt: skip
        else:
            self.call("aptly", config, "publish", "update", "-batch", f"-gpg-key={self.key}", SUITE)

    def reprepro(self, place: str, debs: Sequence[Path]) -> None:
        root = self.work / place
        if not root.exists():
            (root / "conf").mkdir(parents=True)
            (root / "conf/distributions").write_text(
                f"Origin: bench\nLabel: bench\nCodename: {SUITE}\nArchitectures: amd64\n"
                f"Components: main\nSignWith: {self.key}\n"
                "DebIndices: Packages Release . .gz .xz\nContents: . .gz\n"
            )
        self.call("reprepro", "--basedir", str(root), "includedeb", SUITE, *map(str, debs))


@contextmanager
def workspace() -> Iterator[Path]:
    work = Path(tempfile.mkdtemp(prefix="debwright-bench-", dir="/var/tmp"))
    try:
        yield work
    finally:
        subprocess.run(["gpgconf", "--homedir", str(work / "gnupg"), "--kill", "all"], check=False)
        shutil.rmtree(work, ignore_errors=True)


def seconds(action: object, *arguments: object) -> float:
    assert callable(action)
    started = time.monotonic()
    action(*arguments)
    return time.monotonic() - started


def measure(work: Path, rounds: int, huge: int) -> list[records.Row]:
    """Import, then one package at a time, the tools taking turns."""
    tools = Tools(work)
    debs = make_packages(work / "debs", huge + 3 * rounds + 1)
    first, fresh = debs[:LARGE], iter(debs[huge:])
    peers = {"debwright": tools.debwright, "aptly": tools.aptly, "reprepro": tools.reprepro}
    imports = {name: seconds(tool, name, first) for name, tool in peers.items()}
    say("first import", imports)
    medians = turns(peers, {name: name for name in peers}, fresh, rounds)
    say(f"one more into {LARGE}", medians)
    tools.debwright("small", debs[:SMALL])
    # In parts, since a command line has an end; reprepro is left out, to save time.
    both = {name: peers[name] for name in ("debwright", "aptly")}
    filled = dict.fromkeys(both, 0.0)
    for start in range(0, huge, LARGE):
        for name, tool in both.items():
            filled[name] += seconds(tool, f"huge-{name}", debs[start : min(start + LARGE, huge)])
    say(f"import of {huge} in parts of {LARGE}", filled)
    places = {"small": "small", "debwright": "huge-debwright", "aptly": "huge-aptly"}
    growth = turns({"small": tools.debwright, **both}, places, fresh, rounds)
    say(f"one more into {huge}, debwright into {SMALL} (small)", growth)
    memory = tools.peak_of_debwright("huge-debwright", next(fresh))
    print(f"  memory of one more into {huge}: {memory:.0f} MB", flush=True)
    detail, grown, all_of_it, imported = (
        ", ".join(f"{name} {value:.2f} s" for name, value in found.items())
        for found in (medians, growth, filled, imports)
    )
    return [
        records.row(f"one package into {LARGE} / aptly", medians["debwright"] / medians["aptly"],
                    0.5, "", detail),
        records.row(f"one package into {LARGE} / reprepro",
                    medians["debwright"] / medians["reprepro"], 0.5, "", detail),
        records.row(f"one package into {huge} / into {SMALL}",
                    growth["debwright"] / growth["small"], 3, "", grown),
        records.row(f"one package into {huge} / aptly", growth["debwright"] / growth["aptly"],
                    0.2, "", grown),
        records.row(f"one package into {huge}, memory", memory, 300, " MB",
                    f"{memory:.0f} MB at most"),
        records.row(f"first import of {LARGE} / aptly", imports["debwright"] / imports["aptly"],
                    1, "", imported),
        records.row(f"import of {huge} in parts / aptly", filled["debwright"] / filled["aptly"],
                    0.3, "", all_of_it),
    ]  # fmt: skip


def turns(
    tools: Mapping[str, Callable[[str, Sequence[Path]], None]], places: Mapping[str, str],
    fresh: Iterator[Path], rounds: int,
) -> dict[str, float]:  # fmt: skip
    """Median seconds of one more package, the tools taking turns."""
    found: dict[str, list[float]] = {name: [] for name in tools}
    for deb in [next(fresh) for _ in range(rounds)]:
        for name, tool in tools.items():
            found[name].append(seconds(tool, places[name], [deb]))
    return {name: statistics.median(values) for name, values in found.items()}


def say(what: str, times: dict[str, float]) -> None:
    print(f"  {what}: " + ", ".join(f"{k} {v:.2f} s" for k, v in times.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--huge", type=int, default=HUGE, help="packages of the largest; 100000 takes long"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if lacking := [tool for tool in ("aptly", "reprepro") if shutil.which(tool) is None]:
        print(f"repository: skipped, {' and '.join(lacking)} not installed")
        return
    with workspace() as work:
        rows = measure(work, options.rounds, options.huge)
    print(f"\n{records.table(rows)}\n")
    if options.write:
        how = (
            f"Medians of {options.rounds} rounds, the tools taking turns on the same small "
            "packages; the first import once. debwright and reprepro write .xz, aptly writes "
            ".bz2; debwright alone syncs what it writes to the disk."
        )
        records.save("repository", "The repository", how, rows)


if __name__ == "__main__":
    main()
