"""Where the version that tags give stands to that of debian/changelog."""

from pathlib import Path

import pytest

from debwright.source.order import behind_changelog


@pytest.mark.parametrize(
    ("entry", "version", "release", "said"),
    [
        ("2024.1-1) unstable", "1.1.0-1", True, "2024.1-1 begins with a year"),
        ("2024.1-1) unstable", "1.1.0+git5.20260101.gabc-1", False, "begins with a year"),
        ("1.1.0-2) unstable", "1.1.0-1", True, "older"),
        ("1.2.0-1) bookworm trixie", "1.1.0-1", True, "debian/changelog has 1.2.0-1 already"),
        # The entry of the next release is written before its tag.
        ("1.2.0-1) unstable", "1.1.0+git5.20260101.gabc-1", False, None),
        ("1.2.0-1) UNRELEASED", "1.1.0-1", True, None),
        ("1.1.0-1) unstable", "1.1.0-1", True, None),
        ("1.0.0-1) unstable", "1.1.0-1", True, None),
        ("2:1.0-1) unstable", "2:1.1.0-1", True, None),
        ("no version) unstable", "1.1.0-1", True, None),
        ("1..~~-:) unstable", "1.1.0-1", True, None),
    ],
)
def test_a_version_below_the_changelog_is_told(
    tmp_path: Path, entry: str, version: str, release: bool, said: str | None
) -> None:
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/changelog").write_text(f"demo ({entry}; urgency=low\n\n  * x\n")
    notes = behind_changelog(version, tmp_path, release=release)
    assert [said in note for note in notes if said] == ([True] if said else [])
    assert not notes or said


def test_without_a_changelog_nothing_is_said(tmp_path: Path) -> None:
    assert behind_changelog("1.0", tmp_path, release=True) == []
