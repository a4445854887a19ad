"""What `init` writes passes lintian, whatever an author wrote: descriptions, licences, people."""

import json
from pathlib import Path

import pytest
from debian.copyright import Copyright
from debian.deb822 import Deb822
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.kit.lintian import contact_tags, copyright_tags, description_tags

from debwright.init.description import synopsis
from debwright.init.ecosystem import recognise
from debwright.init.licences import Licence, find_licence
from debwright.init.maintainer import person
from debwright.init.model import NAME, Person, Project, Unit, package_name, web_page
from debwright.init.render import render

ADA = Person(name="Ada", email="ada@example.org")
LICENCE = Licence(name="Expat", text=" Text.", known=True)


def project(description: str, name: str = "acme", *, service: bool = True) -> Project:
    package = package_name(name)
    unit = Unit(name=f"{package}.service", command=f"/usr/bin/{package}")
    return Project(
        name=name, package=package, version="1.0", description=description, author=ADA,
        licence=LICENCE, units=(unit,) if service else (),
    )  # fmt: skip


def control(made: Project) -> list[Deb822]:
    text = next(f.text for f in render(made)[0] if f.path == "debian/control")
    paragraphs = list(Deb822.iter_paragraphs(text, use_apt_pkg=False))
    assert len(paragraphs) == 2, "a description that ends its paragraph"
    return paragraphs


# Words that mean something to a control file or to lintian, between any others.
WORDS = st.sampled_from([
    "a", "A", "The", "an", "acme", "Acme", "-", "*", ".", "..", ".NET", "\u2013", "etc.", "e.g.",
    "Homepage:", "https://example.org/x.y", "is", "This", "API", ",", "x,y", "\U0001f680",
    "\u26a1\ufe0f", "$", "${misc:Depends}", "#", "%h", "\u00fcber", "\u65e5\u672c", "missing",
    "todo", "lists", "server", "--flag", "x" * 90, "\t", "\n", "\r", "\u2028",
    "\x00", "\x1b[31m", "\u200f", "\ud83d",
])  # fmt: skip
TEXTS = st.one_of(
    st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=8).map("".join), st.text()
)
NAMES = st.one_of(
    st.sampled_from(
        ["acme", "service", "software", "packaged", "a1", "python3-x", "todo.list", "x" * 60]
    ),
    st.from_regex(NAME, fullmatch=True).filter(lambda n: 2 <= len(n) <= 60),
)  # fmt: skip


@settings(max_examples=100)
@given(TEXTS, NAMES, st.booleans())
@example("acme serves todo lists over HTTP", "acme", True)
@example("x" * 400, "acme", False)
@example("a b c. " * 40, "acme", False)
@example("- one - two - three " * 10, "acme", True)
@example("Homepage: https://example.org", "acme", False)
@example("Homepage: https://example.org. And much more of this", "acme", False)
@example(".NET for all of us", "acme", True)
@example("service", "service", True)
@example("packaged service", "packaged", True)
def test_any_description_passes(text: str, name: str, service: bool) -> None:
    made = project(text, name, service=service)
    said = control(made)[1]["Description"]
    assert list(description_tags(made.package, said.replace("${Dollar}", "$"))) == []
    assert said == said.encode().decode(), "what is no Unicode does not get in"


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("Acme - todo lists over HTTP", "todo lists over HTTP"),
        ("Todo lists over HTTP.", "Todo lists over HTTP"),
        ("A todo list server", "todo list server"),
        ("Acme is a todo list server!", "todo list server"),
        ("This is the API of our todo lists", "API of our todo lists"),
        ("Todo lists. They are kept for ever.", "Todo lists"),
        ("Converts files, e.g. pictures. Fast.", "Converts files, e.g. pictures"),
        ("\U0001f680 Fast todo lists", "Fast todo lists"),
        ("Dashboard", "Dashboard service"),
        ("\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e service"),
        ("Add your description here", "service acme"),
        ("acme", "service acme"),
        ("  ", "service acme"),
        ("Todo lists of every kind, for teams that have outgrown the paper on the wall and the",
         "Todo lists of every kind, for teams that have outgrown the paper on the wall"),
    ],
)  # fmt: skip
def test_a_synopsis_is_what_the_author_said(said: str, first: str) -> None:
    assert synopsis(project(said)) == first


