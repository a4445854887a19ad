"""Makes the corpus: runs every case in a real root and keeps what the tools said.

    python -m tests.corpus.generate [--missing | NAME...]

Needs root, the cache of roots and, for its cases, dockerd. Each case gets a throw-away overlay of
its own and no network. Logs are kept as xz beside a manifest that says how each was made: the
command, the packages of the root, the exit status, the code the case was labelled with, and
whether it is held out.
"""

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from debwright.config import Config
from debwright.host.files import atomic_write
from debwright.host.process import Completed, run
from debwright.isolation.namespaces import Bind, Entered
from debwright.model.errors import DebwrightError
from debwright.model.targets import Target
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import BUILDER_UID, Roots
from debwright.roots.overlay import make_throwaway, opened, throwaway
from debwright.roots.store import Layer
from debwright.systems.nspawn import NspawnSandbox

from .cases import Case, everything

HERE = Path(__file__).parent
LOGS = HERE / "logs"
MANIFEST = HERE / "manifest.json"
AMD64, ARM64 = Target("bookworm", "amd64"), Target("bookworm", "arm64")
PACKAGES = (
    "autoconf", "automake", "clang", "cmake", "curl", "debhelper", "dh-python", "git", "gpg",
    "gpg-agent", "libtool", "lintian", "meson", "ninja-build", "openssl", "pkg-config",
    "pybuild-plugin-pyproject", "python3-all-dev", "python3-pip", "python3-pytest",
    "python3-setuptools", "python3-venv", "python3-wheel", "wget",
)  # fmt: skip
SECONDS = 120
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class Maker:
    """Runs cases; the layers are made once."""

    def __init__(self, tools: Path | None) -> None:
        cache = Cache(default_cache())
        cache.prepare()
        self.cache = cache
        self.roots = Roots(cache, Config(), note=print)
        self.tools = tools
        """A directory with uv and maturin, which Debian does not have."""

    def build_layer(self) -> Layer:
        def change(inside: Any, scratch: Path) -> None:
            arguments = ["install", "--no-install-recommends", *PACKAGES]
            self.roots.install(inside, scratch, arguments, None, "corpus")

        parent = self.roots.build(AMD64)
        return self.roots.custom("corpus", AMD64, parent, {"packages": list(PACKAGES)}, change)

    def in_root(self, case: Case, layer: Layer) -> Completed:
        """The case in an overlay of its own."""
        with throwaway(self.cache, layer, "corpus") as overlay:
            binds = [Bind(source=self.tools, target="/opt/tools")] if self.tools else []
            with opened(overlay, network=False, binds=binds, hostname="debwright") as inside:
                home = f"/build/{'case' if case.root else case.name}"
                return self._run(case, inside, home, None if case.root else BUILDER_UID)

    def _run(self, case: Case, inside: Entered, home: str, uid: int | None) -> Completed:
        inside.run(["mkdir", "-p", home])
        for path, text in case.files.items():
            where = path if path.startswith("/") else f"{home}/{path}"
            inside.run(["sh", "-c", 'mkdir -p "${1%/*}"; cat > "$1"', "sh", where], stdin=text)
        inside.run(["sh", "-c", '[ ! -e "$1" ] || chmod 755 "$1"', "sh", f"{home}/debian/rules"])
        if uid is not None:
            inside.run(["chown", "-R", f"{uid}:{uid}", home])
        return inside.run(
            ["sh", "-c", case.script], cwd=home, uid=uid, merge=True, check=False, timeout=SECONDS,
            env={"HOME": "/build", "PATH": f"/usr/local/bin:/opt/tools:{PATH}",
                 "LC_ALL": "C.UTF-8", "DEB_BUILD_OPTIONS": "parallel=2"},
        )  # fmt: skip

    @contextmanager
    def booted(self) -> Iterator[NspawnSandbox]:
        layer = self.roots.boot(AMD64)
        with layer.in_use(), self.cache.scratch("corpus") as scratch:
            overlay = make_throwaway(scratch, layer)
            with NspawnSandbox(overlay) as system:
                yield system

    @contextmanager
    def docker(self) -> Iterator[Path]:
        """A daemon with one image, `corpus`; yields a directory to work in."""
        with tempfile.TemporaryDirectory(prefix="corpus-") as name:
            home, socket = Path(name), Path("/run/docker.sock")
            with (home / "log").open("wb") as log:
                dockerd = subprocess.Popen(
                    ["dockerd", "--iptables=false", "--bridge=none", f"--data-root={home}/data",
                     f"--exec-root={home}/exec", f"--pidfile={home}/pid", f"--host=unix://{socket}"],
                    stdout=log, stderr=log,
                )  # fmt: skip
            try:
                while run(["docker", "version"], check=False).returncode:
                    assert dockerd.poll() is None, (home / "log").read_text()[-2000:]
                    time.sleep(0.2)
                tar = home / "root.tar"
                tree = self.roots.base(AMD64).tree
                run(
                    [
                        "tar",
                        "-C",
                        tree,
                        "--exclude=./dev/*",
                        "--exclude=./var/lib/apt/lists/*",
                        "-cf",
                        tar,
                        ".",
                    ]
                )
                run(["docker", "import", tar, "corpus"])
                yield home
            finally:
                dockerd.terminate()
                dockerd.wait(timeout=60)
                for line in Path("/proc/mounts").read_text().splitlines()[::-1]:
                    if line.split()[1].startswith(f"{home}/"):
                        run(["umount", line.split()[1]])

    def in_shell(self, case: Case, home: Path) -> Completed:
        directory = home / "build" / case.name
        directory.mkdir(parents=True)
        for path, text in case.files.items():
            (directory / path).write_text(text)
        return run(
            ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/build",
             "sh", "-c", case.script], cwd=directory, merge=True, check=False, timeout=SECONDS,
        )  # fmt: skip

    def make(self, cases: Sequence[Case]) -> Iterator[tuple[Case, Completed]]:
        by = {w: [c for c in cases if c.where == w] for w in ("build", "arm64", "booted", "docker")}
        for where, layer in (
            ("build", self.build_layer),
            ("arm64", lambda: self.roots.build(ARM64)),
        ):
            if by[where]:
                made = layer()
                with made.in_use():
                    for case in by[where]:
                        try:
                            yield case, self.in_root(case, made)
                        except DebwrightError as problem:
                            print(f"{case.name}: {problem.what}", flush=True)
        if by["booted"]:
            with self.booted() as system:
                # What ends well first: its log is the journal, and others' failures come into it.
                for case in sorted(by["booted"], key=lambda c: not c.succeeds):
                    yield case, self._run(case, system, "/root", None)
        if by["docker"] and shutil.which("dockerd"):
            with self.docker() as home:
                for case in by["docker"]:
                    yield case, self.in_shell(case, home)


