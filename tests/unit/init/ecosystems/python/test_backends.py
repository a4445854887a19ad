"""What a project is built with, and whether a suite has it."""

import tomllib
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.backends import BuildSystem, for_cross, read_build_system
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
        ('["setuptools", "setuptools_scm[toml]>=6.2"]',
         ("python3-setuptools", "python3-setuptools-scm", "python3-wheel")),
        ('["setuptools", "Cython"]', ("python3-setuptools", "cython3:native", "python3-wheel")),
    ],
)  # fmt: skip
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


CRATE = '[package]\nname = "own"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\n'


def maturin(directory: Path, dependencies: str, place: str = ".") -> BuildSystem:
    (directory / place).mkdir(exist_ok=True)
    (directory / place / "Cargo.toml").write_text(CRATE + dependencies)
    (directory / place / "src").mkdir()
    (directory / place / "src/lib.rs").write_text("")
    return read_build_system(directory, table('["maturin>=1,<2"]', "maturin"))


@pytest.mark.parametrize("place", [".", "rust"])
def test_crates_come_from_debian_where_a_suite_has_them_all(tmp_path: Path, place: str) -> None:
    found = maturin(tmp_path, 'pyo3 = "0.22"\n', place)
    assert found.compiled
    assert found.rust is not None
    assert found.rust.suite == "trixie"
    assert "librust-pyo3-0.22+default-dev:native" in found.programs


def test_crates_in_the_tree_are_used(tmp_path: Path) -> None:
    (tmp_path / "vendor/no-such-crate").mkdir(parents=True)
    (tmp_path / "vendor/no-such-crate/Cargo.toml").write_text("")
    (tmp_path / "Cargo.lock").write_text('[[package]]\nname = "no-such-crate"\n')
    rust = maturin(tmp_path, 'no-such-crate = "3"\n').rust
    assert rust is not None
    assert rust.suite == ""
    assert rust.settings == {}


def test_crates_of_a_lock_are_carried(tmp_path: Path) -> None:
    lock = '[[package]]\nname = "no-such-crate"\nversion = "3.0.0"\n'
    (tmp_path / "Cargo.lock").write_text(lock)
    rust = maturin(tmp_path, 'no-such-crate = "3"\n').rust
    assert rust is not None
    assert "cargo" in rust.settings


def test_crates_that_nobody_has_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Cargo\.lock") as caught:
        maturin(tmp_path, 'no-such-crate = "3"\n')
    assert "no-such-crate 3" in caught.value.render()


def test_crates_that_are_not_there_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Cargo\.toml"):
        read_build_system(tmp_path, table('["maturin>=1,<2"]', "maturin"))


def test_tools_of_a_cross_build_are_this_machines() -> None:
    """apt: python3-hatchling:arm64 is not installable; and `:native` of a foreign one never is."""
    asked = ("python3-setuptools", "python3-hatchling", "cython3:native", "cmake")
    assert for_cross(asked) == (
        "python3-setuptools", "python3-hatchling:native", "cython3:native", "cmake",
    )  # fmt: skip
