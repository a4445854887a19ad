"""What pyproject.toml says is elsewhere (`dynamic`), and what setup.cfg and setup.py say."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.pyproject import Pyproject, read_pyproject

BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


def project(directory: Path, dynamic: str, more: str, files: Mapping[str, str]) -> Pyproject:
    text = f'[project]\nname = "my-acme"\ndynamic = [{dynamic}]\n{BUILD}{more}'
    for name, content in {"pyproject.toml": text, "acme/__init__.py": "", **files}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    return read_pyproject(directory)


@pytest.mark.parametrize(
    ("more", "files"),
    [
        ('[tool.setuptools.dynamic]\ndependencies = {file = ["base.txt", "more.txt"]}\n',
         {"base.txt": "# needed\nflask>=2\n", "more.txt": "click\n"}),
        ('[tool.setuptools.dynamic]\ndependencies.file = "base.txt"\n',
         {"base.txt": "-r more.txt\nflask>=2\n", "more.txt": "click\n"}),
        ('[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ["base.txt"]\n',
         {"base.txt": "flask>=2\nclick\n"}),
        ("", {"setup.cfg": "[options]\ninstall_requires =\n    # one\n    flask>=2\n    click\n"}),
        ("", {"setup.cfg": "[options]\ninstall_requires = file: base.txt\n",
              "base.txt": "flask>=2\nclick\n"}),
        ("", {"setup.py": "from setuptools import setup\n"
                          "setup(install_requires=open('requirements.txt').readlines())\n",
              "requirements.txt": "flask>=2\nclick\n", "requirements-dev.txt": "tox\n"}),
        ("", {"setup.py": "from setuptools import setup\ndef read():\n"
                          "    return open('requirements/base.txt').read().split()\n"
                          "needs = read()\nsetup(install_requires=needs)\n",
              "requirements/base.txt": "flask>=2\nclick\n"}),
    ],
)  # fmt: skip
def test_dependencies_that_are_elsewhere(
    tmp_path: Path, more: str, files: Mapping[str, str]
) -> None:
    found = project(tmp_path, '"version", "dependencies"', more, files)
    assert sorted(found.requirements) == ["click", "flask>=2"]


def test_dependencies_that_nobody_can_read_are_named(tmp_path: Path) -> None:
    found = project(tmp_path, '"dependencies"', "", {})
    assert "depends on" in " ".join(found.notes)


def test_commands_of_setup_cfg(tmp_path: Path) -> None:
    cfg = "[options.entry_points]\nconsole_scripts =\n    acme = acme.cli:main\n"
    found = project(tmp_path, '"version", "scripts"', "", {"setup.cfg": cfg})
    assert found.scripts == {"acme": "acme.cli:main"}


def test_the_first_line_of_the_module_describes_it(tmp_path: Path) -> None:
    """https://flit.pypa.io/en/stable/pyproject_toml.html"""
    text = '"""Counts what there is.\n\nAnd more."""\n__version__ = "3.1"\n'
    found = project(tmp_path, '"version", "description"', "", {"my_acme/__init__.py": text})
    assert found.description == "Counts what there is."
    assert found.version.upstream == "3.1"


@pytest.mark.parametrize(
    ("said", "files"),
    [
        ("attr: acme.info.VERSION", {"lib/acme/info.py": 'VERSION = "7.2"\n'}),
        ("attr: acme.__version__", {"src/acme/__init__.py": '__version__ = "7.2"\n'}),
        ("file: VERSION.txt", {"VERSION.txt": "7.2\n"}),
    ],
)
def test_the_version_of_setup_cfg(tmp_path: Path, said: str, files: Mapping[str, str]) -> None:
    cfg = f"[metadata]\nname = my-acme\nversion = {said}\n"
    for name, content in {"setup.cfg": cfg, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = read_pyproject(tmp_path)
    assert (found.name, found.version.upstream) == ("my-acme", "7.2")


def test_what_setup_requires_is_in_place_for_the_build(tmp_path: Path) -> None:
    """setuptools would fetch it in the middle of a build, which has no network."""
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='acme', use_scm_version=True, setup_requires=['setuptools_scm', 'cffi'])\n"
    )
    build = read_pyproject(tmp_path).build
    assert {"python3-setuptools-scm", "python3-cffi"} <= set(build.packages)
    assert build.tagged
    assert build.compiled


def test_pbr_says_it_in_its_own_way(tmp_path: Path) -> None:
    """https://docs.openstack.org/pbr/latest/user/using.html"""
    (tmp_path / "setup.py").write_text(
        "import setuptools\nsetuptools.setup(setup_requires=['pbr'], pbr=True)\n"
    )
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = acme\nsummary = Counts\nhome-page = https://example.org\n"
        "[entry_points]\nconsole_scripts =\n    acme = acme.cli:main\n"
    )
    (tmp_path / "requirements.txt").write_text("pbr>=2\nclick\n")
    found = read_pyproject(tmp_path)
    assert (found.description, found.homepage) == ("Counts", "https://example.org")
    assert found.requirements == ("pbr>=2", "click")
    assert found.scripts == {"acme": "acme.cli:main"}
    assert found.version.tagged


def test_a_copy_of_versioneer_in_the_tree_takes_the_version_from_tags(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "import versioneer\nfrom setuptools import setup\n"
        "setup(name='acme', version=versioneer.get_version())\n"
    )
    found = read_pyproject(tmp_path)
    assert found.version.tagged
    assert found.build.as_release


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({"setup.py": "from setuptools import *\nsetup(ext_modules=[Extension('fast', ['a.c'])])"},
         "fast"),
        ({"setup.py": "Extension(\n    name=\"fast.core\", sources=[])"}, "fast"),
        ({"Cargo.toml": '[package]\nname = "x"\n[lib]\nname = "fast"\n'}, "fast"),
        ({"setup.py": "setup()"}, ""),
    ],
)  # fmt: skip
def test_the_module_of_a_project_that_is_all_compiled(
    tmp_path: Path, files: Mapping[str, str], module: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "x1"\nversion = "1"\n{BUILD}')
    assert read_pyproject(tmp_path).module == module


def test_maturin_takes_the_version_of_the_crate(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text(
        '[package]\nname = "acme"\nversion = "0.30.0-rc.1"\nedition = "2021"\n[dependencies]\n'
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src/lib.rs").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme"\ndynamic = ["version"]\n[build-system]\n'
        'requires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
    )
    assert read_pyproject(tmp_path).version.upstream == "0.30.0~rc1"


def test_a_backend_in_the_tree_that_calls_a_compiler(tmp_path: Path) -> None:
    """As frozenlist and yarl have it: it names Cython only when it is asked."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/backend.py").write_text(
        "def get_requires_for_build_wheel(settings=None):\n"
        "    return ['Cython ~= 3.0; python_version >= \"3.8\"']\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1"\n[build-system]\nrequires = ["setuptools"]\n'
        'build-backend = "backend"\nbackend-path = ["own"]\n'
    )
    build = read_pyproject(tmp_path).build
    assert "cython" in build.names
    assert build.compiled
