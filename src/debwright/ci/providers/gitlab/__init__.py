"""GitLab CI: a pipeline that builds and checks every target, on gitlab.com, Salsa or one's own.

Sources: docs.gitlab.com, "CI/CD YAML syntax reference" and "Predefined CI/CD variables reference".
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from debwright.ci.context import Context
from debwright.ci.provider import File, Provider
from debwright.ci.templates import Templates
from debwright.ci.workflows import Workflows
from debwright.model.arch import ARCHITECTURES
from debwright.model.errors import UsageError
from debwright.model.targets import Target, select

PIPELINE = ".gitlab-ci.yml"
SETUP = ".gitlab/debwright/setup.sh"
AS_ROOT = ".gitlab/debwright/as-root.sh"
OWN_JOBS = (
    "after_script", "before_script", "cache", "change", "default", "image", "include", "pages",
    "report", "services", "spec", "stages", "variables", "workflow",
)  # fmt: skip
"""Names at the top of a pipeline that are keywords, or jobs of every one."""


class GitLab(Provider):
    """A pipeline in .gitlab-ci.yml."""

    name = "gitlab"
    title = "GitLab"

    def files(self, context: Context) -> Iterator[File]:
        values = _values(context)
        yield File(path=PIPELINE, text=_own().render("gitlab-ci.yml", **values))
        # What installs debwright is the same everywhere; only its variables have other names.
        shared = {**values, **INSTALLING}
        for path, name in ((SETUP, "setup.sh"), (AS_ROOT, "as-root.sh")):
            text = _shared().render(f"actions/debwright/{name}", **shared)
            yield File(path=path, text=text, executable=True)

    def linters(self, files: Sequence[Path]) -> Iterator[Sequence[str | Path]]:
        pipelines = [f for f in files if f.name == PIPELINE]
        yield ["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", *pipelines]
        yield ["shellcheck", *(f for f in files if f.suffix == ".sh")]


PROVIDER = GitLab()
INSTALLING = {"temp": "DEBWRIGHT_TEMP", "workspace": "CI_PROJECT_DIR", "paths": "DEBWRIGHT_PATH"}
"""Variables: a directory next to the project, the project, and a file with what goes onto PATH."""


@cache
def _own() -> Templates:
    return Templates(__name__)


@cache
def _shared() -> Templates:
    return Templates("debwright.ci.providers.github")


def _values(context: Context) -> dict[str, Any]:
    settings = context.settings
    targets = [Target.parse(name) for name in context.product.targets.build]
    light = select(targets, settings.light) if settings.light else targets[:1]
    for job in settings.jobs:
        if job.name in OWN_JOBS:
            raise UsageError(
                f"workflows.jobs has a job {job.name}, which is a word of GitLab's",
                fix="name it otherwise",
            )
    return {
        **{name: getattr(settings, name) for name in Workflows.model_fields},
        # The default is a label of GitHub's.
        "tag": None if settings.runner == ARCHITECTURES["amd64"].runner else settings.runner,
        "targets": [str(t) for t in targets],
        "light_targets": [str(t) for t in light],
        "install": context.install,
        "source": context.source,
        "dist": context.dist,
        "at_top": context.at_top,
        "in_project": context.in_project,
    }