def test_the_text_has_what_the_synopsis_leaves_out() -> None:
    said = "Todo lists. They are kept for ever, on paper that is made of the very best of trees."
    text = control(project(said))[1]["Description"]
    assert "kept for ever" in text
    assert text.splitlines()[0] == "Todo lists"


def test_what_looks_like_a_list_stays_text() -> None:
    said = f"{'words ' * 12}- {'more ' * 13}* {'and .NET ' * 8} Homepage: https://example.org"
    text = control(project(said))[1]["Description"]
    assert " ".join(said.split()) in " ".join(text.split())
    assert list(description_tags("acme", text)) == []


def test_a_text_that_wraps_where_the_synopsis_was_cut_is_not_repeated() -> None:
    said = "Todo lists, which have a rather long description here so that it must be wrapped"
    text = control(project(f"{said} somewhere in the middle of it"))[1]["Description"]
    lines = text.splitlines()
    assert lines[1].startswith(" This package runs acme")
    assert "somewhere in the middle" in text


@settings(max_examples=100)
@given(st.text(max_size=60), st.one_of(st.emails(), st.text(max_size=40)))
@example("root", "root@localhost")
@example("Ada", "a..b@example.org")
@example("Ada", "ada@-x.org")
@example("Jos\u00e9 \U0001f600", "j@example.org")
def test_whoever_is_taken_for_a_maintainer_passes(name: str, email: str) -> None:
    found = person(name, email)
    if found is not None:
        assert list(contact_tags(f"{found.name} <{found.email}>")) == []


def test_an_ordinary_person_is_one() -> None:
    assert person("Ren\u00e9e O'Hara-Smith", "r.o+deb@mail.example.co.uk") is not None
    assert person("root", "root@example.org") is None


TERMS = st.sampled_from([
    "MIT", "mit", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "GPL-3.0+", "AGPL-3.0",
    "LicenseRef-Prop", "LicenseRef-Unknown", "LicenseRef-GPL3", "CC-BY-4.0", "BSD-3-Clause", "0BSD",
    "LGPL-2.1-or-later", "PSF-2.0", "EUPL-1.2", "Artistic-1.0-Perl", "Unlicense",
])  # fmt: skip
EXPRESSIONS = st.recursive(
    TERMS,
    lambda inner: st.tuples(inner, st.sampled_from([" OR ", " AND "]), inner).map(
        lambda parts: f"({''.join(parts)})"
    ),
    max_leaves=4,
)
SAID = st.one_of(
    EXPRESSIONS, st.text(max_size=30),
    st.sampled_from(["MIT License", "GPLv3", "BSD", "Proprietary", "SEE LICENSE IN X", "UNLICENSED",
                     "MIT/Apache-2.0", "License :: OSI Approved :: Apache Software License"]),
)  # fmt: skip
GPL_WORDS = (
    "GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007\n" + "TERMS AND CONDITIONS \n" * 900
)
APACHE = (
    "Apache License\nVersion 2.0, January 2004\n"
    "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION\n" + "text\n" * 2500
)
MIT = (
    "MIT License\n\nCopyright (c) 2024 Jos\u00e9\n\n"
    "Permission is hereby granted, free of charge, to any person\n"
)
GPL_OR_NOT = "My terms,\tunder the GPL or not"
FILES = st.dictionaries(
    st.sampled_from(
        ["LICENSE", "LICENSE-MIT", "COPYING", "LICENSES/MIT.txt", "NOTICE", "license.py"]
    ),
    st.sampled_from([GPL_WORDS, APACHE, MIT, MIT + APACHE, GPL_OR_NOT, "", "\x00\ufeff"]),
    max_size=3,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(SAID, FILES)
@example("MIT OR Apache-2.0", {})
@example("MIT", {"LICENSE": APACHE})
@example("", {"LICENSE": "You may use it under the GNU General Public License or not at all"})
def test_any_licence_passes(
    tmp_path_factory: pytest.TempPathFactory, said: str, files: dict[str, str]
) -> None:
    directory = tmp_path_factory.mktemp("p")
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    made = Project(
        name="acme",
        package="acme",
        version="1.0",
        author=ADA,
        licence=find_licence(directory, said),
    )
    text = next(f.text for f in render(made)[0] if f.path == "debian/copyright")
    assert list(copyright_tags(text)) == []
    Copyright(text.splitlines(keepends=True), strict=True)


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("https://example.org", "https://example.org"),
        ("git+https://github.com/a/b.git", "https://github.com/a/b"),
        ("http://github.com/a/b/", "https://github.com/a/b"),
        ("https://alioth.debian.org/x", None),
        ("git@github.com:a/b.git", None),
        ("https://example.org/\nEvil: yes", None),
        ("", None),
        (None, None),
    ],
)
def test_a_homepage_is_a_page(address: str | None, page: str | None) -> None:
    assert web_page(address) == page


