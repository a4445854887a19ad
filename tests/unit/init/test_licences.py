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


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("MIT OR Apache-2.0", "Expat or Apache-2.0"),
        ("MIT/Apache-2.0", "Expat or Apache-2.0"),
        ("(MIT OR Apache-2.0) AND BSD-3-Clause", "Expat or Apache-2.0, and BSD-3-clause"),
        ("GPL-2.0-or-later WITH Classpath-exception-2.0", "GPL-2+ with Classpath-2.0 exception"),
        ("LicenseRef-Proprietary", "Proprietary"),
        ("GPL-3.0", "GPL-3"),
        ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
        ("GPLv3+", "GPL-3+"),
        ("BSD", "BSD-3-clause"),
        ("UNLICENSED", "custom"),
    ],
)
def test_what_authors_say(tmp_path: Path, said: str, name: str) -> None:
    assert find_licence(tmp_path, said).name == name


def test_each_of_several_licences_has_its_own_text(tmp_path: Path) -> None:
    (tmp_path / "LICENSE-APACHE").write_text("Apache License\nVersion 2.0")
    (tmp_path / "LICENSE-MIT").write_text(
        "Copyright (c) 2020-2024 Ada and others\n\n"
        "Permission is hereby granted, free of charge, to any person"
    )
    found = find_licence(tmp_path, "MIT OR Apache-2.0")
    assert [name for name, _ in found.each] == ["Expat", "Apache-2.0"]
    assert "Permission is hereby granted" in found.each[0][1]
    assert "/usr/share/common-licenses/Apache-2.0" in found.each[1][1]
    assert found.holders == ("2020-2024 Ada and others",)
    assert found.missing == ()


def test_a_text_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert find_licence(tmp_path, "MIT OR EUPL-1.2").missing == ("EUPL-1.2",)


def test_a_licence_that_is_only_named_has_its_standard_text(tmp_path: Path) -> None:
    assert "Permission is hereby granted" in find_licence(tmp_path, "MIT").text


def test_the_file_says_which_of_the_bsd_licences_it_is(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("Redistribution and use in source and binary forms, with")
    assert find_licence(tmp_path, "BSD").name == "BSD-2-clause"


def test_the_holder_of_the_gpl_is_not_the_projects(tmp_path: Path) -> None:
    (tmp_path / "COPYING").write_text(
        "GNU GENERAL PUBLIC LICENSE Version 3\nCopyright (C) 2007 Free Software Foundation, Inc.\n"
    )
    assert find_licence(tmp_path).holders == ()


@pytest.mark.parametrize("pattern", ["../secret", "/etc/passwd", "**/../../secret", "", "[", "**"])
def test_patterns_stay_in_the_project(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "secret").write_text("a password")
    project = tmp_path / "project"
    project.mkdir()
    assert "password" not in find_licence(project, patterns=[pattern]).text
