"""Projects with setup.cfg or setup.py, and pyproject.toml without [project]."""

from pathlib import Path

import pytest

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python.legacy import project_table
from debwright.init.ecosystems.python.pyproject import read_pyproject

SETUP = """\
from setuptools import setup, find_packages
requires = ["flask>=2", "click"]
setup(
    name="acme", version="1.2", description="Does it.", packages=find_packages(),
    install_requires=requires, python_requires=">=3.8", license="MIT", url="https://example.org",
    author="Ada", author_email="ada@example.org",
    entry_points={"console_scripts": ["acme = acme.cli:main"]}, zip_safe=open("x").read(),
)
"""
CFG = """\
[metadata]
name = acme
version = attr: acme.__version__
description = Does it.
license = MIT
[options]
packages = find:
python_requires = >=3.8
install_requires =
    flask>=2
    click
[options.entry_points]
console_scripts =
    acme = acme.cli:main
"""


@pytest.mark.parametrize(("name", "text"), [("setup.py", SETUP), ("setup.cfg", CFG)])
def test_what_is_written_as_plain_values(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    table = project_table(tmp_path)
    assert table["name"] == "acme"
    assert table["dependencies"] == ["flask>=2", "click"]
    assert table["requires-python"] == ">=3.8"
    assert table["scripts"] == {"acme": "acme.cli:main"}
    assert table.get("version") == ("1.2" if name == "setup.py" else None)


def test_entry_points_as_one_text(tmp_path: Path) -> None:
    """As datasette writes them."""
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='acme', version='1', entry_points=\"\"\"\n"
        '    [console_scripts]\n    acme=acme.cli:main\n    [x]\n    y=z\n""")\n'
    )
    assert project_table(tmp_path)["scripts"] == {"acme": "acme.cli:main"}


def test_setup_py_is_read_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "open('run', 'w')\nimport setuptools\nsetuptools.setup(name='acme', version=x())\n"
    )
    assert project_table(tmp_path) == {"name": "acme", "dynamic": ["version"]}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "not (python", "print(1)"])
def test_what_names_no_project(tmp_path: Path, text: str) -> None:
    (tmp_path / "setup.py").write_text(text)
    assert project_table(tmp_path) == {}


def test_a_project_of_this_kind_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(SETUP)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/__init__.py").write_text("")
    assert recognise(tmp_path).name == "python"
    found = read_pyproject(tmp_path)
    assert (found.name, found.version.upstream) == ("acme", "1.2")


def test_pyproject_with_a_build_system_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools"]\n')
    (tmp_path / "setup.cfg").write_text(CFG)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/__init__.py").write_text('__version__ = "3.4"\n')
    found = read_pyproject(tmp_path)
    assert (found.name, found.version.upstream) == ("acme", "3.4")
    assert found.requirements == ("flask>=2", "click")
