"""The keyring package takes the place of the entry that the repository's page has people make."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.kit.debs import build, pack, write

from debwright.repository.keyring import SCRIPTS, keyring_files, keyring_of
from debwright.repository.model import RepositorySettings
from debwright.repository.sources import sources_text

NAME = "example-archive-keyring"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEabc\n-----END PGP PUBLIC KEY BLOCK-----\n"
SETTINGS = RepositorySettings(origin="Example", label="Example", url="https://e.example.org/it's")


class Machine:
    """A system for dpkg that has no shell of its own: scripts run outside, with DPKG_ROOT."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("info", "updates"):
            (root / "var/lib/dpkg" / name).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        self.entries = root / "etc/apt/sources.list.d"
        self.entries.mkdir(parents=True)
        self.entry = self.entries / "example.sources"

    def dpkg(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = ["dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-not-root"]
        argv += ["--log=/dev/null", *arguments]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "root")


@pytest.fixture
def deb(tmp_path: Path) -> str:
    if shutil.which("dpkg") is None:
        pytest.skip("dpkg is not installed")
    keyring = keyring_of(SETTINGS, tmp_path, "bookworm", keys=b"\x99", maintainer="A <a@b.org>")
    tree = tmp_path / "tree"
    for below, data in keyring_files(keyring, "2026.11.23", 1_700_000_000):
        write(tree, {below: (data, 0o755 if below in SCRIPTS else 0o644)})
    return str(pack(tree, tmp_path / "keyring.deb"))


def test_an_entry_with_the_key_in_it_gives_way_without_a_question(
    machine: Machine, deb: str, tmp_path: Path
) -> None:
    machine.entry.write_text(sources_text(SETTINGS, tmp_path, "bookworm", key=KEY))
    done = machine.dpkg("--install", deb)
    assert done.returncode == 0, done.stderr
    assert f"Signed-By: /usr/share/keyrings/{NAME}.gpg" in machine.entry.read_text()
    assert "BEGIN PGP" not in machine.entry.read_text()
    saved = machine.entries / "example.sources.save"  # apt passes over it in silence
    assert "BEGIN PGP" in saved.read_text()
    assert machine.dpkg("--purge", NAME).returncode == 0
    assert not saved.exists()


@pytest.mark.parametrize(
    "text",
    [
        "Types: deb\nURIs: https://elsewhere.example.org/\nSuites: bookworm\nComponents: main\n",
        "Types: deb\nURIs: https://e.example.org/it's/\nSuites: s\nSigned-By: /my/own.gpg\n",
    ],
)
def test_an_entry_that_somebody_wrote_is_for_dpkg_to_ask_about(
    machine: Machine, deb: str, text: str
) -> None:
    machine.entry.write_text(text)
    done = machine.dpkg("--force-confold", "--install", deb)
    assert done.returncode == 0, done.stderr
    assert machine.entry.read_text() == text
    assert not (machine.entries / "example.sources.save").exists()


def test_an_installation_that_fails_gives_the_entry_back(
    machine: Machine, deb: str, tmp_path: Path
) -> None:
    text = sources_text(SETTINGS, machine.root, "bookworm", key=KEY)
    machine.entry.write_text(text)
    tree = tmp_path / "tree"
    files = {str(p.relative_to(tree)): p.read_bytes() for p in (tree / "usr").rglob("*.gpg")}
    other = build(tmp_path, files, name="other", arch="all")
    assert machine.dpkg("--install", str(other)).returncode == 0
    done = machine.dpkg("--install", deb)
    assert "trying to overwrite" in done.stderr
    assert machine.entry.read_text() == text
