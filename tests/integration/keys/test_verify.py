"""`debwright verify` as a user types it: what is good, and what each kind of harm is called."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.kit.debs import build

from debwright.keys.create import new_key
from debwright.keys.signing.gpg import GpgSigner, throwaway_signer
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish

pytestmark = pytest.mark.minutes(0.06)

SUMS = "SHA256SUMS"
DEB = "greeter_1.0-1_all.deb"


def verify(*arguments: str, cwd: Path, expect: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "debwright", "--json", "verify", *arguments],
        capture_output=True, text=True, cwd=cwd, stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "GNUPGHOME": str(cwd / "no-such-home")}, timeout=120,
    )  # fmt: skip
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository, a release directory, and two keys."""
    base = tmp_path_factory.mktemp("verify")
    home = base / "gnupg"
    key = new_key(
        home, "Greeter Keys <k@example.org>", algorithm="ed25519", days=30, passphrase=b""
    )
    deb = build(base, {}, name="greeter", arch="all")
    files = base / "files"
    files.mkdir()
    shutil.copy(deb, files)
    with GpgSigner(key.fingerprint, home=home) as signer:
        (base / "key.asc").write_bytes(signer.public_key_armored())
        settings = RepositorySettings(origin="Greeter", label="Greeter")
        publish(base / "apt", [PackageFile(path=deb, suite="bookworm")], signer, settings)
        digest = subprocess.run(
            ["sha256sum", deb.name], cwd=files, check=True, capture_output=True, text=True
        ).stdout
        (files / SUMS).write_text(digest)
        for name in (deb.name, SUMS):
            (files / f"{name}.asc").write_bytes(signer.detach((files / name).read_bytes()))
        head = "Format: 3.0 (native)\nSource: greeter\n"
        text = f"{head}Checksums-Sha256:\n {digest.split()[0]} 1 {deb.name}\n"
        (files / "greeter_1.0.dsc").write_bytes(signer.clearsign(text.encode()))
    with throwaway_signer("other <o@example.org>") as other:
        (base / "other.asc").write_bytes(other.public_key_armored())
    yield base
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.fixture
def place(signed: Path, tmp_path: Path) -> Path:
    """A copy of it that may be harmed."""
    shutil.copytree(signed, tmp_path / "c", symlinks=True, ignore=shutil.ignore_patterns("gnupg"))
    return tmp_path / "c"


def codes(result: dict[str, Any]) -> set[str]:
    return {f["code"] for f in result["findings"] if f["severity"] == "error"}


def test_what_is_good(place: Path) -> None:
    for subject in (
        "apt", "files", "files/greeter_1.0-1_all.deb", "files/greeter_1.0.dsc", f"files/{SUMS}",
        f"files/{SUMS}.asc", "apt/dists/bookworm/InRelease",
    ):  # fmt: skip
        result = verify(subject, "--key", "key.asc", cwd=place)
        assert result["ok"], subject
        assert result["good"], subject


def test_a_key_of_the_same_place_proves_little_and_no_key_nothing(place: Path) -> None:
    assert verify("apt", cwd=place)["findings"][0]["code"] == "verify/key"
    for arguments in (["files"], ["files", "--key", "tree/DEBIAN/control"], ["nothing"]):
        done = subprocess.run(
            [sys.executable, "-m", "debwright", "verify", *arguments], cwd=place,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (1, 2), done.stdout
        assert "Traceback" not in done.stderr


def test_a_key_that_ends_soon_is_told_of(place: Path) -> None:
    findings = verify("files", "--key", "key.asc", cwd=place)["findings"]
    assert [(f["code"], f["severity"]) for f in findings if f["code"].startswith("key/")] == [
        ("key/expires", "warning")
    ]


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("subject", "harm", "code", "words"),
    [
        ("files", lambda p: append(p / f"files/{DEB}"), "verify/altered", "not the file"),
        ("files", lambda p: append(p / f"files/{SUMS}"), "verify/signature", "altered"),
        ("files", lambda p: (p / f"files/{SUMS}.asc").unlink(), "verify/unsigned", "no signature"),
        ("files", lambda p: (p / f"files/{DEB}").unlink(), "verify/missing", "missing"),
        (
            "files/greeter_1.0-1_all.deb",
            lambda p: [f.unlink() for f in (p / "files").glob("*") if f.suffix != ".deb"],
            "verify/unsigned", "nothing vouches",
        ),
        (
            "files/greeter_1.0.dsc",
            lambda p: (p / "files/greeter_1.0.dsc").write_text("Source: greeter\n"),
            "verify/unsigned", "not signed",
        ),
        (
            "files/greeter_1.0.dsc",
            lambda p: add(p / "files/greeter_1.0.dsc", "Source: evil\n"),
            "verify/signature", "does not cover",
        ),
        (
            "apt",
            lambda p: add(p / "apt/dists/bookworm/InRelease", "Suite: evil\n"),
            "repository/signature", "does not cover",
        ),
        (
            "apt",
            lambda p: append(next((p / "apt/pool").rglob("*.deb"))),
            "repository/file", "not what its index says",
        ),
    ],
)  # fmt: skip
def test_each_harm_has_its_words(
    place: Path, subject: str, harm: Callable[[Path], object], code: str, words: str
) -> None:
    harm(place)
    result = verify(subject, "--key", "key.asc", cwd=place, expect=4)
    assert code in codes(result)
    assert any(words in f["message"] for f in result["findings"])


