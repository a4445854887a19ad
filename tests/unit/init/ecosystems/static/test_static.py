"""Pages, and sources of pages, become a package behind a web server."""

import tomllib
from pathlib import Path

import pytest

from debwright.init.ecosystem import recognise
from debwright.init.ecosystems.static import generators
from debwright.init.model import Project
from debwright.init.render import render
from debwright.model.errors import UsageError


def read(home: Path, /, **files: str) -> tuple[Project, dict[str, str]]:
    """Names of files with `__` for a slash and `_` for a dot, but at the beginning."""
    for name, text in files.items():
        path = home / (name[0] + name[1:].replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = recognise(home)
    assert found.name == "static"
    project = found.read(home)
    written, _ = render(project)
    return project, {file.path: file.text for file in written}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "garden"
    made.mkdir()
    return made


def test_pages_at_the_top(home: Path) -> None:
    project, files = read(
        home,
        index_html="<title>Our garden</title>",
        css__a_css="",
        deploy_sh="rsync",
        README_md="x",
    )
    assert (project.package, project.description, project.section) == (
        "garden",
        "Our garden",
        "web",
    )
    service = tomllib.loads(files["debwright.toml"])["service"]
    assert service["unit"] == "nginx.service"
    assert service["health_url"] == "http://127.0.0.1:8080/"
    assert service["smoke"] == ["nginx -t"]
    assert "--directory=. . | tar --extract" in files["debian/rules"]
    assert {"./debian", "./README*", "./*.sh"} <= set(files["debian/left-out"].splitlines())
    assert files["debian/garden.install"] == "debian/site/garden etc/nginx/sites-available\n"
    # nginx's unit is nginx's: there is nothing to install, to start or to make a user for.
    assert "dh_installsystemd" not in files["debian/rules"]
    assert "debian/garden.sysusers" not in files
    assert "Architecture: all" in files["debian/control"]


@pytest.mark.parametrize("place", ["public", "site", "docs", "html"])
def test_pages_in_a_directory(home: Path, place: str) -> None:
    _, files = read(home, **{f"{place}__index_html": "<title>x y</title>"})
    assert f"--directory={place} ." in files["debian/rules"]


def test_pages_where_debwright_writes_are_not_taken_silently(home: Path) -> None:
    with pytest.raises(UsageError, match=r"dist/index\.html is none of the project's files"):
        read(home, dist__index_html="x")


def test_the_author_s_port_and_server(home: Path) -> None:
    project, files = read(
        home, index_html="x", Caddyfile="garden.example:9090 {\n  file_server\n}\n"
    )
    assert [u.name for u in project.units] == ["garden.service"]
    assert ":9090 {" in files["debian/site/Caddyfile"]
    assert "caddy" in files["debian/control"]
    nginx = "server {\n  listen 80;\n}\n"
    (home / "Caddyfile").unlink()
    _, files = read(home, nginx_conf=nginx)
    assert "listen 8080;" in files["debian/site/garden"]
    _, files = read(home, nginx_conf=nginx.replace("80", "8765"))
    assert "listen 8765;" in files["debian/site/garden"]


GENERATORS = {
    "Hugo": {"hugo_toml": 'title = "Our garden"\ntheme = "plain"', "themes__plain__x": "",
             "content__a_md": ""},
    "MkDocs": {"mkdocs_yml": "site_name: Our garden\ntheme: {name: material}\nplugins:\n"
               "- search\n- redirects: {redirect_maps: {}}\nmarkdown_extensions:\n"
               "- toc: {f: !!python/name:os.system }\n", "docs__index_md": ""},
    "Jekyll": {"_config_yml": "title: Our garden\ntheme: minima\nplugins: [jekyll-feed]\n"},
    "Sphinx": {"docs__conf_py": 'project = "Our garden"\nhtml_theme = "furo"\n'
               'extensions = ["sphinx.ext.autodoc", "myst_parser"]\n', "docs__index_rst": ""},
}  # fmt: skip
PACKAGES = {
    "Hugo": {"hugo"}, "MkDocs": {"mkdocs", "mkdocs-material", "mkdocs-redirects"},
    "Jekyll": {"jekyll", "jekyll-theme-minima", "ruby-jekyll-feed"},
    "Sphinx": {"python3-sphinx", "furo", "python3-myst-parser"},
}  # fmt: skip


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_that_debian_has(home: Path, name: str) -> None:
    project, files = read(home, **GENERATORS[name])
    found = generators.find(home)
    assert found is not None
    assert (found.name, found.missing, project.description) == (name, (), "Our garden")
    assert set(project.build_depends) == PACKAGES[name]
    assert "override_dh_auto_build:" in files["debian/rules"]
    assert (
        "cp -R --preserve=mode,links debian/output/. debian/garden/usr/share/garden"
        in (files["debian/rules"])
    )


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"hugo_toml": 'theme = "ananke"'}, "theme ananke"),
        ({"hugo_toml": "", "go_mod": "module x"}, "modules of Hugo"),
        ({"mkdocs_yml": "theme: cinder\nplugins: [blog]"}, "theme cinder, plugin blog"),
        ({"_config_yml": "remote_theme: a/b"}, "theme a/b"),
        ({"docs__conf_py": "html_theme = 'own'", "docs__index_rst": ""}, "theme own"),
    ],
)
def test_what_debian_is_not_known_to_have_is_named(
    home: Path, files: dict[str, str], what: str
) -> None:
    for name, text in files.items():
        path = home / (name[0] + name[1:].replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = generators.find(home)
    assert found is not None
    assert what in ", ".join(found.missing)


def test_a_package_json_for_tools_only_changes_nothing(home: Path) -> None:
    (home / "index.html").write_text("<title>Our garden</title>")
    (home / "package.json").write_text('{"name": "garden", "scripts": {"format": "prettier ."}}')
    found = recognise(home)
    project = found.read(home)
    assert [u.name for u in project.units] == ["nginx.service"]


def test_extensions_of_markdown_and_versions_that_the_author_asks_for(home: Path) -> None:
    project, _ = read(home, mkdocs_yml="site_name: Our garden\nmarkdown_extensions: [admonition, "
                      "pymdownx.superfences, pymdownx.highlight: {x: 1}, mdx_math]\n",
                      docs__index_md="", requirements_txt="mkdocs==1.6\n")  # fmt: skip
    assert project.build_depends == ("mkdocs", "python3-pymdownx")
    assert any("extension mdx_math" in note for note in project.notes)
    assert any("whatever versions requirements.txt asks for" in note for note in project.notes)
