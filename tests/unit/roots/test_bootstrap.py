"""Where a base root comes from."""

from pathlib import Path

import pytest

from debwright.config import Suite, load
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
