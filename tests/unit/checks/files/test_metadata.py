"""Two versions of one thing: where they contradict each other, and where Debian adds to one."""

from pathlib import Path

import pytest
from tests.kit.debs import make_deb

from debwright.checks.files.metadata import Stated, is_own, unlike
from debwright.packages.debs import read_deb


def stated(directory: Path, packaged: str, version: str, name: str = "demo") -> Stated:
    deb = read_deb(make_deb(directory / "demo.deb", package="python3-demo", version=packaged))
    return Stated(deb=deb, path="/x/METADATA", name=name, version=version)


@pytest.mark.parametrize(
    ("packaged", "version"),
    [("1.2-1", "1.2.0"), ("1:1.2.3-1~bpo12+1", "1.2.3"), ("1.2.3+ds1-4", "1.2.3"),
     ("1.2.3~rc1-1", "1.2.3rc1"), ("1.2.3+git20240101-1", "1.2.4.dev5+gabc"),
     ("0.0~git20240101-1", "0.0.0"), ("2024.1-1", "not a version"), ("1.2~b1-1", "1.2.0-beta.1")],
)  # fmt: skip
def test_versions_that_are_alike(tmp_path: Path, packaged: str, version: str) -> None:
    assert not unlike(stated(tmp_path, packaged, version))


@pytest.mark.parametrize(
    ("packaged", "version"),
    [("1.2-1", "0.0.0"), ("1.2-1", "0.0.0.dev0"), ("1.2-1", "0+unknown"), ("1.2-1", "1.3"),
     ("1.2.3+git20240101-1", "0.0.0"), ("1.2-1", "0.0.0-development")],
)  # fmt: skip
def test_versions_that_are_not(tmp_path: Path, packaged: str, version: str) -> None:
    assert unlike(stated(tmp_path, packaged, version))


def test_whose_metadata_it_is(tmp_path: Path) -> None:
    assert is_own(stated(tmp_path, "1-1", "0.0.0"))
    assert not is_own(stated(tmp_path, "1-1", "0.0.0", name="idna"))
