"""A change of keys as users live through it: clean roots that do nothing but upgrade."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

import pytest

from debwright.config import Config, load
from debwright.host.process import Completed
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.keys.configured import configured_signer
from debwright.keys.create import new_key
from debwright.model.targets import Target
from debwright.repository.keyring import build_keyring, keyring_of, next_version, published_version
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.plan import load as load_state
from debwright.repository.publish import publish
from debwright.repository.verify.repository import verify_repository
from debwright.roots.cache import Cache, default_cache
from debwright.roots.layers import Roots
from debwright.roots.overlay import opened, throwaway

NAME = "example-archive-keyring"
SUITES = ("bookworm", "trixie")
"""The second verifies with sqv, the first with gpgv."""
UPDATE = ["apt-get", "-q", "-o", "APT::Sandbox::User=_apt", "-o", "APT::Update::Error-Mode=any"]


class Publisher:
    """A project with two keys, and days that pass."""

    def __init__(self, directory: Path, roots: Roots) -> None:
        self.directory, self.roots = directory, roots
        self.home, self.repo = directory / "gnupg", directory / "repo"
        self.old, self.new = (
            new_key(
                self.home, f"{n} <keys@example.org>", algorithm="ed25519", days=900, passphrase=b""
            ).fingerprint
            for n in ("Old", "New")
        )
        self.settings = RepositorySettings(
            origin="Example", label="Example", url="file:/repo", architectures=("amd64",)
        )

    def configure(self, *, rotation: bool) -> None:
        text = f'[signing]\nkey = "{self.old}"\nhome = "gnupg"\n'
        if rotation:
            text += f'[signing.rotation]\nnew_key = "{self.new}"\ndrop = 2027-03-01\n'
        (self.directory / "debwright.toml").write_text(text)

    def publish(self, today: date) -> list[Path]:
        """Publish the keyring packages that are due; what `debwright publish` does on a day."""
        made: list[PackageFile] = []
        state = load_state(self.repo) if self.repo.exists() else None
        with configured_signer(load(self.directory), "example", today=today) as signer:
            for suite in SUITES:
                keyring = keyring_of(
                    self.settings, self.repo, suite, keys=signer.public_key(),
                    maintainer="Example <keys@example.org>",
                )  # fmt: skip
                version = next_version(keyring, published_version(self.repo, state, keyring), today)
                if version is None:
                    continue
                layer = self.roots.base(Target("bookworm", "amd64"))
                out = self.directory / "out"
                path = build_keyring(keyring, version, out, layer=layer, cache=self.roots.cache)
                made.append(PackageFile(path=path, suite=suite))
            publish(self.repo, made, signer, self.settings)
        return [m.path for m in made]


@pytest.fixture(scope="module")
def roots() -> Roots:
    cache = Cache(default_cache())
    cache.prepare()
    return Roots(cache, Config())


@contextmanager
def machine(roots: Roots, suite: str, repo: Path) -> Iterator[Namespaces]:
    """A user's system of that suite, with nothing but the repository in apt's sources."""
    layer = roots.base(Target(suite, "amd64"))
    bind = Bind(source=repo, target="/repo")
    with (
        throwaway(roots.cache, layer, "user") as overlay,
        opened(overlay, network=False, binds=[bind]) as inside,
    ):
        inside.run(["sh", "-c", "rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*"])
        inside.run(["mkdir", "-p", "/etc/apt/sources.list.d"])
        yield inside


def update(inside: Namespaces) -> Completed:
    return inside.run([*UPDATE, "update"], check=False, merge=True)


def upgrade(inside: Namespaces) -> Completed:
    return inside.run(
        [*UPDATE, "-y", "upgrade"], merge=True, env={"DEBIAN_FRONTEND": "noninteractive"}
    )


def version_of(inside: Namespaces) -> str:
    return inside.run(["dpkg-query", "-W", "-f", "${Version}", NAME]).output


def test_users_follow_a_change_of_keys_without_doing_anything(roots: Roots, tmp_path: Path) -> None:
    project = Publisher(tmp_path, roots)
    project.configure(rotation=False)
    first = project.publish(date(2026, 11, 23))
    assert [p.name for p in first] == [
        f"{NAME}_2026.11.23~deb12u1_all.deb", f"{NAME}_2026.11.23~deb13u1_all.deb",
    ]  # fmt: skip
    assert project.publish(date(2026, 11, 24)) == [], "nothing has changed"
    with ExitStack() as stack:
        follows, sleeps = (
            [stack.enter_context(machine(roots, suite, project.repo)) for suite in SUITES]
            for _ in range(2)
        )
        follows[1].run(["test", "-x", "/usr/bin/sqv"])
        for inside, suite in zip(follows, SUITES, strict=True):
            # What the repository's page has people do.
            entry = "/etc/apt/sources.list.d/example.sources"
            inside.run(["cp", f"/repo/example-{suite}.sources", entry])
            done = update(inside)
            assert done.returncode == 0, done.output
            inside.run([*UPDATE, "-y", "install", NAME], env={"DEBIAN_FRONTEND": "noninteractive"})
            assert "Signed-By: /usr/share/keyrings/" in inside.run(["cat", entry]).output
        for inside, path in zip(sleeps, first, strict=True):
            deb = next((project.repo / "pool").rglob(path.name)).relative_to(project.repo)
            inside.run(["dpkg", "-i", f"/repo/{deb}"])
        for inside in (*follows, *sleeps):
            done = update(inside)
            assert done.returncode == 0, done.output

        project.configure(rotation=True)
        second = project.publish(date(2026, 12, 1))
        assert len(second) == len(SUITES)
        for inside in (*follows, *sleeps):
            done = update(inside)
            assert done.returncode == 0, done.output  # the old key alone is enough still
        for inside in follows:
            upgrade(inside)
            assert version_of(inside).startswith("2026.12.01~")
            assert update(inside).returncode == 0

        third = project.publish(date(2027, 3, 1))
        assert len(third) == len(SUITES)
        for inside in follows:
            done = update(inside)
            assert done.returncode == 0, done.output
            upgrade(inside)
            assert version_of(inside).startswith("2027.03.01~")
            assert update(inside).returncode == 0
            inside.run(["test", "-s", "/etc/apt/sources.list.d/example.sources"])
        for inside in sleeps:
            done = update(inside)
            assert done.returncode != 0, "who slept through the overlap is left behind"
            assert project.new in done.output or project.new[-16:] in done.output
    assert verify_repository(project.repo, project.repo / "key.asc") == []
    subprocess.run(["gpgconf", "--homedir", str(project.home), "--kill", "all"], check=False)


def test_the_same_keyring_gives_the_same_bytes(roots: Roots, tmp_path: Path) -> None:
    settings = RepositorySettings(origin="Example", label="Example", url="https://example.org/apt")
    keyring = keyring_of(
        settings, tmp_path, "bookworm", keys=b"\x99key", maintainer="A <a@example.org>"
    )
    layer = roots.base(Target("bookworm", "amd64"))
    made = [
        build_keyring(keyring, "2026.11.23~deb12u1", tmp_path / n, layer=layer, cache=roots.cache)
        for n in ("one", "two")
    ]
    assert made[0].read_bytes() == made[1].read_bytes()
    listing = subprocess.run(
        ["dpkg-deb", "--contents", str(made[0])], capture_output=True, text=True, check=True
    ).stdout
    assert "./usr/share/keyrings/example-archive-keyring.gpg" in listing
    assert "./etc/apt/sources.list.d/example.sources" in listing
    assert {line.split()[1] for line in listing.splitlines()} == {"root/root"}
    assert {line.split()[3] for line in listing.splitlines()} == {"2026-11-23"}
