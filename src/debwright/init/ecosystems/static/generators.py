"""Generators of sites that Debian has: how each is recognised, and what it makes of the sources."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from debwright.init.hints import MAX_BYTES
from debwright.init.model import one_line

OUTPUT = "debian/output"
HUGO = ("hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config/_default/hugo.toml",
        "config/_default/config.toml")  # fmt: skip
OLD_HUGO = ("config.toml", "config.yaml", "config.yml")
MKDOCS_THEMES: Mapping[str, tuple[str, ...]] = {
    "mkdocs": (), "readthedocs": (), "material": ("mkdocs-material",),
    "bootstrap": ("mkdocs-bootstrap",),
}  # fmt: skip
MKDOCS_PLUGINS: Mapping[str, str] = {
    "search": "", "autorefs": "mkdocs-autorefs", "redirects": "mkdocs-redirects",
    "mkdocstrings": "mkdocstrings", "literate-nav": "mkdocs-literate-nav",
    "section-index": "mkdocs-section-index",
}  # fmt: skip
MARKDOWN = frozenset({
    "abbr", "admonition", "attr_list", "codehilite", "def_list", "extra", "fenced_code",
    "footnotes", "legacy_attrs", "legacy_em", "md_in_html", "meta", "nl2br", "sane_lists",
    "smarty", "tables", "toc", "wikilinks",
})  # fmt: skip
"""Extensions that Python-Markdown has itself (its documentation, "Extensions")."""
SPHINX_THEMES: Mapping[str, str] = {
    "alabaster": "", "furo": "furo", "sphinx_rtd_theme": "python3-sphinx-rtd-theme",
    "pydata_sphinx_theme": "python3-pydata-sphinx-theme",
    "sphinx_book_theme": "python3-sphinx-book-theme",
}  # fmt: skip
SPHINX_EXTENSIONS: Mapping[str, str] = {
    "myst_parser": "python3-myst-parser", "sphinx_copybutton": "python3-sphinx-copybutton",
    "sphinxcontrib.mermaid": "python3-sphinxcontrib-mermaid",
    "sphinxcontrib.bibtex": "python3-sphinxcontrib.bibtex",
    "sphinxcontrib.httpdomain": "python3-sphinxcontrib.httpdomain",
    "sphinx_rtd_theme": "python3-sphinx-rtd-theme", "numpydoc": "python3-numpydoc",
}  # fmt: skip
JEKYLL: Mapping[str, str] = {
    "minima": "jekyll-theme-minima", "jekyll-feed": "ruby-jekyll-feed",
    "jekyll-seo-tag": "ruby-jekyll-seo-tag", "jekyll-sitemap": "ruby-jekyll-sitemap",
    "jekyll-paginate": "ruby-jekyll-paginate", "jekyll-redirect-from": "ruby-jekyll-redirect-from",
    "jekyll-toc": "ruby-jekyll-toc", "jekyll-gist": "ruby-jekyll-gist",
    "jekyll-mentions": "ruby-jekyll-mentions",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Generator:
    """What makes the site; `commands` write it to OUTPUT."""

    name: str
    file: str
    """Where it is seen."""
    build_depends: tuple[str, ...]
    commands: tuple[str, ...]
    title: str = ""
    missing: tuple[str, ...] = ()
    """Themes and plugins that Debian is not known to have."""


def find(directory: Path) -> Generator | None:
    """The generator that the project has a configuration for."""
    for reader in (_hugo, _mkdocs, _jekyll, _sphinx):
        if (found := reader(directory)) is not None:
            return found
    return None


def recognised(directory: Path) -> bool:
    """Whether there is a configuration of one, by names of files only."""
    names = (*HUGO, "mkdocs.yml", "mkdocs.yaml", "_config.yml")
    if any((directory / name).is_file() for name in names):
        return True
    old = any((directory / name).is_file() for name in OLD_HUGO)
    return (old and (directory / "content").is_dir()) or _sphinx_home(directory) is not None


def _hugo(directory: Path) -> Generator | None:
    old = OLD_HUGO if (directory / "content").is_dir() else ()
    file = next((name for name in (*HUGO, *old) if (directory / name).is_file()), None)
    if file is None:
        return None
    text = _text(directory / file)
    theme = re.search(r"""^\s*["']?theme["']?\s*[=:]\s*\[?\s*["']?([\w./-]+)""", text, re.M)
    title = re.search(r"""^\s*["']?title["']?\s*[=:]\s*["']?([^"'\n]+)""", text, re.M)
    missing = []
    if theme and not (directory / "themes" / theme[1]).is_dir() and not any(
        (directory / "themes").glob("*")
    ):  # fmt: skip
        missing.append(f"theme {theme[1]} (themes/ does not have it: git submodule update --init)")
    if (directory / "go.mod").is_file() and not (directory / "_vendor").is_dir():
        missing.append("modules of Hugo (fetch them into the project: hugo mod vendor)")
    return Generator(
        name="Hugo", file=file, build_depends=("hugo",), title=one_line(title[1]) if title else "",
        commands=(f"hugo --destination $(CURDIR)/{OUTPUT}",), missing=tuple(missing),
    )  # fmt: skip


def _mkdocs(directory: Path) -> Generator | None:
    file = next((n for n in ("mkdocs.yml", "mkdocs.yaml") if (directory / n).is_file()), None)
    if file is None:
        return None
    said = _yaml(directory / file)
    theme = said.get("theme", "mkdocs")
    name = theme.get("name") if isinstance(theme, dict) else theme
    packages, missing = ["mkdocs", *MKDOCS_THEMES.get(str(name), ())], []
    if name is not None and str(name) not in MKDOCS_THEMES:
        missing.append(f"theme {name}")
    more, lacking = _packages(_names(said.get("plugins")), MKDOCS_PLUGINS)
    extensions, unknown = _extensions(_names(said.get("markdown_extensions")))
    return Generator(
        name="MkDocs", file=file,
        build_depends=tuple(dict.fromkeys((*packages, *more, *extensions))),
        title=one_line(said.get("site_name")),
        commands=(f"mkdocs build --config-file {file} --site-dir $(CURDIR)/{OUTPUT}",),
        missing=(*missing, *(f"plugin {one}" for one in lacking),
                 *(f"extension {one}" for one in unknown)),
    )  # fmt: skip


def _extensions(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Debian's packages of extensions of Markdown, and those that none is known for."""
    packages, unknown = list[str](), list[str]()
    for name in names:
        top = name.removeprefix("markdown.extensions.").partition(".")[0]
        if top == "pymdownx":
            packages.append("python3-pymdownx")
        elif top not in MARKDOWN and top != "material":
            unknown.append(name)
    return packages, unknown


def _jekyll(directory: Path) -> Generator | None:
    file = directory / "_config.yml"
    if not file.is_file():
        return None
    said = _yaml(file)
    theme = [str(said["theme"])] if said.get("theme") else []
    packages, missing = _packages([*theme, *_names(said.get("plugins"))], JEKYLL)
    if said.get("remote_theme"):
        missing.append(f"theme {said['remote_theme']} (it is fetched from elsewhere)")
    return Generator(
        name="Jekyll", file=file.name, build_depends=("jekyll", *packages),
        title=one_line(said.get("title")),
        # Bundler would look for the very versions of the Gemfile, in the network.
        commands=(f"JEKYLL_NO_BUNDLER_REQUIRE=1 JEKYLL_ENV=production "
                  f"jekyll build --disable-disk-cache --destination $(CURDIR)/{OUTPUT}",),
        missing=tuple(missing),
    )  # fmt: skip


def _sphinx_home(directory: Path) -> str | None:
    for place in ("", "docs", "doc", "source", "docs/source"):
        if (directory / place / "conf.py").is_file() and any(
            (directory / place / f"index.{end}").is_file() for end in ("rst", "md")
        ):
            return place or "."
    return None


def _sphinx(directory: Path) -> Generator | None:
    home = _sphinx_home(directory)
    if home is None:
        return None
    text = _text(directory / home / "conf.py")
    theme = re.search(r"""^html_theme\s*=\s*["']([\w.-]+)["']""", text, re.M)
    listed = re.search(r"^extensions\s*=\s*\[(.*?)\]", text, re.M | re.S)
    names = re.findall(r"""["']([\w.-]+)["']""", listed[1]) if listed else []
    own = [n for n in names if not n.startswith("sphinx.ext.")]
    packages, missing = _packages([theme[1]] if theme else [], SPHINX_THEMES)
    more, lacking = _packages(own, SPHINX_EXTENSIONS)
    title = re.search(r"""^project\s*=\s*["']([^"'\n]+)""", text, re.M)
    return Generator(
        name="Sphinx", file=f"{home}/conf.py".removeprefix("./"),
        title=one_line(title[1]) if title else "",
        build_depends=("python3-sphinx", *packages, *more),
        commands=(f"python3 -m sphinx -b html {home} $(CURDIR)/{OUTPUT}",
                  f"rm -rf {OUTPUT}/.doctrees {OUTPUT}/.buildinfo"),
        missing=(*(f"theme {one}" for one in missing), *(f"extension {one}" for one in lacking)),
    )  # fmt: skip


def _packages(names: Iterable[str], known: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Debian's packages, and the names that none is known for."""
    wanted = list(names)
    return [p for n in wanted if (p := known.get(n))], [n for n in wanted if n not in known]


def _names(said: object) -> list[str]:
    """A list of names, where one with settings is a table of its own."""
    entries: Sequence[object] = said if isinstance(said, list) else []
    return [next(iter(map(str, e)), "") if isinstance(e, dict) else str(e) for e in entries]


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_BYTES).decode("utf-8", "replace")


class _Lenient(yaml.SafeLoader):  # type: ignore[misc]
    """Reads tags of a program's own, as MkDocs' !!python/name, as nothing: none is carried out."""


_Lenient.add_multi_constructor("", lambda *_: None)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        data = yaml.load(_text(path), Loader=_Lenient)  # noqa: S506 - it makes no objects
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}
