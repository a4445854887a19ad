"""SIGKILL at any moment: readers see the old or the new repository, and the next run works."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import debwright
from debwright.keys.signing.gpg import GpgSigner
from debwright.repository import store
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.repository.verify.repository import verify_repository

pytestmark = [pytest.mark.minutes(0.5), pytest.mark.integration]

MakeDeb = Callable[..., Path]

CHILD = """
import os, signal, sys
from pathlib import Path
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.keys.signing.gpg import GpgSigner

repo, home, fingerprint, stop_at, *debs = sys.argv[1:]
events = 0

def count(name, arguments):
    # Every act on the file system passes here before it is done.
    global events
    if name == "open" and not (isinstance(arguments[2], int) and arguments[2] & 0o3):
        return
    if name in ("open", "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir",
                "os.chmod", "os.truncate", "os.utime", "subprocess.Popen"):
        events += 1
        if events == int(stop_at):
            os.kill(os.getpid(), signal.SIGKILL)

settings = RepositorySettings(origin="Greeter", label="Greeter", keep=2)
with GpgSigner(fingerprint, home=Path(home)) as signer:
    signer.detach(b"warm")
    print("ready", flush=True)
    sys.addaudithook(count)
    for deb in debs:
        suites = ("bookworm", "trixie")
        files = [PackageFile(path=Path(deb), suite=s) for s in suites]
        publish(Path(repo), files, signer, settings)
    print(events, flush=True)
"""


class Crash:
    """Publishes in a child process that is killed, and judges what is left."""

    def __init__(self, repo: Path, home: Path, signer: GpgSigner, keyring: Path) -> None:
        self.repo, self.home, self.signer, self.keyring = repo, home, signer, keyring
        self.settings = RepositorySettings(origin="Greeter", label="Greeter", keep=2)

    def start(self, stop_at: int, *debs: Path) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", CHILD, str(self.repo), str(self.home)]
        argv += [self.signer.fingerprint, str(stop_at), *map(str, debs)]
        env = {**os.environ, "PYTHONPATH": str(Path(debwright.__file__).parents[1])}
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        return child

    def finish(self, child: subprocess.Popen[str]) -> str:
        out, _ = child.communicate(timeout=120)
        return out

    def must_be_whole(self) -> None:
        if (self.repo / "dists").exists():
            assert verify_repository(self.repo, self.keyring) == []
            assert len(list((self.repo / "dists").iterdir())) == 2  # both suites or none

    def publish(self, *debs: Path) -> None:
        files = [PackageFile(path=d, suite=s) for d in debs for s in ("bookworm", "trixie")]
        publish(self.repo, files, self.signer, self.settings)
        assert verify_repository(self.repo, self.keyring) == []
        assert {p.name for p in store.private(self.repo).iterdir()} == {"cache", "lock"}
        numbers = store.publication_numbers(self.repo)
        assert len(numbers) <= 2
        assert numbers[-1] == store.current_number(self.repo)
        assert {p.name for p in (self.repo / "publications").iterdir()} == {
            f"{n:04d}" for n in numbers
        }
        assert not list((self.repo / "pool").rglob(".*"))
        assert {p.name for p in self.repo.iterdir()} == {
            *(".debwright", "dists", "key.asc", "key.gpg", "pool", "publications"),
            *("index.html", "publication.json"),
            *("greeter-bookworm.sources", "greeter-trixie.sources"),
        }


@pytest.fixture
def crash(tmp_path: Path, key_home: Path, signer: GpgSigner, keyring: Path) -> Crash:
    return Crash(tmp_path / "repo", key_home, signer, keyring)


def test_sigkill_at_random_moments(crash: Crash, make_deb: MakeDeb) -> None:
    debs = [make_deb("greeter", f"1.{n}-1", content=str(n)) for n in range(200)]
    started = time.monotonic()
    crash.finish(crash.start(0, debs[0]))
    one = time.monotonic() - started
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    killed = done = 0
    while killed < 30:
        known = len(list((crash.repo / "pool").rglob("*.deb")))
        child = crash.start(0, *debs[known : known + 20])
        time.sleep(chance.uniform(0, one))
        if child.poll() is None:
            killed += 1
            child.kill()
        done += 1
        crash.finish(child)
        crash.must_be_whole()
        if done % 5 == 0:
            # Other content under a version that was never seen by a reader is accepted.
            names = {p.name for p in (crash.repo / "pool").rglob("*.deb")}
            crash.publish(make_deb("greeter", f"2.{done}-1", content=f"seed {seed}"))
            assert {p.name for p in (crash.repo / "pool").rglob("*.deb")} >= {
                n for n in names if is_published(crash.repo, n)
            }
    crash.publish(*debs)


def is_published(repo: Path, name: str) -> bool:
    index = repo / "dists/bookworm/main/binary-amd64/Packages"
    return f"/{name}\n" in index.read_text()


@pytest.mark.parametrize("earlier", [0, 2], ids=["first", "third"])
def test_sigkill_before_every_act(crash: Crash, make_deb: MakeDeb, earlier: int) -> None:
    base = [make_deb("greeter", f"0.{n}-1") for n in range(earlier)]
    if base:
        crash.publish(*base[:1])
        crash.publish(*base)
    total = int(crash.finish(crash.start(0, make_deb("greeter", "1.0-1"))))
    assert total > 40
    crash.publish(make_deb("greeter", "1.1-1"))
    step = max(1, total // 25)
    for number, stop_at in enumerate(range(1 + earlier % step, total, step)):
        version = f"2.{number}-1"
        deb = make_deb("greeter", version, content="killed")
        child = crash.start(stop_at, deb)
        crash.finish(child)
        assert child.returncode == -signal.SIGKILL
        crash.must_be_whole()
        seen = is_published(crash.repo, f"greeter_{version}_amd64.deb")
        # What no reader saw is as if it had never been: the version may be built again.
        crash.publish(deb if seen else make_deb("greeter", version, content="again"))
        assert is_published(crash.repo, f"greeter_{version}_amd64.deb")
