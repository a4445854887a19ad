"""What a project is built with, and whether a suite has it."""

import tomllib
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.backends import for_cross, read_build_system
from debwright.model.errors import UsageError

BOOKWORM = ("bookworm-amd64",)


def table(requires: str, backend: str = "", more: str = "") -> dict[str, object]:
    named = f'build-backend = "{backend}"\n' if backend else ""
    return tomllib.loads(f"[build-system]\nrequires = {requires}\n{named}{more}")


@pytest.mark.parametrize(
    ("requires", "packages"),
    [
        ('["setuptools>=64", "wheel"]', ("python3-setuptools", "python3-wheel")),
        ('["hatchling", "hatch-vcs"]', ("python3-hatchling", "python3-hatch-vcs")),
        ('["flit_core>=3.4,<4"]', ("flit",)),
        ('["poetry-core>=1.0.0"]', ("python3-poetry-core",)),
        ('["setuptools", "Cython"]', ("python3-setuptools", "cython3:native", "python3-wheel")),
    ],
)
def test_what_bookworm_has(tmp_path: Path, requires: str, packages: tuple[str, ...]) -> None:
    build = read_build_system(tmp_path, table(requires))
    assert build.unmet(BOOKWORM) == ()
    assert build.packages == packages


@pytest.mark.parametrize(
    ("requires", "why"),
    [
        ('["uv_build>=0.8,<0.9"]', "uv_build<0.9,>=0.8: Debian does not have it"),
        ('["pdm-backend"]', "pdm-backend: bookworm does not have it"),
        ('["setuptools>=77"]', "setuptools>=77: bookworm has 66.1.1"),
        ('["setuptools-scm>=8"]', "setuptools-scm>=8: bookworm has 7.1.0"),
    ],
)
def test_what_it_does_not_have(tmp_path: Path, requires: str, why: str) -> None:
    assert read_build_system(tmp_path, table(requires)).unmet(BOOKWORM) == (why,)


@pytest.mark.parametrize(
    "project", ['license = "MIT"', 'license-files = ["LICENSE"]', 'license = { text = "MIT" }']
)
def test_a_licence_as_an_expression_wants_a_backend_that_reads_it(
    tmp_path: Path, project: str
) -> None:
    build = read_build_system(
        tmp_path, table('["setuptools"]', more=f'[project]\nname = "x"\n{project}\n')
    )
    expected = () if "text" in project else ("setuptools>=77: bookworm has 66.1.1",)
    assert build.unmet(BOOKWORM) == expected
    assert build.unmet(("trixie-amd64",)) == ()


@pytest.mark.parametrize(
    ("project", "why"),
    [
        ('license = "MIT"', ()),
        ('license-files = ["LICENSE"]', ("hatchling>=1.27: bookworm has 1.12.2",)),
    ],
)
def test_hatchling_reads_the_expression_since_its_drafts(
    tmp_path: Path, project: str, why: tuple[str, ...]
) -> None:
    """Tried: 1.12.2 writes License-Expression, and fails at a list of files."""
    data = table('["hatchling"]', more=f'[project]\nname = "x"\n{project}\n')
    assert read_build_system(tmp_path, data).unmet(BOOKWORM) == why


def test_a_backend_that_requires_forgets(tmp_path: Path) -> None:
    assert "hatchling" in read_build_system(tmp_path, table("[]", "hatchling.build")).names


def test_no_build_system_is_setuptools(tmp_path: Path) -> None:
    build = read_build_system(tmp_path, {})
    assert build.packages == ("python3-setuptools", "python3-wheel")
    assert build.copied


@pytest.mark.parametrize(
    ("requires", "compiled"),
    [('["scikit-build-core"]', True), ('["setuptools", "cffi"]', True), ('["hatchling"]', False)],
)
def test_what_compiles(tmp_path: Path, requires: str, compiled: bool) -> None:
    assert read_build_system(tmp_path, table(requires)).compiled is compiled


def test_crates_from_the_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="crates") as caught:
        read_build_system(tmp_path, table('["maturin>=1,<2"]', "maturin"))
    assert "cargo vendor" in caught.value.render()
    (tmp_path / "Cargo.lock").write_text('[[package]]\nname = "own"\n')
    assert read_build_system(tmp_path, table('["maturin>=1,<2"]', "maturin")).compiled


def test_tools_of_a_cross_build_are_this_machines() -> None:
    """apt: python3-hatchling:arm64 is not installable; and `:native` of a foreign one never is."""
    asked = ("python3-setuptools", "python3-hatchling", "cython3:native", "cmake")
    assert for_cross(asked) == (
        "python3-setuptools", "python3-hatchling:native", "cython3:native", "cmake",
    )  # fmt: skip
