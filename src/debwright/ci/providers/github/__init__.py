"""GitHub Actions: the workflows, and the action that installs debwright.

Sources: docs.github.com, "Workflow syntax for GitHub Actions" and "Workflow commands for GitHub
Actions".
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from debwright.ci.context import Context
from debwright.ci.needs import Need
from debwright.ci.provider import File, Provider
from debwright.ci.providers.github.act import Act
from debwright.ci.providers.github.actions import use
from debwright.ci.templates import Templates
from debwright.config import LoadedConfig
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import UsageError, printable
from debwright.model.fix import Command

FILES = (
    "workflows/build-packages.yml",
    "workflows/pr-validation.yml",
    "workflows/release.yml",
    "zizmor.yml",
    "actions/debwright/action.yml",
    "actions/debwright/setup.sh",
    "actions/debwright/as-root.sh",
)
"""Below .github; each has its template."""
PUBLISHING = "workflows/publish.yml"
"""For a repository that a job can bring to its place."""
METRICS = "workflows/metrics.yml"
"""Where workflows.metrics asks for it."""
MEASURING = (
    ("Records of earlier runs", "metrics sync"),
    ("Runs that left none", "metrics ingest --github"),
    ("News of what is wrong, and of what is not any more", "metrics notify"),
    ("Bring what was new", "metrics sync"),
    ("The state of all targets as one page", "dashboard"),
)
RENEWING = "workflows/renew.yml"
"""For a repository whose signatures end, and that a job can bring to its place."""

AROUND_MINUTES = 30
"""For what a job does before and after it builds: installing, roots, handing over."""
JOB_DAYS = 30
"""For a job's own artifact: GitHub lets jobs be run again, and reviewers wait, for so long."""
LONGEST_MINUTES = 360
"""GitHub ends jobs then, whatever they say."""
WEEKLY_DAYS = 21
"""A run a week renews in time where a third of the days, and another week, are left."""
OWN_VARIABLES = ("TAG", "GITHUB_TOKEN")
"""What the steps of a release have in their environment without any configuration."""


class GitHub(Provider):
    """Workflows in .github, which act runs on this machine."""

    name = "github"
    title = "GitHub"
    local = Act()

    def files(self, context: Context) -> Iterator[File]:
        templates, values = _templates(), _values(context)
        further = [PUBLISHING] if context.stored else []
        further += [METRICS] if context.settings.metrics else []
        for name in (*FILES, *further, *([RENEWING] if context.renewed else [])):
            text = templates.render(name, **values)
            yield File(path=f".github/{name}", text=text, executable=name.endswith(".sh"))

    def linters(self, files: Sequence[Path]) -> Iterator[Sequence[str | Path]]:
        workflows = [f for f in files if f.parent.name == "workflows"]
        yield ["actionlint", *workflows]
        yield ["zizmor", "--offline", "--no-progress", ".github"]
        schema = ("check-jsonschema", "--builtin-schema")
        yield [*schema, "vendor.github-workflows", *workflows]
        yield [*schema, "vendor.github-actions", *(f for f in files if f.name == "action.yml")]
        yield ["shellcheck", *(f for f in files if f.suffix == ".sh")]

    def needs(self, context: Context, loaded: LoadedConfig) -> Iterator[Need]:
        from debwright.ci.providers.github.needs import needs_of
        from debwright.github.place import github_repository

        return needs_of(context, github_repository(loaded))

    def look_at(self, needs: Sequence[Need], loaded: LoadedConfig) -> Sequence[Need]:
        from debwright.ci.providers.github.needs import looked_at
        from debwright.github.http import Http
        from debwright.github.place import required_repository

        repository = required_repository(loaded, what="has the settings")
        with Http.from_environment(needs="administration: read") as http:
            return list(looked_at(needs, http, repository))

    def to_fetch(self, artifact: str, environ: Mapping[str, str]) -> str | None:
        run, place = environ.get("GITHUB_RUN_ID"), environ.get("GITHUB_REPOSITORY")
        if not run or not place:
            return None
        return Command(
            "gh", "run", "download", run, "--repo", place, "--name", artifact, "--dir", "preview"
        )

    def is_running(self, environ: Mapping[str, str]) -> bool:
        return bool(environ.get("GITHUB_OUTPUT") or environ.get("GITHUB_STEP_SUMMARY"))

    def write_outputs(self, values: Mapping[str, str], environ: Mapping[str, str]) -> None:
        text = "".join(f"{name}={value}\n" for name, value in values.items())
        _append(environ.get("GITHUB_OUTPUT"), text)

    def append_summary(self, text: str, environ: Mapping[str, str]) -> None:
        _append(environ.get("GITHUB_STEP_SUMMARY"), printable(text))


PROVIDER = GitHub()


@cache
def _templates() -> Templates:
    return Templates(__name__, use=use)


def _values(context: Context) -> dict[str, Any]:
    """What the templates write, by the names that they have for it."""
    settings = context.settings
    build_minutes = min(settings.build_minutes, LONGEST_MINUTES - AROUND_MINUTES)
    return {
        **{name: getattr(settings, name) for name in type(settings).model_fields},
        "release_minutes": settings.build_minutes,
        "build_minutes": build_minutes,
        "job_days": min(settings.retention_days, JOB_DAYS),
        "job_minutes": build_minutes + AROUND_MINUTES,
        "install": context.install,
        "architectures": [name for name, arch in ARCHITECTURES.items() if arch.runner],
        "source": context.source,
        "dist": context.dist,
        "at_top": context.at_top,
        "in_project": context.in_project,
        "valid_days": context.product.repository.valid_days,
        "renew_cron": _renew_cron(context.product.repository.valid_days),
        "tag_prefix": context.product.package.tag_prefix,
        "secrets": _secrets(context),
        "companions": [_step_name(c.source) for c in context.product.companions],
        "in_public": _in_public,
        "temp": "RUNNER_TEMP",
        "workspace": "GITHUB_WORKSPACE",
        "paths": "GITHUB_PATH",
        "publishing": _publishing(context),
        "measuring": MEASURING,
        "ref": "",
        "cached": "",
        "keep": "",
    }


def _publishing(context: Context) -> list[tuple[str, str, str]]:
    """The steps of a publication: name, condition, and what stands after `debwright repo`."""
    found = [
        ("What is published", "", "pull --may-be-empty"),
        ("The packages of the release", "!inputs.rollback", 'add-release "$TAG"'),
        ("What a publication before had", "inputs.rollback", 'rollback "$PUBLICATION"'),
    ]
    if context.product.repository.url is not None:
        found.append(("Verify what is served as the apt of a user would", "", "served"))
    return found


def _in_public(setting: bool | str) -> str:
    """The condition of a step that private repositories do not have, where `setting` is auto.

    Every event that these workflows begin with has `repository.private`, which is true for internal
    repositories, too (docs.github.com, "Webhook events and payloads").
    """
    return " && !github.event.repository.private" if setting == "auto" else ""


def _renew_cron(days: int) -> str:
    """Once a week where that leaves time for a run that fails, else every day."""
    return "23 4 * * 1" if days >= WEEKLY_DAYS else "23 4 * * *"


def _step_name(source: str) -> str:
    """A directory's name that is no expression: GitHub evaluates those in a step's name, too."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(source).name)


def _secrets(context: Context) -> list[str]:
    for name in context.secrets:
        if name in OWN_VARIABLES:
            raise UsageError(
                f"debwright.toml says that {name} holds a secret",
                cause="the steps of a release have a variable of that name already",
                fix="name the secret otherwise",
            )
    return context.secrets


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
