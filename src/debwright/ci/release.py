"""release.yml: from a tag to a draft release with signed, attested packages."""

import re
from pathlib import Path

from debwright.ci import actions, packages
from debwright.ci.model import Job, Step, Workflow
from debwright.ci.parts import SHORT_MINUTES, Context, begin
from debwright.config.section import secret_variables

FILE = "release.yml"
_TAG = "${{ inputs.tag || github.ref_name }}"
_REF = "${{ inputs.tag && format('refs/tags/{0}', inputs.tag) || '' }}"
"""Empty for a tag that was pushed: then the event's commit is taken, wherever the tag is by now."""


def workflow(context: Context) -> Workflow:
    """For version tags, and by hand for a tag that is there."""
    prefix = context.product.package.tag_prefix
    number = "[0-9]+.[0-9]+.[0-9]+"
    return Workflow(
        file=FILE,
        name="Release",
        comment=context.header,
        on={
            "push": {"tags": [f"{prefix}{number}", f"{prefix}{number}-rc[0-9]+"]},
            "workflow_dispatch": {
                "inputs": {
                    "tag": {
                        "description": f"The tag to release, as {prefix}1.2.3",
                        "type": "string",
                        "required": True,
                    }
                }
            },
        },
        group=f"release-{_TAG}",
        jobs={
            "preflight": _preflight(context),
            "build": _build(),
            **({"attest": _attest(context)} if context.settings.attestations else {}),
            "draft": _draft(context),
        },
    )


def _secrets(context: Context) -> dict[str, str]:
    """What the configuration names, given to the one step that needs it."""
    names = secret_variables(context.product, fixed=False)
    return {name: f"${{{{ secrets.{name} }}}}" for name in names}


def _release_step(context: Context, name: str, options: str) -> Step:
    return Step(
        name=name,
        env={"TAG": _TAG, "GITHUB_TOKEN": "${{ github.token }}", **_secrets(context)},
        run=context.product_command(f'release --tag "$TAG" {options}'),
    )


def _preflight(context: Context) -> Job:
    return Job(
        name="Preflight",
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        environment=context.settings.environment,
        # To see that the release can be written, without writing it.
        permissions={"contents": "write"},
        steps=[
            *begin(_REF),
            _release_step(context, "Key, tag, changelog and token", "--preflight"),
        ],
    )


def _build() -> Job:
    return Job(
        name="Build",
        needs=["preflight"],
        calls=f"./.github/workflows/{packages.FILE}",
        # The most that any of its jobs may ask for; a job here has what it names.
        permissions={"contents": "read", "security-events": "write", "actions": "write"},
        inputs={"architecture": "all", "force": True, "ref": _REF},
    )


def _attest(context: Context) -> Job:
    return Job(
        name="Attest ${{ matrix.target }}",
        needs=["build"],
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        permissions={"contents": "read", "id-token": "write", "attestations": "write"},
        matrix="${{ fromJSON(needs.build.outputs.matrix) }}",
        steps=[
            Step(
                name="Packages of the target",
                uses=actions.DOWNLOAD,
                inputs={"name": "packages-${{ matrix.target }}", "path": context.results},
            ),
            *_attested(context, "*/${{ matrix.target }}/*.deb", "${{ matrix.sbom }}"),
            *_attested_companions(context),
        ],
    )


def _attested(
    context: Context, debs: str, sbom: str, *, of: str = "", condition: str | None = None
) -> list[Step]:
    subject = f"{context.results}/{debs}"
    return [
        Step(
            name=f"Where they were built, and from what{of}",
            condition=condition,
            uses=actions.ATTEST,
            inputs={"subject-path": subject},
        ),
        Step(
            name=f"What is in them{of}",
            condition=condition,
            uses=actions.ATTEST,
            inputs={"subject-path": subject, "sbom-path": f"{context.results}/{sbom}"},
        ),
    ]


def _attested_companions(context: Context) -> list[Step]:
    """Of what is built with the product; all jobs have the same, so the first one does it."""
    steps: list[Step] = []
    for number, companion in enumerate(context.product.companions):
        name = f"matrix.companions[{number}]"
        steps += _attested(
            context, f"${{{{ {name}.debs }}}}", f"${{{{ {name}.sbom }}}}",
            of=f": {_plain(companion.source)}", condition=f"${{{{ {name}.sbom }}}}",
        )  # fmt: skip
    return steps


def _plain(source: str) -> str:
    """A directory's name that is no expression: GitHub evaluates those in a step's name, too."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(source).name)


def _draft(context: Context) -> Job:
    return Job(
        name="Draft",
        needs=["build", *(["attest"] if context.settings.attestations else [])],
        runner=context.settings.runner,
        minutes=context.settings.build_minutes,
        environment=context.settings.environment,
        permissions={"contents": "write"},
        steps=[
            *begin(_REF),
            Step(
                name="The packages that were built and checked",
                uses=actions.DOWNLOAD,
                inputs={"name": packages.COLLECTED, "path": context.dist},
            ),
            _release_step(context, "Sign, and make the draft", "--collected"),
        ],
    )