def test_the_notice_of_the_apache_licence_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "NOTICE").write_text("This has software of the Apache foundation\n")
    for said, there in (("Apache-2.0", True), ("MIT", False)):
        made = Project(
            name="acme", package="acme", version="1.0", licence=find_licence(tmp_path, said)
        )
        paths = {f.path: f.text for f in render(made)[0]}
        assert ("debian/acme.docs" in paths) is there


FORMS = st.sampled_from([
    "", "license = {said}", "license = {{ text = {said} }}", 'license = {{ file = "LICENSE" }}',
    "classifiers = [{said}]",
])  # fmt: skip


def toml(text: str) -> str:
    """`text` as a basic string of TOML, without what a file in UTF-8 cannot have."""
    clean = text.encode("utf-8", "ignore").decode().replace("\x7f", " ")
    return json.dumps(clean, ensure_ascii=False)


PEOPLE = st.tuples(st.text(max_size=30), st.one_of(st.emails(), st.text(max_size=20)))


@settings(max_examples=20, deadline=None)
@given(TEXTS, FORMS, SAID, PEOPLE)
@example("\u00dcber \u201eschnell\u201c \U0001f680", "license = {said}", "MIT", ("\u4f50", ""))
@example("", "", "", ("", ""))
def test_any_pyproject_passes(
    tmp_path_factory: pytest.TempPathFactory,
    description: str,
    form: str,
    licence: str,
    author: tuple[str, str],
) -> None:
    """From the file as its author has it, which the others do not begin with."""
    directory = tmp_path_factory.mktemp("p")
    (directory / "acme").mkdir()
    (directory / "acme/__init__.py").write_text("")
    (directory / "LICENSE").write_text(MIT)
    (directory / "pyproject.toml").write_text(
        f'[project]\nname = "acme"\nversion = "1.0"\ndescription = {toml(description)}\n'
        f"authors = [{{ name = {toml(author[0])}, email = {toml(author[1])} }}]\n"
        f"{form.format(said=toml(licence))}\n"
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    made = recognise(directory).read(directory)
    files = {f.path: f.text for f in render(made)[0]}
    source, binary = control(made)
    said = binary["Description"].replace("${Dollar}", "$")
    assert list(description_tags("acme", said)) == []
    assert list(contact_tags(source["Maintainer"])) == []
    assert list(copyright_tags(files["debian/copyright"])) == []
    Copyright(files["debian/copyright"].splitlines(keepends=True), strict=True)
