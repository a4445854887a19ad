"""Documents that are always about the newest release: install instructions, tables, downloads.

They are made from templates (Jinja) of what GitHub has, not of what this machine has: so they can
be made anywhere, and a release that was published by a button is in them as well.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debwright.config import LoadedConfig
from debwright.github.client import Github
from debwright.github.model import Asset, Release
from debwright.host.files import atomic_write, human_size
from debwright.model.errors import ConfigError, DebwrightError, Evidence
from debwright.model.fix import Command
from debwright.pipeline.stages.publish import settings_of
from debwright.source.order import compare
from debwright.source.version import release_version

SHOWN = 10
"""Releases of the version table."""
_SIGNATURES = (".asc", ".sig")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document and what has become of it."""

    path: Path
    changed: bool


def newest(releases: Iterable[Release], prefix: str) -> list[tuple[str, Release]]:
    """Published releases with their versions, the highest version first; no pre-releases.

    By version, as a fix of an old series may be published after the newest.
    """
    from functools import cmp_to_key

    found = [
        (version.replace("~", "-"), release)
        for release in releases
        if not release.draft and not release.prerelease
        and (version := release_version(release.tag_name, prefix)) is not None
    ]  # fmt: skip
    key = cmp_to_key(compare)
    return sorted(found, key=lambda pair: key(pair[0]), reverse=True)


def write_documents(
    loaded: LoadedConfig, package: str, name: str, releases: Sequence[tuple[str, Release]],
    assets: Sequence[Asset],
) -> list[Document]:  # fmt: skip
    """Render [[release.documents]]; `assets` are those of the first of `releases`.

    `name` is the repository's, as in NAME-SUITE.sources. Raises DebwrightError for a template that
    is not there or wrong. A document that is as it should be is not written.
    """
    made = []
    for document in loaded.config.release.documents:
        template = loaded.inside(document.template, "release.documents.template")
        output = loaded.inside(document.output, "release.documents.output")
        _refuse_git(output)
        text = render(template, context(loaded, package, name, releases, assets))
        changed = not output.is_file() or output.read_text(encoding="utf-8") != text
        if changed:
            output.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(output, text)
        made.append(Document(path=output, changed=changed))
    return made


def _refuse_git(output: Path) -> None:
    """git's own files are in the project as well, and name programs."""
    if ".git" in output.parts:
        raise ConfigError(
            f"release.documents.output names {output}, which is git's",
            fix="name a file of the project",
        )


def context(
    loaded: LoadedConfig, package: str, name: str, releases: Sequence[tuple[str, Release]],
    assets: Sequence[Asset],
) -> dict[str, Any]:  # fmt: skip
    """What a template may use; docs/release.md says so."""
    from debwright.model.targets import Target
    from debwright.repository.channels import channel_suite

    config = loaded.config
    suffix = config.repository.codename_suffix
    suites = dict.fromkeys(Target.parse(t).suite for t in config.targets.build)
    return {
        "package": package,
        "targets": list(config.targets.build),
        "suites": [channel_suite(s, "stable", suffix) for s in suites],
        "repository": {"url": config.repository.url, "name": name},
        "fingerprint": config.signing.key,
        "release": _release(*releases[0], assets) if releases else None,
        "versions": [
            {"version": v, "tag": r.tag_name, "date": _day(r), "url": r.html_url}
            for v, r in releases[:SHOWN]
        ],
    }


def _release(version: str, release: Release, assets: Sequence[Asset]) -> dict[str, Any]:
    return {
        "version": version, "tag": release.tag_name, "date": _day(release),
        "url": release.html_url,
        "files": [
            {
                "name": a.name, "size": human_size(a.size), "url": a.browser_download_url or "",
                "sha256": (a.digest or "").removeprefix("sha256:"),
            }
            for a in sorted(assets, key=lambda a: a.name)
            if not a.name.endswith(_SIGNATURES)
        ],
    }  # fmt: skip


def _day(release: Release) -> str:
    return (release.published_at or "")[:10]


def render(template: Path, values: dict[str, Any]) -> str:
    """The template filled in. Values come from GitHub: in HTML they are escaped."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    html = re.search(r"\.html?(\.|$)", template.name) is not None
    environment = SandboxedEnvironment(
        autoescape=html, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    try:
        return environment.from_string(template.read_text(encoding="utf-8")).render(values)
    except OSError as error:
        raise DebwrightError(
            f"the template {template} cannot be read: {error.strerror}",
            cause="[[release.documents]] names it",
            fix=Command("ls", "-l", template),
        ) from error
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        raise DebwrightError(
            f"the template {template.name} is wrong",
            evidence=[Evidence(text=str(error), file=str(template), line=line)],
            cause="a name that is not there, or a mistake in its Jinja",
            fix="docs/release.md says what a template may use",
        ) from error


def bring_up_to_date(loaded: LoadedConfig, package: str, github: Github) -> list[Document]:
    """Make the documents about the newest release that GitHub has."""
    releases = newest(github.releases(), loaded.config.package.tag_prefix)
    assets = github.assets(releases[0][1]) if releases else []
    name = settings_of(loaded.config, package).name
    return write_documents(loaded, package, name, releases, assets)