def test_another_key_is_called_unknown(place: Path) -> None:
    for subject in ("apt", "files", "files/greeter_1.0-1_all.deb"):
        result = verify(subject, "--key", "other.asc", cwd=place, expect=4)
        assert any("not in the keyring" in f["message"] for f in result["findings"]), subject


def test_names_that_lead_elsewhere_are_refused(place: Path) -> None:
    (place / "outside").write_text("secret")
    (place / f"files/{SUMS}").write_text("0" * 64 + "  ../outside\n")
    result = verify("files", "--key", "key.asc", cwd=place, expect=4)
    assert "verify/escape" in codes(result)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def url(place: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(place))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_over_http(place: Path, url: str) -> None:
    key = ("--key", "key.asc")
    for subject in (
        ("apt", "--suite", "bookworm"), ("apt/dists/bookworm/InRelease",), ("files/",),
        ("files/greeter_1.0-1_all.deb",), ("files/greeter_1.0.dsc",),
    ):  # fmt: skip
        result = verify(f"{url}/{subject[0]}", *subject[1:], *key, cwd=place)
        assert result["good"], subject
    verify(f"{url}/apt", "--suite", "bookworm", "--max-mb", "0.001", *key, cwd=place, expect=1)
    missing = verify(f"{url}/apt/dists/trixie", *key, cwd=place, expect=1)
    assert missing
    verify(f"{url}/apt", "--suite", "../x", *key, cwd=place, expect=2)
    verify(f"{url}/apt/", *key, cwd=place, expect=2)
    by_hash = next((place / "apt/dists/bookworm/main/binary-all").glob("by-hash/SHA256/*"), None)
    package = next((place / "apt/pool").rglob("*.deb"))
    append(package)
    result = verify(f"{url}/apt", "--suite", "bookworm", *key, cwd=place, expect=4)
    assert "repository/file" in codes(result)
    if by_hash is not None:
        by_hash.unlink()
        result = verify(f"{url}/apt", "--suite", "bookworm", *key, cwd=place, expect=4)
        assert "repository/by-hash" in codes(result)


class Hostile(Quiet):
    """Has whatever it is asked for below a file."""

    def translate_path(self, path: str) -> str:
        found = super().translate_path(path)
        return found.partition("/Release/")[0] + "/Release" if "/Release/" in found else found


def test_a_server_that_gives_one_name_to_a_file_and_a_directory(place: Path) -> None:
    release = place / "apt/dists/bookworm/Release"
    size = release.stat().st_size
    add(release, f" {'0' * 64} {size} Release/main/Packages\n")
    handler = partial(Hostile, directory=str(place))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/apt"
        result = verify(address, "--suite", "bookworm", "--key", "key.asc", cwd=place, expect=1)
        server.shutdown()
    assert "cannot be written here" in json.dumps(result)


def test_the_page_of_a_release_is_taken_for_its_files(place: Path, url: str) -> None:
    # GitHub's page is /OWNER/NAME/releases/tag/TAG, and the files are below /releases/download/TAG.
    download = place / "owner/name/releases/download/v1.0"
    download.parent.mkdir(parents=True)
    (place / "files").rename(download)
    key = ("--key", "key.asc")
    for address in ("owner/name/releases/tag/v1.0", "owner/name/releases/tag/v1.0/"):
        result = verify(f"{url}/{address}", *key, cwd=place)
        assert any("SHA256SUMS" in line for line in result["good"])
    append(download / "greeter_1.0-1_all.deb")
    verify(f"{url}/owner/name/releases/tag/v1.0", *key, cwd=place, expect=4)
    verify(f"{url}/owner/name/releases/tag/v2.0", *key, cwd=place, expect=2)
