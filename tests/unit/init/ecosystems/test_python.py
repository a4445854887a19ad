"""What is read of a Python project: hints, dependencies, versions."""

from pathlib import Path

import pytest
from debian.debian_support import Version as DebianVersion

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python.dependencies import lookup, parse, resolve
from debwright.init.ecosystems.python.pyproject import read_pyproject
from debwright.model.errors import UsageError


def test_names_that_differ_from_the_package(tmp_path: Path) -> None:
    for name, package in (("PyYAML", "python3-yaml"), ("beautifulsoup4", "python3-bs4")):
        known = lookup(name)
        assert known is not None
        assert known.package == package


def test_dependencies() -> None:
    found = resolve(
        parse(
            [
                "Flask",
                "no_such.thing",
                "pydantic[email]>=2",
                'pywin32; sys_platform == "win32"',
                'pytest; extra == "test"',
            ]
        )
    )
    assert found.packages == ("python3-flask", "python3-pydantic")
    assert found.missing == ("no_such.thing",)
    assert len(found.too_old) == 1
    with pytest.raises(UsageError, match="not a dependency"):
        parse(["a b c"])


def test_versions_sort_as_they_should(tmp_path: Path) -> None:
    order = ["1.0.dev1", "1.0a1.dev2", "1.0a1", "1.0b2", "1.0rc1", "1.0"]
    order += ["1.0.post1.dev1", "1.0.post1", "1.0.1", "1.1"]
    versions = []
    for text in order:
        (tmp_path / "pyproject.toml").write_text(
            f'[project]\nname = "x1"\nversion = "{text}"\n[project.scripts]\nx1 = "x:y"\n'
        )
        versions.append(DebianVersion(read_pyproject(tmp_path).version.upstream + "-1"))
    assert versions == sorted(versions)
    assert len(set(map(str, versions))) == len(order)


def test_poetry_without_a_project_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nbuild-backend = "poetry.core.masonry.api"\n'
        '[tool.poetry]\nname = "Po_et"\nversion = "3.0"\ndescription = "Writes."\n'
        'authors = ["Ada Example <ada@example.org>"]\nlicense = "MIT"\n'
        '[tool.poetry.dependencies]\npython = "^3.11"\nhttpx = "^0.23"\n'
        '[tool.poetry.scripts]\npoet = "po_et:main"\n'
    )
    project = recognise(tmp_path).read(tmp_path)
    assert (project.package, project.version, project.programs) == ("po-et", "3.0", ("poet",))
    assert read_pyproject(tmp_path).requirements == ("httpx<0.24,>=0.23",)
    assert project.author is not None
    assert project.author.email == "ada@example.org"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('license = "MIT OR Apache-2.0"\nlicense-files = ["TERMS*"]', "Expat or Apache-2.0"),
        ('license-files = ["TERMS*"]', "Apache-2.0"),
        ('classifiers = ["License :: OSI Approved :: MIT License"]', "Expat"),
        ('license = {text = "GPLv3+"}', "GPL-3+"),
        ("", "custom"),
    ],
)
def test_the_licence_in_all_forms(tmp_path: Path, said: str, name: str) -> None:
    (tmp_path / "TERMS.txt").write_text("Apache License\nVersion 2.0")
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "x1"\nversion = "1"\n{said}\n[project.scripts]\nx1 = "x:y"\n'
    )
    assert read_pyproject(tmp_path).licence.name == name
