"""pr-validation.yml: what a change is looked at for, in minutes."""

from collections.abc import Iterator

from debwright.ci.model import Job, Step, Workflow
from debwright.ci.parts import (
    READ,
    SHORT_MINUTES,
    Context,
    begin,
    build_steps,
    job_minutes,
    target_environment,
)
from debwright.config.workflows import Validation

FILE = "pr-validation.yml"
_CHANGE = "github.event_name != 'push'"
"""On the main branch build-packages.yml builds everything anyway."""


def workflow(context: Context) -> Workflow:
    """For pull requests and, in full, on the main branch."""
    main = context.settings.main
    return Workflow(
        file=FILE,
        name="Validate",
        comment=context.header,
        on={"pull_request": None, "push": {"branches": [main]}, "workflow_dispatch": None},
        # On the main branch every commit is looked at: of those that wait in one group, GitHub
        # keeps the newest only.
        group="pr-validation-${{ github.event.pull_request.number || "
        f"(github.ref == 'refs/heads/{main}' && github.sha) || github.ref }}}}",
        cancel=f"${{{{ github.ref != 'refs/heads/{main}' }}}}",
        jobs={
            "plan": _plan(context),
            "workflows": _workflows(context),
            **dict(_jobs(context)),
            "packages": _packages(context),
        },
    )


def _plan(context: Context) -> Job:
    return Job(
        name="Plan",
        condition=f"${{{{ {_CHANGE} }}}}",
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        permissions=READ,
        outputs={"matrix": "${{ steps.matrix.outputs.matrix }}"},
        steps=[
            *begin(),
            Step(
                name="Targets that the change touches",
                id="matrix",
                env={"BASE": "${{ github.event.pull_request.base.sha }}"},
                run=context.command('workflows matrix --light --since "$BASE"'),
            ),
        ],
    )


def _workflows(context: Context) -> Job:
    return Job(
        name="Workflows",
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        permissions=READ,
        steps=[
            *begin(),
            Step(
                name="They are as the configuration says",
                run=context.command("workflows check"),
            ),
        ],
    )


def _jobs(context: Context) -> Iterator[tuple[str, Job]]:
    for validation in context.settings.jobs:
        yield validation.name, _job(context, validation)


def _job(context: Context, validation: Validation) -> Job:
    main = context.settings.main
    return Job(
        name=validation.name.replace("-", " ").capitalize(),
        runner=context.settings.runner,
        minutes=validation.minutes,
        permissions=READ,
        steps=[
            *begin(),
            Step(
                name="Validate",
                env={"SCOPE": f"${{{{ github.ref == 'refs/heads/{main}' && 'full' || 'light' }}}}"},
                run=context.command(f'validate --scope "$SCOPE" {validation.name}'),
            ),
        ],
    )


def _packages(context: Context) -> Job:
    return Job(
        name="${{ matrix.target }}",
        needs=["plan"],
        condition=f"${{{{ {_CHANGE} && needs.plan.outputs.matrix != '[]' }}}}",
        runner="${{ matrix.runner }}",
        minutes=job_minutes(context),
        permissions=READ,
        matrix="${{ fromJSON(needs.plan.outputs.matrix) }}",
        env=target_environment(),
        # Roots of a change are for no other run: it may have been written by anybody.
        steps=build_steps(context),
    )
