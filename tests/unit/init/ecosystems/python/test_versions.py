"""The version a project says, in its files or by git's tags."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from debwright.init.ecosystems.python.backends import read_build_system
from debwright.init.ecosystems.python.versions import Told, read_version

DYNAMIC = '[project]\nname = "acme"\ndynamic = ["version"]\n'


def told(directory: Path, text: str) -> Told:
    data = tomllib.loads(text)
    return read_version(directory, "acme", data, read_build_system(directory, data))


def repository(directory: Path, *tags: str) -> None:
    for command in (
        ["init", "-q"],
        ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty",
         "-m", "x"],
        *(["tag", tag] for tag in tags),
    ):  # fmt: skip
        subprocess.run(["git", "-C", str(directory), *command], check=True)


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"VERSION": "1.2.0\n"}, '[tool.setuptools.dynamic]\nversion = { file = "VERSION" }'),
        ({"VERSION": "1.2.0\n"}, '[tool.setuptools.dynamic]\nversion = { file = ["VERSION"] }'),
        ({"acme/__init__.py": '__version__ = "1.2.0"'}, ""),
        ({"src/acme/__about__.py": "__version__ = '1.2.0'"}, ""),
        ({"v/x.py": 'VERSION = "1.2.0"'}, '[tool.hatch.version]\npath = "v/x.py"'),
        ({"v/x.py": 'version = "1.2.0"'}, '[tool.pdm.version]\npath = "v/x.py"'),
        ({"a/b.py": '__version__ = "1.2.0"'},
         '[tool.setuptools.dynamic]\nversion = { attr = "a.b.__version__" }'),
        ({"setup.cfg": "[metadata]\nname = acme\nversion = 1.2.0\n"}, ""),
        ({"setup.py": "setup(\n    name='acme',\n    version='1.2.0',\n)"}, ""),
        ({"PKG-INFO": "Metadata-Version: 2.1\nName: acme\nVersion: 1.2.0\n"}, ""),
    ],
)  # fmt: skip
def test_places(tmp_path: Path, files: dict[str, str], text: str) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = told(tmp_path, f"{DYNAMIC}{text}\n")
    assert (found.upstream, found.source, found.tagged) == ("1.2.0", "changelog", False)


SCM = '[build-system]\nrequires = ["setuptools", "setuptools-scm"]\n'
POETRY = (
    '[build-system]\nrequires = ["poetry-core", "poetry-dynamic-versioning"]\n'
    '[tool.poetry-dynamic-versioning]\nenable = true\n[tool.poetry]\nversion = "0.0.0"\n'
)


@pytest.mark.parametrize(
    "text",
    [
        f"{DYNAMIC}{SCM}",
        f'{DYNAMIC}[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n'
        '[tool.hatch.version]\nsource = "vcs"\n',
        f'{DYNAMIC}[build-system]\nrequires = ["pdm-backend"]\n'
        '[tool.pdm.version]\nsource = "scm"\n',
        POETRY,
    ],
)
@pytest.mark.parametrize(
    ("tags", "version", "prefix"),
    [
        (["v1.2.0", "v1.1.0"], "1.2.0", "v"),
        (["1.2.0"], "1.2.0", ""),
        (["acme-1.2.0"], "1.2.0", "acme-"),
        (["v2.0.0-rc1"], "2.0.0~rc1", "v"),
        (["v1.9.0", "4.11.3"], "4.11.3", ""),
    ],
)
def test_tags(tmp_path: Path, text: str, tags: list[str], version: str, prefix: str) -> None:
    repository(tmp_path, *tags)
    found = told(tmp_path, text)
    assert (found.upstream, found.tag_prefix, found.source) == (version, prefix, "git")
    assert found.tagged


@pytest.mark.parametrize(
    ("tags", "version", "tag"),
    [
        (["v1.2", "v1.10"], "1.10", "v1.10"),
        (["2024.01.15"], "2024.1.15", "2024.01.15"),
        (["acme-0.9", "acme-1.0rc1"], "1.0~rc1", "acme-1.0rc1"),
        (["v1.2.0.1", "nightly", "build-7"], "1.2.0.1", "v1.2.0.1"),
    ],
)
def test_tags_of_another_form_say_the_first_version(
    tmp_path: Path, tags: list[str], version: str, tag: str
) -> None:
    """setuptools-scm takes them; 0.1.0 in the metadata would be wrong."""
    repository(tmp_path, *tags)
    found = told(tmp_path, f"{DYNAMIC}{SCM}")
    assert (found.upstream, found.source, found.tagged) == (version, "changelog", True)
    assert tag in found.notes[0]


def test_no_tag_yet(tmp_path: Path) -> None:
    repository(tmp_path)
    found = told(tmp_path, f"{DYNAMIC}{SCM}")
    assert (found.upstream, found.source, found.tagged) == ("0.1.0", "changelog", True)
    assert "none like v1.2.3" in found.notes[0]


def test_an_sdist_says_what_its_tag_was(tmp_path: Path) -> None:
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 3.1\n")
    found = told(tmp_path, f"{DYNAMIC}{SCM}")
    assert (found.upstream, found.source, found.tagged) == ("3.1", "changelog", True)


def test_epochs_and_local_versions_are_kept(tmp_path: Path) -> None:
    found = told(tmp_path, '[project]\nname = "acme"\nversion = "1!2.0+cu118"\n')
    assert found.upstream == "1:2.0+cu118"
