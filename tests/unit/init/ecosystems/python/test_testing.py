"""What the tests of a project need, and how a build runs them."""

import tomllib
from pathlib import Path

import pytest

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python.testing import OwnTests, read_tests


def own_tests(directory: Path, text: str, pyproject: str = "", name: str = "test_a.py") -> OwnTests:
    for path in (directory / "acme/__init__.py", directory / "tests" / name):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text if path.name == name else "")
    found = read_tests(directory, tomllib.loads(pyproject), ["requests>=2"])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "pyproject", "needed"),
    [
        ("import acme, json, requests\ndef test(): ...", "", ["pytest"]),
        ("import acme\ndef test_a(): ...", "", ["pytest"]),
        ("import unittest\nfrom tests.helpers import x", "", []),
        ("import yaml, pytest\nfrom bs4 import x", "", ["beautifulsoup4", "pytest", "pyyaml"]),
        ("import pytest\ntry:\n    import numpy\nexcept ImportError: ...", "", ["pytest"]),
        ("import pytest\nif TYPE_CHECKING:\n    import numpy", "", ["pytest"]),
        ("import pytest", '[tool.pytest.ini_options]\naddopts = ["--cov=acme", "-n", "auto"]',
         ["pytest", "pytest-cov", "pytest-xdist"]),
        ("import pytest\n@pytest.mark.asyncio\nasync def test_a(mocker): ...", "",
         ["pytest", "pytest-asyncio", "pytest-mock"]),
        ("import pytest\n@pytest.fixture\ndef fs(): ...\ndef test_a(fs): ...", "", ["pytest"]),
        ("def test_a(): ...",
         '[dependency-groups]\ndev = ["pytest>=7", "ruff", "tox", "pytest-randomly"]',
         ["pytest>=7"]),
    ],
)  # fmt: skip
def test_what_tests_need(tmp_path: Path, text: str, pyproject: str, needed: list[str]) -> None:
    assert sorted(map(str, own_tests(tmp_path, text, pyproject).requirements)) == needed


def test_only_what_is_run_counts(tmp_path: Path) -> None:
    """Projects keep fuzzers and the like among their tests, which pytest does not collect."""
    (tmp_path / "tests/fuzz").mkdir(parents=True)
    (tmp_path / "tests/fuzz/fuzzer.py").write_text("import atheris\n")
    (tmp_path / "tests/helpers.py").write_text("import yaml\n")
    found = own_tests(tmp_path, "from .helpers import x\ndef test_a(): ...")
    assert [r.name for r in found.requirements] == ["pytest", "pyyaml"]


def test_plugins_that_nothing_needs_are_used_where_they_are(tmp_path: Path) -> None:
    listed = (
        '[dependency-groups]\ndev = ["pytest-cov", "pytest-sugar>=9", "pytest-no-such-thing"]\n'
    )
    found = own_tests(tmp_path, "def test_a(mocker): ...", listed)
    assert [r.name for r in found.requirements] == ["pytest", "pytest-mock"]
    assert [r.name for r in found.welcome] == [
        "pytest-cov", "pytest-no-such-thing", "pytest-sugar",
    ]  # fmt: skip


def test_configuration_of_setup_cfg_counts(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\naddopts = --cov\n[other]\nx = --timeout\n")
    found = own_tests(tmp_path, "def test_a(): ...")
    assert [r.name for r in found.requirements] == ["pytest", "pytest-cov"]


def rules(directory: Path, text: str, name: str = "test_a.py") -> dict[str, str]:
    own_tests(directory, text, name=name)
    (directory / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1"\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    project = recognise(directory).read(directory)
    notes = " ".join(project.notes)
    return {**project.rules.exports, "notes": notes, "needs": " ".join(project.build_depends)}


def test_tests_import_what_was_built(tmp_path: Path) -> None:
    """The source has no compiled modules, and no files that the build writes."""
    found = rules(tmp_path, "import pytest\ndef test_a(): ...")
    command = found["PYBUILD_TEST_ARGS"]
    assert "--exclude=./acme " in command
    assert "-C {dir} . | tar -x -C {home_dir}/check" in command
    assert command.endswith("cd {home_dir}/check && {interpreter} -m pytest tests")
    assert "python3-pytest <!nocheck>" in found["needs"]


def test_unittest_runs_from_the_top(tmp_path: Path) -> None:
    found = rules(tmp_path, "import unittest", name="__init__.py")
    assert found["PYBUILD_TEST_ARGS"].endswith("-m unittest discover -v -s tests -t .")


def test_tests_that_need_what_is_missing_are_not_run(tmp_path: Path) -> None:
    found = rules(tmp_path, "import pytest, no_such_thing")
    assert "PYBUILD_TEST_ARGS" not in found
    assert "no_such_thing" in found["notes"]
