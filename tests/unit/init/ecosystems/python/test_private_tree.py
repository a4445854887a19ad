"""The plan of a package with a tree of its own."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.kit.wheels import BEADS, Index

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.python import libraries
from debwright.init.ecosystems.python.private_tree import BUILD_LOCK, LOCK, Wanted, plan, program
from debwright.init.licences import Licence
from debwright.init.model import Project
from debwright.model.errors import UsageError

PROJECT = Project(
    name="bells", package="bells", version="1.0", licence=Licence(name="x", text="x", known=True)
)


def test_pure_wheels_are_for_every_architecture(index: Index, tmp_path: Path) -> None:
    index.add_wheel("bell", "1.0")
    wanted = Wanted(
        package="bells", requirements=("bell",), copy=("main.py", "web"), programs=("ring",)
    )
    project = plan(wanted, tmp_path).put_into(PROJECT)
    assert project.architecture == "all"
    assert project.settings["wheelhouse"] == {"lock": LOCK}
    assert [f.path for f in project.files] == [LOCK]
    assert "${shlibs:Depends}" not in project.depends
    assert "${wheelhouse:Depends}" in project.depends
    assert "PRIVATE_TREE_OPTIONS = --copy=main.py --copy=web --program=ring" in project.rules.before
    assert program("bells", "python3") == "/usr/lib/bells/bin/python3"


def test_wheels_of_a_machine_make_a_package_of_that_machine(index: Index, tmp_path: Path) -> None:
    for arch in ("x86_64", "aarch64"):
        index.add_wheel("bell", "1.0", tags=f"cp311-cp311-manylinux_2_17_{arch}")
    project = plan(Wanted(package="bells", requirements=("bell",)), tmp_path).put_into(PROJECT)
    assert project.architecture == "any"
    assert "${shlibs:Depends}" in project.depends
    assert "libpython3-dev" not in project.build_depends


def test_what_has_no_wheel_is_compiled_with_what_it_asks_for(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And against the library that Debian has for it, as libpq for psycopg2."""
    assert libraries.libraries(["psycopg2", "bell"]) == ("libpq-dev",)
    monkeypatch.setattr(libraries, "LIBRARIES", {"abacus-beads": ("libbeads-dev",)})
    index.add_wheel("setuptools", "80.0")
    index.add_wheel("wheel", "0.45")
    index.add_sdist("abacus-beads", "1.0", BEADS)
    made = plan(Wanted(package="bells", requirements=("abacus-beads",)), tmp_path)
    project = made.put_into(PROJECT)
    assert project.settings["wheelhouse"] == {"lock": LOCK, "build_lock": BUILD_LOCK}
    assert {"libpython3-dev", "python3-dev:any", "libbeads-dev"} <= set(project.build_depends)
    assert "setuptools==80.0" in {f.path: f.text for f in project.files}[BUILD_LOCK]
    assert any("abacus-beads 1.0" in note for note in project.notes)


def test_an_application_that_needs_nothing(tmp_path: Path) -> None:
    project = plan(Wanted(package="bells", copy=(".",)), tmp_path).put_into(PROJECT)
    assert project.architecture == "all"
    assert "Nothing is needed" in project.files[0].text


def test_an_address_is_refused_by_name(tmp_path: Path) -> None:
    wanted = Wanted(package="bells", requirements=("bell @ https://example.org/bell.whl",))
    with pytest.raises(UsageError, match="bell @ https"):
        plan(wanted, tmp_path)


def test_what_make_and_the_shell_would_read_is_quoted(tmp_path: Path) -> None:
    project = plan(Wanted(package="bells", copy=("a b$(id)",)), tmp_path).put_into(PROJECT)
    assert "PRIVATE_TREE_OPTIONS = '--copy=a b$$(id)'" in project.rules.before


def test_dependencies_may_ask_for_a_newer_python_than_the_project(
    index: Index, tmp_path: Path
) -> None:
    index.add_wheel("bell", "1.0")
    page = index.directory / "bell/index.html"
    page.write_text(page.read_text().replace("<a ", '<a data-requires-python="&gt;=3.12" '))
    index.add_wheel("setuptools", "80.0")
    index.add_wheel("wheel", "0.45")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "bells"\nversion = "1.0"\ndependencies = ["bell"]\n'
    )
    project = recognise(tmp_path).read(tmp_path)
    assert project.targets == ("trixie-amd64", "trixie-arm64")
    assert any("with the Python of bookworm" in note for note in project.notes)


def test_a_second_time_needs_no_network(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add_wheel("bell", "1.0")
    handler = partial(SimpleHTTPRequestHandler, directory=str(index.directory))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    wanted = Wanted(package="bells", requirements=("bell",))
    first = plan(wanted, tmp_path)
    server.shutdown()
    server.server_close()
    thread.join()
    assert plan(wanted, tmp_path) == first


BACKEND = """\
[project]
name = "bells"
version = "1.0"
requires-python = ">=3.9"
dependencies = [{needs}]
scripts = {{ ring = "bells:ring" }}
[build-system]
requires = ["pdm-backend"]
build-backend = "pdm.backend"
"""


def test_debians_dependencies_stay_debians_where_only_the_backend_is_missing(
    index: Index, tmp_path: Path
) -> None:
    """A library in a tree of its own is of no use: nothing else could import it."""
    index.add_wheel("pdm-backend", "2.4")
    (tmp_path / "bells").mkdir()
    (tmp_path / "bells/__init__.py").write_text("")
    needs = '"click", "tomli; python_version < \'3.11\'"'
    (tmp_path / "pyproject.toml").write_text(BACKEND.format(needs=needs))
    project = recognise(tmp_path).read(tmp_path)
    assert project.depends == ("python3-click", "${python3:Depends}")
    assert "include wheelhouse/project.mk" in project.rules.before
    files = {f.path: f.text for f in project.files}
    assert "pdm-backend==2.4" in files[BUILD_LOCK]
    assert "click" not in files[LOCK]
    assert project.smoke == ("python3 -c 'import bells'",)
    assert project.lintian_overrides == ()
    assert "requirements.lock" not in " ".join(project.notes)


def test_both_are_carried_where_a_dependency_is_missing(index: Index, tmp_path: Path) -> None:
    index.add_wheel("pdm-backend", "2.4")
    index.add_wheel("bell", "1.0")
    (tmp_path / "pyproject.toml").write_text(BACKEND.format(needs='"bell"'))
    project = recognise(tmp_path).read(tmp_path)
    assert "include wheelhouse/private-tree.mk" in project.rules.before