def scrub(text: str, home: str) -> str:
    """Names of this machine have no place in what is kept."""
    for word in sorted({os.uname().nodename, *_mirrors()}, key=len, reverse=True):
        text = text.replace(word, "deb.debian.org" if "." in word else "debwright")
    text = re.sub(r"\b10(?:\.\d{1,3}){3}\b", "192.0.2.53", text)  # its name server
    return text.replace(home, "")


def _mirrors() -> set[str]:
    from urllib.parse import urlsplit

    names = [os.environ.get("DEBWRIGHT_MIRROR", "")]
    for line in Path("/etc/apt").rglob("*"):
        if line.is_file() and line.suffix in (".list", ".sources"):
            names += [w for w in line.read_text(errors="replace").split() if "://" in w]
    return {host for n in names if (host := urlsplit(n).hostname)}


def main(names: Sequence[str]) -> int:
    """Make the named cases, or all; those that fail in another way than meant are told."""
    cases = [c for c in everything() if not names or c.name in names]
    if list(names) == ["--missing"]:
        cases = [c for c in everything() if not (LOGS / f"{c.name}.log.xz").exists()]
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    tools = os.environ.get("CORPUS_TOOLS")
    LOGS.mkdir(exist_ok=True)
    wrong = 0
    for case, done in Maker(Path(tools) if tools else None).make(cases):
        text = scrub(done.output, tempfile.gettempdir() + "/corpus-")
        failed_as_meant = case.token in text and (done.returncode == 0) is case.succeeds
        if not failed_as_meant:
            # The log itself is not shown: a held-out one must not be seen.
            word = "is" if case.token in text else "is not"
            print(f"{case.name}: status {done.returncode}, `{case.token}` {word} in its log")
            wrong += 1
            manifest.pop(case.name, None)
            (LOGS / f"{case.name}.log.xz").unlink(missing_ok=True)
            continue
        atomic_write(LOGS / f"{case.name}.log.xz", lzma.compress(text.encode(), preset=9))
        manifest[case.name] = {
            "code": case.code, "where": case.where, "script": case.script,
            "files": sorted(case.files), "held_out": case.held_out,
            "succeeds": case.succeeds,
        }  # fmt: skip
        atomic_write(MANIFEST, json.dumps(dict(sorted(manifest.items())), indent=1) + "\n")
    print(f"{len(manifest)} logs, {wrong} not as meant")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
