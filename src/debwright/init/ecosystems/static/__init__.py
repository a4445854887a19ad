"""Static sites: pages, or what a generator of Debian's makes pages of, behind nginx or Caddy."""

import re
from pathlib import Path

from debwright.init.ecosystem import NO_ANSWERS, Confidence, Ecosystem
from debwright.init.ecosystems.static import generators
from debwright.init.ecosystems.static.generators import OUTPUT, Generator
from debwright.init.facts import DEFAULT_VERSION, readme_sentence, tagged_version
from debwright.init.licences import find_licence
from debwright.init.model import (
    Answers,
    Override,
    Project,
    Question,
    Rules,
    Written,
    one_line,
    package_name,
    project_name,
)
from debwright.init.naming import directory_name
from debwright.init.site import Site, likely_server, own_port, taken_over
from debwright.model.errors import UsageError
from debwright.source.make import project_files

OUTPUTS = ("public", "_site", "site", "build", "out", "html", "www", "htdocs", "docs", "dist")
LEFT_OUT = (
    "debian", "debwright.toml", "LICEN[CS]E*", "COPYING*", "README*", "Makefile", "Caddyfile",
    "nginx.conf", "nginx", "Dockerfile", "docker-compose.y*ml", "compose.y*ml", "*.sh", ".[!w]*",
    "CNAME", "netlify.toml", "vercel.json", "node_modules",
)  # fmt: skip
"""What of a directory of pages is no page; .well-known is one."""


class Static(Ecosystem):
    """Pages for a web server, or the sources of pages."""

    name = "static"
    title = "static site"
    recognised_by = "index.html, or a configuration of Hugo, MkDocs, Jekyll or Sphinx"

    def confidence(self, directory: Path) -> Confidence:
        if (directory / "index.html").is_file() or generators.recognised(directory):
            # A project of Node has such a page, too, that its build makes something of.
            built = (directory / "package.json").is_file()
            return Confidence.POSSIBLE if built else Confidence.LIKELY
        there = any((directory / d / "index.html").is_file() for d in OUTPUTS)
        return Confidence.POSSIBLE if there else Confidence.NONE

    def read(self, directory: Path, answers: Answers = NO_ANSWERS) -> Project:
        return pages_project(directory, answers)


ECOSYSTEM = Static()


def pages_project(directory: Path, answers: Answers) -> Project:
    """The site in `directory`. Raises UsageError where its pages would not be in the package."""
    generator = generators.find(directory)
    pages = None if generator else _pages(directory)
    name = project_name(directory_name(directory), "the directory")
    package = package_name(name)
    question = Question(
        name="server", text="Which web server gives the site out?",
        default=likely_server(directory),
        choices=("nginx", "caddy"),
    )  # fmt: skip
    server = question.answered(answers)
    home = directory / (pages or ".")
    site, about = taken_over(directory, Site(
        package=package, server=server, port=own_port(package),
        has_404=generator is None and (home / "404.html").is_file(),
    ))  # fmt: skip
    version = tagged_version(directory)
    notes = [about] if about else []
    if version is None:
        notes.append(f"no version was found: debian/changelog begins with {DEFAULT_VERSION}")
    if generator and generator.missing:
        notes.append(
            f"{generator.file} asks for {', '.join(generator.missing)}: the build needs it, and "
            "debwright knows no package of Debian for it"
        )
    if generator and (asked := _asked(directory)):
        notes.append(
            f"{generator.name}, its theme and its plugins are those that Debian has, whatever "
            f"versions {asked} asks for"
        )
    configuration, place = site.configuration
    return Project(
        name=name,
        package=package,
        version=version or DEFAULT_VERSION,
        description=(generator.title if generator else "") or _title(home) or
        readme_sentence(directory),
        licence=find_licence(directory),
        section="web",
        build_depends=generator.build_depends if generator else (),
        depends=site.depends,
        rules=Rules(buildsystem="none", overrides=_overrides(site, generator, pages)),
        clean=(f"{OUTPUT}/",) if generator else (),
        units=(site.unit,),
        install=((configuration, place),),
        files=(*site.files(), *([] if generator else [_left_out()])),
        smoke=site.smoke,
        lintian_overrides=site.lintian_overrides,
        questions=(question,),
        notes=tuple(notes),
    )  # fmt: skip


def _pages(directory: Path) -> str:
    """The directory of the pages. Raises UsageError when they would not get into the package."""
    place = next((d for d in (".", *OUTPUTS) if (directory / d / "index.html").is_file()), ".")
    listed = project_files(directory)
    wanted = "index.html" if place == "." else f"{place}/index.html"
    if wanted not in listed:
        raise UsageError(
            f"{wanted} is none of the project's files",
            cause="git ignores it, or it is in dist/, where debwright writes and which is left out "
            "of the source package unless git tracks it",
            fix=f"git add --force {place}, or put the pages into public/",
        )
    return place


def _overrides(site: Site, generator: Generator | None, pages: str | None) -> tuple[Override, ...]:
    target = f"debian/{site.package}{site.root}"
    copied = (
        f"mkdir -p {target}",
        f"cp -R --preserve=mode,links {OUTPUT}/. {target}" if generator else
        f"tar --create --anchored --exclude-from=debian/left-out --directory={pages} . | "
        f"tar --extract --no-same-owner --directory={target}",
    )  # fmt: skip
    made = (
        [Override(target="override_dh_auto_build", commands=generator.commands)]
        if generator else []
    )  # fmt: skip
    return (*made, Override(target="override_dh_auto_install", commands=copied))


def _left_out() -> Written:
    return Written(path="debian/left-out", text="".join(f"./{name}\n" for name in LEFT_OUT))


def _asked(directory: Path) -> str | None:
    """The file in which the author asks for versions of a generator."""
    names = ("requirements.txt", "docs/requirements.txt", "requirements-docs.txt", "Gemfile.lock",
             "Gemfile")  # fmt: skip
    return next((name for name in names if (directory / name).is_file()), None)


def _title(home: Path) -> str:
    path = home / "index.html"
    if path.is_symlink() or not path.is_file():
        return ""
    match = re.search(
        r"<title[^>]*>([^<]{1,200})</title>", path.read_text("utf-8", "replace")[:65536], re.I
    )
    return one_line(match[1]) if match else ""
