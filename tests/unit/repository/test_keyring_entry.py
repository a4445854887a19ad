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


OURS = "URIs: https://e.example.org/it's\nSuites: bookworm\n"
OTHER = "Types: deb\nURIs: http://deb.example.org/\nSuites: bookworm\nComponents: main\n"
LINE = "deb [arch=amd64 signed-by=/my/own.asc] https://e.example.org/it's bookworm main"


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("own.list", f"{LINE}\n", None),
        ("own.list", "deb https://e.example.org/it's/ bookworm main\n", None),
        ("own.list", f"# mine\n{LINE}\ndeb http://x.org/ s main\n",
         f"# mine\n# {LINE}\ndeb http://x.org/ s main\n"),
        ("my.sources", f"Types: deb\n{OURS}Signed-By: /my/own.gpg\n", None),
        ("my.sources", f"# a\n{OTHER}\nTypes: deb\n{OURS}Signed-By:\n -----B\n .\n abc\n",
         f"# a\n{OTHER}\nEnabled: no\nTypes: deb\n{OURS}Signed-By:\n -----B\n .\n abc\n"),
        ("my.sources", "URIs: https://e.example.org/it's\nTypes: deb\nSuites: bookworm nightly\n"
         "Signed-By: /my/own.gpg\n",
         "URIs: https://e.example.org/it's\nTypes: deb\nSuites: nightly\n"
         "Signed-By: /my/own.gpg\n"),
        ("my.sources", "URIs: http://m.org\n https://e.example.org/it's/\nSuites: bookworm\n",
         "URIs: http://m.org\nSuites: bookworm\n"),
        # What does not conflict stays as it is.
        ("my.sources", OTHER, OTHER),
        ("my.sources", f"Types: deb\nEnabled: no\n{OURS}", f"Types: deb\nEnabled: no\n{OURS}"),
        ("my.sources", f"{OURS}Signed-By: /usr/share/keyrings/{NAME}.gpg\n",
         f"{OURS}Signed-By: /usr/share/keyrings/{NAME}.gpg\n"),
        ("own.list", "deb https://e.example.org/it's trixie main\n",
         "deb https://e.example.org/it's trixie main\n"),
        ("own.list", f"#{LINE}\n", f"#{LINE}\n"),
        ("../sources.list", f"deb http://x.org s main\n{LINE}\n",
         f"deb http://x.org s main\n# {LINE}\n"),
    ],
)  # fmt: skip
def test_an_entry_of_another_file_gives_way_and_the_rest_of_it_stays(
    machine: Machine, deb: str, name: str, text: str, left: str | None
) -> None:
    own = machine.entries / name
    own.write_text(text)
    done = machine.dpkg("--install", deb)
    assert done.returncode == 0, done.stderr
    assert machine.entry.is_file()
    assert (own.read_text() if own.exists() else None) == left
    saved = own.with_name(f"{own.name}.save")
    assert (saved.read_text() if saved.exists() else text) == text
    assert saved.exists() == (left != text)
    assert ("gives way" in done.stderr) == (left != text)


def test_a_second_file_of_a_user_who_switched_ours_off_stays(machine: Machine, deb: str) -> None:
    assert machine.dpkg("--install", deb).returncode == 0
    own = machine.entries / "own.list"
    machine.entry.write_text("Enabled: no\n" + machine.entry.read_text())
    own.write_text(f"{LINE}\n")
    done = machine.dpkg("--force-confold", "--install", deb)
    assert done.returncode == 0, done.stderr
    assert own.read_text() == f"{LINE}\n"
