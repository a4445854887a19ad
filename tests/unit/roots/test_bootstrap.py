"""Where a base root comes from."""

import re
import subprocess
from pathlib import Path

import pytest

from debwright.config import Suite, load
from debwright.model.errors import MissingError
from debwright.model.targets import Target
from debwright.roots import bootstrap
from debwright.roots.apt import MirrorError

BOOKWORM = Target("bookworm", "amd64")
DEBIAN = "http://deb.debian.org/debian"
SECURITY = "deb http://security.debian.org/debian-security bookworm-security main"


def lines(target: Target = BOOKWORM, **settings: object) -> list[str]:
    return bootstrap.source_lines(target, Suite.model_validate(settings))


def test_every_key_of_a_suite_works_without_a_mirror() -> None:
    usual = [f"deb {DEBIAN} bookworm main", f"deb {DEBIAN} bookworm-updates main", SECURITY]
    assert lines() == usual
    assert lines(security=False) == usual[:1]
    assert lines(components=["main", "contrib"])[0] == f"deb {DEBIAN} bookworm main contrib"
    more = "deb [trusted=yes] http://example.org/ ./"
    assert lines(extra_sources=[more]) == [*usual, more]


def test_a_mirror_stands_in_for_the_archive() -> None:
    mirror = "http://mirror.example.org/debian"
    assert lines(mirror=f"{mirror}/") == [
        f"deb {mirror} bookworm main",
        f"deb {mirror} bookworm-updates main",
        f"deb {mirror}-security bookworm-security main",
    ]
    assert lines(mirror=mirror, security=False) == [f"deb {mirror} bookworm main"]


def test_ubuntu_has_another_archive_for_ports() -> None:
    assert lines(Target("noble", "amd64"))[-1] == (
        "deb http://security.ubuntu.com/ubuntu noble-security main"
    )
    assert lines(Target("noble", "arm64"))[0] == (
        "deb http://ports.ubuntu.com/ubuntu-ports noble main"
    )


def test_a_suite_without_releases_has_no_updates() -> None:
    assert lines(Target("sid", "amd64")) == [f"deb {DEBIAN} sid main"]


def test_another_key_at_the_same_path_is_another_root(tmp_path: Path) -> None:
    key = tmp_path / "key.gpg"
    source = f"deb [signed-by={key}] http://example.org/ ./"
    for settings in ({"keyring": str(key)}, {"extra_sources": [source]}):
        suite = Suite.model_validate(settings)
        seen = []
        for content in ("one", "two"):
            key.write_text(content)
            seen.append(bootstrap.base_inputs(BOOKWORM, suite))
        assert seen[0] != seen[1]


def test_paths_of_keys_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "third.gpg").touch()
    (tmp_path / "debwright.toml").write_text(
        '[suites.bookworm]\nkeyring = "keys/own.gpg"\n'
        'extra_sources = ["deb [arch=amd64 signed-by=third.gpg] http://example.org/ ./",\n'
        '"deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://example.org/ b/"]\n'
    )
    suite = load(tmp_path).config.suites["bookworm"]
    assert suite.keyring == f"{tmp_path}/keys/own.gpg"
    assert suite.extra_sources == [
        f"deb [arch=amd64 signed-by={tmp_path}/third.gpg] http://example.org/ ./",
        "deb [signed-by=0123456789ABCDEF0123456789ABCDEF01234567] http://example.org/ b/",
    ]


def test_a_root_without_essential_packages_is_refused() -> None:
    whole = [f"{name}:amd64=1" for name in ("apt", "base-files", "coreutils", "dpkg")]
    bootstrap._require_essential(BOOKWORM, whole, "deb x y z")
    with pytest.raises(MirrorError, match="a root without dpkg") as caught:
        bootstrap._require_essential(BOOKWORM, whole[:3], "deb x y z")
    assert caught.value.evidence[0].text == "deb x y z"


RASPIOS = Target("raspios-trixie", "arm64")


def test_raspberry_pi_os_follows_debian_and_has_one_archive_more() -> None:
    assert lines(RASPIOS)[0] == f"deb {DEBIAN} trixie main"
    assert lines(RASPIOS)[-1].endswith("] http://archive.raspberrypi.com/debian trixie main")
    assert lines(Target("raspios-bookworm", "arm64"))[-1].endswith(" bookworm main")


def test_the_key_of_raspberry_pi_os_is_brought_and_is_one_that_sqv_takes() -> None:
    """As a package it is in its own archive alone, which one needs the key to read."""
    (path,) = bootstrap.further_keys(RASPIOS, Suite())
    command = bootstrap.shipped_key(path)
    assert command is not None
    assert command.arguments[-1] == str(path)
    key = Path(command.arguments[-2])
    told = subprocess.run(
        ["gpg", "--no-options", "--no-default-keyring", "--list-packets", key],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "keyid: 82B129927FA3303E" in told
    # RFC 4880, 9.4: 2 is SHA-1, 8 to 10 are SHA-256, SHA-384 and SHA-512.
    assert set(re.findall(r"digest algo (\d+)", told)) == {"10"}
    assert bootstrap.shipped_key(Path("/usr/share/keyrings/other.asc")) is None


def test_a_key_that_a_source_names_is_in_the_root_too(tmp_path: Path) -> None:
    suite = Suite(extra_sources=[f"deb [signed-by={tmp_path}/k.asc] http://example.org/ x main"])
    with pytest.raises(MissingError, match="signed by a key that is not on this machine"):
        list(bootstrap._keys_inside(BOOKWORM, suite))
    (tmp_path / "k.asc").write_text("key")
    (option,) = bootstrap._keys_inside(BOOKWORM, suite)
    root = tmp_path / "root"
    root.mkdir()
    hook = option.removeprefix("--setup-hook=")
    subprocess.run(["sh", "-c", hook, "exec", root], check=True)
    assert (root / (tmp_path / "k.asc").relative_to("/")).read_text() == "key"
