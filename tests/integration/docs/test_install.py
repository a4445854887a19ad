"""The pages on installing, as a reader types them: an ordinary user with sudo on a clean Debian.

The product is a small stand-in of the same name; repository, keys, web server with TLS, apt, gpg,
curl and sudo are real.
"""

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.integration.docs.places import SHELL, TOP, roots
from tests.kit.debs import build
from tests.kit.pages import Block, blocks

from debwright.host.process import Completed
from debwright.isolation.namespaces import Bind, Namespaces
from debwright.keys.create import new_key
from debwright.keys.signing.gpg import GpgSigner
from debwright.model.targets import Target
from debwright.repository.keyring import build_keyring, keyring_of, next_version
from debwright.repository.model import PackageFile, RepositorySettings
from debwright.repository.publish import publish
from debwright.roots.overlay import opened, throwaway

pytestmark = [
    pytest.mark.minutes(0.5),
    pytest.mark.skipif(
        os.geteuid() != 0, reason="a reader uses sudo: that needs a root file system of root's"
    ),
]
HOST, ADDRESS = "packages.example.org", "127.83.9.1"
READER = 1000
FIELDS = "Depends: libyaml-0-2\nRecommends: local-rag-models\n"
"""Something of the archive's, and something of the repository's own."""


def make_deb(work: Path, name: str, version: str, fields: str = "") -> Path:
    files = {f"usr/share/{name}/version": version}
    return build(work, files, name=name, version=version, arch="all", more=fields)


class Publisher:
    """A repository with a key of its own, whose address is the one in the pages."""

    def __init__(self, work: Path, suite: str) -> None:
        self.work, self.suite, self.tree = work, suite, work / "www/apt"
        self.tree.parent.mkdir()
        self.home = work / "gnupg"
        self.fingerprint = new_key(
            self.home, "Ada <ada@example.org>", algorithm="ed25519", days=30, passphrase=b""
        ).fingerprint
        self.settings = RepositorySettings(
            origin="local-rag", label="local-rag", url=f"https://{HOST}/apt",
            architectures=("amd64",),
        )  # fmt: skip

    def publish(self, *debs: Path, keyring: bool = False) -> None:
        with GpgSigner(self.fingerprint, home=self.home) as signer:
            found = [*debs, *([self._keyring(signer)] if keyring else [])]
            files = [PackageFile(path=path, suite=self.suite) for path in found]
            publish(self.tree, files, signer, self.settings)

    def _keyring(self, signer: GpgSigner) -> Path:
        known = roots()
        keyring = keyring_of(
            self.settings, self.tree, self.suite, keys=signer.public_key(),
            maintainer="Ada <ada@example.org>",
        )  # fmt: skip
        version = next_version(keyring, None, datetime.now(UTC).date())
        assert version is not None
        layer = known.base(Target("bookworm", "amd64"))
        return build_keyring(keyring, version, self.work, layer=layer, cache=known.cache)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: pytest shows what is printed."""


class TlsServer(ThreadingHTTPServer):
    """Says good-bye (close_notify), or Debian 13's apt takes an answer for cut off."""

    def shutdown_request(self, request: Any) -> None:
        with suppress(OSError, ValueError):
            request.settimeout(5)
            request.unwrap()
        super().shutdown_request(request)


