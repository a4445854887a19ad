"""Real packages, a real key, and an apt that touches nothing of this machine."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.kit.debs import build

from debwright.keys.signing.gpg import GpgSigner
from debwright.repository.model import PackageFile, RepositorySettings

MakeDeb = Callable[..., Path]


@pytest.fixture(scope="session")
def make_deb(tmp_path_factory: pytest.TempPathFactory) -> MakeDeb:
    """make_deb(name, version, architecture, content="", fields="", compression="gzip")."""

    def make(
        name: str,
        version: str = "1.0-1",
        architecture: str = "amd64",
        *,
        content: str = "hello",
        fields: str = "",
        compression: str = "gzip",
    ) -> Path:
        # Without a section, as Debian's policy allows: indices must do without one.
        control = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            f"Maintainer: Greeter <greeter@example.org>\n{fields}"
            "Description: says hello\n It does.\n"
        )
        return build(
            tmp_path_factory.mktemp("deb"),
            {"DEBIAN/control": control, f"usr/share/{name}/file-{architecture}": content},
            name=name, version=version, arch=architecture, compression=compression,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def source_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .dsc with an upstream tarball and debian/."""
    base = tmp_path_factory.mktemp("source")
    tree = base / "greeter-1.0"
    (tree / "debian" / "source").mkdir(parents=True)
    (tree / "hello.txt").write_text("hello\n")
    subprocess.run(
        ["tar", "-czf", "greeter_1.0.orig.tar.gz", "--exclude=debian", tree.name],
        cwd=base,
        check=True,
    )
    (tree / "debian" / "source" / "format").write_text("3.0 (quilt)\n")
    (tree / "debian" / "changelog").write_text(
        "greeter (1.0-1) unstable; urgency=medium\n\n  * First.\n\n"
        " -- Greeter <greeter@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
    )
    (tree / "debian" / "control").write_text(
        "Source: greeter\nMaintainer: Greeter <greeter@example.org>\nSection: misc\n"
        "Priority: optional\nStandards-Version: 4.6.2\n\n"
        "Package: greeter\nArchitecture: any\nDescription: says hello\n It does.\n"
    )
    subprocess.run(["dpkg-source", "-b", tree.name], cwd=base, check=True, capture_output=True)
    return base / "greeter_1.0-1.dsc"


@pytest.fixture(scope="session")
def key_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    argv = ["gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback"]
    argv += ["--passphrase", "", "--quick-generate-key", "repo <r@localhost>", "ed25519"]
    subprocess.run([*argv, "sign,cert", "1y"], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return home


@pytest.fixture(scope="session")
def fingerprint(key_home: Path) -> str:
    argv = ["gpg", "--homedir", str(key_home), "--with-colons", "--list-keys"]
    text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    found = re.search(r"^fpr:+([0-9A-F]{40}):", text, re.M)
    assert found is not None
    return found[1]


@pytest.fixture(scope="session")
def signer(key_home: Path, fingerprint: str) -> Iterator[GpgSigner]:
    with GpgSigner(fingerprint, home=key_home) as made:
        yield made


@pytest.fixture(scope="session")
def keyring(signer: GpgSigner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keyring") / "key.gpg"
    path.write_bytes(signer.public_key())
    return path


@pytest.fixture
def settings() -> RepositorySettings:
    return RepositorySettings(origin="Greeter", label="Greeter packages", description="Hello")


@pytest.fixture
def files() -> Callable[..., list[PackageFile]]:
    def make(*paths: Path, suite: str = "bookworm", component: str = "main") -> list[PackageFile]:
        return [PackageFile(path=p, suite=suite, component=component) for p in paths]

    return make


@dataclass(frozen=True)
class Apt:
    """apt-get with a state of its own (apt.conf(5)): no file of the host's apt is read."""

    root: Path
    architecture: str = "amd64"

    def prepare(self, sources: str) -> None:
        for name in (
            "state/lists/partial",
            "cache/archives/partial",
            "etc/preferences.d",
            "log",
            "dpkg",
        ):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "dpkg" / "status").touch()
        (self.root / "greeter.sources").write_text(sources)
        (self.root / "apt.conf").write_text(
            f'''
            Dir::Etc "{self.root}/etc"; Dir::Etc::Main "/dev/null"; Dir::Etc::Parts "/dev/null";
            Dir::Etc::SourceList "{self.root}/greeter.sources"; Dir::Etc::SourceParts "/dev/null";
            Dir::Etc::Trusted "/dev/null"; Dir::Etc::TrustedParts "/dev/null";
            Dir::State "{self.root}/state"; Dir::State::Status "{self.root}/dpkg/status";
            Dir::Cache "{self.root}/cache"; Dir::Log "{self.root}/log";
            APT::Architecture "{self.architecture}"; APT::Architectures {{ "{self.architecture}"; }};
            APT::Sandbox::User "root"; APT::Update::Error-Mode "any"; Acquire::Languages "none";
            '''  # noqa: E501
        )

    def get(self, *args: str, check: bool = True) -> str:
        done = subprocess.run(
            ["apt-get", "-q", *args],
            cwd=self.root,
            env={**os.environ, "APT_CONFIG": str(self.root / "apt.conf"), "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout
            # A notice or warning is what a user would ask about.
            assert not re.search(r"^[WEN]: ", done.stdout, re.M), done.stdout
        return done.stdout

    def versions(self, package: str) -> Sequence[str]:
        env = {**os.environ, "APT_CONFIG": str(self.root / "apt.conf")}
        argv = ["apt-cache", "madison", package]
        out = subprocess.run(argv, env=env, capture_output=True, text=True, check=True).stdout
        return [line.split("|")[1].strip() for line in out.splitlines()]


@pytest.fixture
def make_apt(tmp_path: Path) -> Callable[..., Apt]:
    def make(sources: str, architecture: str = "amd64", name: str = "apt") -> Apt:
        apt = Apt(tmp_path / name, architecture)
        apt.root.mkdir()
        apt.prepare(sources)
        return apt

    return make
