"""The repository under load: 200 publications while apt reads, and 50 publishers killed.

The tests do the same with fewer; this is the whole of it. What fails is said, and then the exit
code is 1.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from repository import Tools, make_packages, workspace

SUITE = "bookworm"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


def clean_update(repository: Path, port: int) -> str | None:
    """One `apt-get update` from nothing; what it complained of."""
    with tempfile.TemporaryDirectory(prefix="apt-") as name:
        root = Path(name)
        for part in ("state/lists/partial", "cache/archives/partial", "etc", "dpkg"):
            (root / part).mkdir(parents=True)
        (root / "dpkg/status").touch()
        text = (repository / f"bench-{SUITE}.sources").read_text()
        lines = text.splitlines(keepends=True)
        lines = [f"URIs: http://127.0.0.1:{port}/\n" if x.startswith("URIs") else x for x in lines]
        (root / "r.sources").write_text("".join(lines))
        (root / "apt.conf").write_text(
            f'Dir::Etc "{root}/etc"; Dir::Etc::Main "/dev/null"; Dir::Etc::Parts "/dev/null";'
            f'Dir::Etc::SourceList "{root}/r.sources"; Dir::Etc::SourceParts "/dev/null";'
            f'Dir::Etc::Trusted "/dev/null"; Dir::Etc::TrustedParts "/dev/null";'
            f'Dir::State "{root}/state"; Dir::State::Status "{root}/dpkg/status";'
            f'Dir::Cache "{root}/cache"; Dir::Log "{root}"; APT::Architecture "amd64";'
            'APT::Architectures { "amd64"; }; APT::Sandbox::User "root";'
            'APT::Update::Error-Mode "any"; Acquire::Languages "none"; Acquire::Retries "0";'
        )
        done = subprocess.run(
            ["apt-get", "-q", "update"], env={"APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        complaint = any(x[:3] in ("W: ", "E: ") for x in done.stdout.splitlines())
        return done.stdout if done.returncode != 0 or complaint else None


def load(tools: Tools, debs: list[Path], readers: int) -> int:
    """Publish one by one while readers update; the number of errors."""
    tools.debwright("load", debs[:1])
    repository = tools.work / "load/dist/apt"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(repository)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = threading.Event()
    errors: list[str] = []
    updates = [0] * readers

    def read(number: int) -> None:
        while not done.is_set():
            if (said := clean_update(repository, server.server_address[1])) is not None:
                errors.append(said)
            updates[number] += 1

    threads = [threading.Thread(target=read, args=(n,)) for n in range(readers)]
    for thread in threads:
        thread.start()
    for number, deb in enumerate(debs[1:], 1):
        tools.debwright("load", [deb])
        if number % 20 == 0:
            print(f"  {number} publications, {sum(updates)} updates, {len(errors)} errors",
                  flush=True)  # fmt: skip
    done.set()
    for thread in threads:
        thread.join()
    server.shutdown()
    print(f"{len(debs) - 1} publications, {sum(updates)} updates from clean roots, "
          f"{len(errors)} errors")  # fmt: skip
    for said in errors[:3]:
        print(said)
    return len(errors)


def kills(tools: Tools, debs: list[Path], count: int) -> int:
    """Kill publishers at random moments; how often the repository was not whole."""
    started = time.monotonic()
    tools.debwright("kill", debs[:1])
    one = time.monotonic() - started
    repository = tools.work / "kill/dist/apt"
    seed = random.randrange(1 << 32)  # noqa: S311 - for moments
    chance = random.Random(seed)  # noqa: S311
    killed = broken = old = 0
    for deb in debs[1:]:
        if killed == count:
            break
        before = (repository / "dists").readlink()
        child = subprocess.Popen(
            [sys.executable, "-m", "debwright", "-C", str(tools.work / "kill"), "repo", "add",
             "--suite", SUITE, str(deb)], env=tools.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.2 * one, 1.1 * one))
        if child.poll() is None:
            child.kill()
            killed += 1
        child.wait()
        old += (repository / "dists").readlink() == before
        verified = subprocess.run(
            [sys.executable, "-m", "debwright", "-C", str(tools.work / "kill"), "verify",
             str(repository)], env=tools.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if verified.returncode != 0:
            broken += 1
            print(verified.stdout + verified.stderr)
    tools.debwright("kill", debs)  # and it goes on
    print(f"{killed} kills (seed {seed}): {old} left the old publication, {broken} a broken one")
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publications", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    with workspace() as work:
        tools = Tools(work)
        debs = make_packages(work / "debs", max(options.publications + 1, 3 * options.kills))
        failures = load(tools, debs[: options.publications + 1], readers=2)
        failures += kills(tools, debs, options.kills)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