@contextmanager
def served(directory: Path, work: Path) -> Iterator[Path]:
    """The directory under https at ADDRESS; gives the certificate that readers must trust."""
    certificate, key = work / "server.crt", work / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = TlsServer((ADDRESS, 443), partial(Quiet, directory=str(directory)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Reader:
    """Types the blocks of a page, as an ordinary user; answers apt's questions with yes."""

    def __init__(self, inside: Namespaces, home: Path) -> None:
        self.inside, self.home = inside, home

    def types(self, text: str) -> Completed:
        done = self.inside.run(
            [*SHELL, f"exec < <(yes)\n{text}"], cwd=str(self.home), uid=READER, gid=READER,
            merge=True, check=False, timeout=600, env={"HOME": str(self.home), "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.output}"
        return done

    def status(self, package: str) -> str:
        argv = ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", package]
        return self.inside.run(argv, check=False, merge=True).output


@contextmanager
def reader(suite: str, home: Path, certificate: Path | None) -> Iterator[Reader]:
    """A clean system, with a network when there is a certificate to trust."""
    known = roots()
    network = certificate is not None
    bind = Bind(source=home, target=str(home), read_only=False)
    layer = known.base(Target(suite, "amd64"))
    with throwaway(known.cache, layer, "user") as overlay:
        # sudo is what every installed system has; a root of debwright's has it not.
        with opened(overlay, network=True, bounded=False) as inside:
            for words in (["update"], ["install", "-y", "--no-install-recommends", "sudo"]):
                inside.run(["apt-get", "-q", *words], merge=True, timeout=600,
                           env={"DEBIAN_FRONTEND": "noninteractive"})  # fmt: skip
            inside.run(["useradd", "--uid", str(READER), "--home-dir", str(home), "reader"])
            inside.run(["sh", "-c", "echo 'reader ALL=NOPASSWD: ALL' > /etc/sudoers.d/reader"])
            inside.run(["sh", "-c", "rm -rf /var/lib/apt/lists/*"])
            if certificate is not None:
                place = "/usr/local/share/ca-certificates"
                script = f"mkdir -p {place} && cat > {place}/{HOST}.crt"
                inside.run(["sh", "-c", script], stdin=certificate.read_bytes())
        with opened(overlay, network=network, bounded=False, binds=[bind]) as inside:
            inside.run(["sh", "-c", f"echo '{ADDRESS} {HOST}' >> /etc/hosts"])
            yield Reader(inside, home)


def spaced(fingerprint: str) -> str:
    """As gpg shows it to people."""
    parts = [fingerprint[n : n + 4] for n in range(0, 40, 4)]
    return " ".join(parts[:5]) + "  " + " ".join(parts[5:])


@pytest.mark.parametrize(("page", "suite"), [("debian-12", "bookworm"), ("debian-13", "trixie")])
def test_the_page_is_typed(page: str, suite: str, tmp_path: Path) -> None:
    found = list(blocks(TOP / f"docs/install/{page}.md"))
    assert [b.value for b in found] == ["reader"] * 7 + ["reader without a network"]
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    publisher = Publisher(tmp_path, suite)
    models = make_deb(tmp_path, "local-rag-models", "1")
    publisher.publish(make_deb(tmp_path, "local-rag", "1.0-1", FIELDS), models, keyring=True)
    with served(publisher.tree.parent, tmp_path) as certificate:
        with reader(suite, home, certificate) as ada:
            connected(ada, found[:-1], publisher)
        without_a_network(suite, home, found[-1])


def connected(ada: Reader, found: list[Block], publisher: Publisher) -> None:
    trust, fingerprint, install, signature, upgrade, remove, carry = (b.text for b in found)
    ada.types(trust)
    assert spaced(publisher.fingerprint) in ada.types(fingerprint).output
    ada.types(install)
    for package in ("local-rag", "local-rag-models", "local-rag-archive-keyring"):
        assert ada.status(package).startswith("ii "), package
    said = ada.types(signature).output
    assert "Good signature" in said
    assert publisher.fingerprint in said
    publisher.publish(make_deb(publisher.work, "local-rag", "1.1-1", FIELDS))
    ada.types(upgrade)
    assert ada.status("local-rag") == "ii 1.1-1", "by the keyring package's own entry"
    ada.types(remove)
    assert not ada.status("local-rag").startswith("ii ")
    ada.types(carry)


def without_a_network(suite: str, home: Path, block: Block) -> None:
    carried = home / "offline"
    names = {path.name.split("_")[0] for path in carried.glob("*.deb")}
    assert names >= {"local-rag", "local-rag-models", "libyaml-0-2"}
    with reader(suite, carried, None) as alone:
        alone.types(block.text)
        assert alone.status("local-rag") == "ii 1.1-1"
        assert alone.status("libyaml-0-2").startswith("ii ")
