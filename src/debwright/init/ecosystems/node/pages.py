"""Projects of Node that only make pages: what is built is a static site."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from debwright.init.ecosystems.node.building import Made, building
from debwright.init.ecosystems.node.hints import FRAMEWORKS
from debwright.init.ecosystems.node.package import names_of
from debwright.init.ecosystems.node.start import Start, scripts_of
from debwright.init.model import Answers, Override, Project, Question, Rules
from debwright.init.site import Site, likely_server, own_port, taken_over

BUILDERS = (
    "vite build", "react-scripts build", "parcel build", "astro build", "eleventy", "gatsby build",
    "docusaurus build", "vitepress build", "vuepress build", "ng build", "vue-cli-service build",
    "hexo generate", "snowpack build", "nuxt generate", "nuxi generate", "webpack",
)  # fmt: skip
"""Commands that make pages of sources."""
ONE_PAGE = ("react", "vue", "svelte", "@angular/core", "preact", "solid-js", "lit")
MANY_PAGES = ("astro", "@11ty/eleventy", "gatsby", "@docusaurus/core", "vitepress", "hexo",
              "next", "nuxt")  # fmt: skip
PLACES = ("dist/*/browser", ".output/public", "dist", "build", "out", "_site",
          "docs/.vitepress/dist", ".vitepress/dist", "public")  # fmt: skip
"""Where they write to, of which the first with an index.html is taken."""


def makes_pages(directory: Path, package: Mapping[str, Any], start: Start | None) -> bool:
    """Whether the build makes pages, and nothing of the project serves them."""
    build = scripts_of(package).get("build", "")
    if "next build" in build and _exports(directory):
        return True
    if not any(command in build for command in BUILDERS):
        return False
    if set(names_of(package, "dependencies")) & FRAMEWORKS.keys():
        return False
    return start is None or start.shows_a_site or start.guessed


def _exports(directory: Path) -> bool:
    """Whether Next is configured to write pages, which no server of its own gives out."""
    for end in ("js", "mjs", "cjs", "ts"):
        path = directory / f"next.config.{end}"
        if path.is_file() and not path.is_symlink():
            text = path.read_text("utf-8", "replace")[:65536]
            return bool(re.search(r"""\boutput\s*:\s*["'`]export["'`]""", text))
    return False


def as_site(
    project: Project, directory: Path, made: Made, package: Mapping[str, Any], answers: Answers
) -> Project:
    """The project with what its build makes behind a web server."""
    question = Question(
        name="server", text="Which web server gives the site out?",
        default=likely_server(directory), choices=("nginx", "caddy"),
    )  # fmt: skip
    names = names_of(package, "dependencies", "devDependencies")
    site, about = taken_over(directory, Site(
        package=project.package, server=question.answered(answers), port=own_port(project.package),
        one_page=any(n in names for n in ONE_PAGE) and not any(n in names for n in MANY_PAGES),
    ))  # fmt: skip
    target = f"debian/{project.package}{site.root}"
    copied = (
        f"mkdir -p {target}",
        f"for d in {' '.join(PLACES)}; do if [ -f $$d/index.html ]; then "
        f"cp -R --preserve=mode,links $$d/. {target}; exit 0; fi; done; "
        "echo 'the build has made no index.html' >&2; exit 1",
    )
    return replace(
        project,
        section="web",
        depends=site.depends,
        rules=Rules(
            buildsystem="none",
            exports=project.rules.exports,
            overrides=(
                *building(made),
                Override(target="override_dh_auto_test"),
                Override(target="override_dh_auto_install", commands=copied),
            ),
        ),
        units=(site.unit,),
        install=(site.configuration,),
        files=(*site.files(), *made.runners),
        smoke=site.smoke,
        lintian_overrides=site.lintian_overrides,
        questions=(*project.questions, question),
        notes=(*project.notes, *([about] if about else [])),
    )
