"""The licence of a project: what it says of itself, and what its licence file says."""

from pathlib import Path

import pytest

from debwright.init.ecosystem import recognise
from debwright.init.licences import find_licence


@pytest.mark.parametrize(
    ("said", "file", "name"),
    [
        ("GPL-2.0-or-later", "", "GPL-2+"),
        ("GPL-3.0+", "", "GPL-3+"),
        ("MIT License", "", "Expat"),
        ("", "Apache License\nVersion 2.0", "Apache-2.0"),
        ("", "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June", "GPL-3+"),
        ("", "My own terms", "custom"),
        ("", "", "custom"),
    ],
)
def test_licence(tmp_path: Path, said: str, file: str, name: str) -> None:
    if file:
        (tmp_path / "LICENSE").write_text(file)
    found = find_licence(tmp_path, said)
    assert found.name == name
    assert found.known == bool(said or file)
    assert all(line.startswith(" ") and line.strip() for line in found.text.splitlines())


@pytest.mark.parametrize("said", ['"GPL-3.0+"', '{ text = "GPL-3.0+" }'])
def test_both_forms_of_pyproject_are_read(tmp_path: Path, said: str) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "x1"\nlicense = {said}\n[project.scripts]\nx1 = "x:y"\n'
    )
    assert recognise(tmp_path).read(tmp_path).licence.name == "GPL-3+"


def test_a_licence_file_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "TERMS").write_text("Apache License\nVersion 2.0")
    assert find_licence(tmp_path, file="TERMS").name == "Apache-2.0"
