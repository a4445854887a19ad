"""build-packages.yml: every target in a job of its own, and one report of all."""

from debwright.ci import actions
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

FILE = "build-packages.yml"
NAME = "Build packages"
COLLECTED = "packages"
_FORCE = "inputs.force"


def workflow(context: Context) -> Workflow:
    """On the main branch, by hand, and called by the release."""
    main = context.settings.main
    # Empty where nobody asks for one: the action then takes the commit of the run's event. A branch
    # named here would be its newest commit, at another time in every job.
    ref = "${{ inputs.ref }}"
    return Workflow(
        file=FILE,
        name=NAME,
        comment=context.header,
        on=_triggers(main),
        # Of those that wait GitHub keeps the newest only: a push must not end what a person asked
        # for.
        group="build-packages-${{ github.event_name }}-${{ inputs.ref || github.ref }}-"
        "${{ inputs.architecture || 'all' }}",
        jobs={
            "plan": _plan(context, ref),
            "build": _build(context, ref),
            "report": _report(context, ref),
            "prune": _prune(context),
        },
    )


def _triggers(main: str) -> dict[str, object]:
    architecture = {"description": "Architectures to build for", "default": "all"}
    force = {
        "description": "Make everything anew, roots too",
        "type": "boolean",
        "default": False,
    }
    return {
        "push": {"branches": [main]},
        "workflow_dispatch": {
            "inputs": {
                "architecture": {
                    **architecture,
                    "type": "choice",
                    "options": ["all", "amd64", "arm64"],
                },
                "force": force,
            }
        },
        "workflow_call": {
            "inputs": {
                "architecture": {**architecture, "type": "string"},
                "force": force,
                "ref": {"description": "What to build", "type": "string", "default": ""},
            },
            "outputs": {
                "matrix": {
                    "description": "The targets that were built",
                    "value": "${{ jobs.plan.outputs.matrix }}",
                }
            },
        },
    }


def _plan(context: Context, ref: str) -> Job:
    return Job(
        name="Plan",
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        permissions=READ,
        outputs={"matrix": "${{ steps.matrix.outputs.matrix }}"},
        steps=[
            *begin(ref),
            Step(
                name="Targets, and how each is built",
                id="matrix",
                env={"ARCHITECTURE": "${{ inputs.architecture || 'all' }}"},
                run=context.command('workflows matrix --arch "$ARCHITECTURE"'),
            ),
        ],
    )


def _build(context: Context, ref: str) -> Job:
    # A release is made of roots that no earlier run could have touched.
    cached = f"!{_FORCE}"
    keep = f"!{_FORCE} && github.ref == 'refs/heads/{context.settings.main}'"
    return Job(
        name="${{ matrix.target }}",
        needs=["plan"],
        runner="${{ matrix.runner }}",
        minutes=job_minutes(context),
        permissions=READ,
        matrix="${{ fromJSON(needs.plan.outputs.matrix) }}",
        env=target_environment(),
        steps=build_steps(context, ref=ref, cached=cached, keep=keep),
    )


def _report(context: Context, ref: str) -> Job:
    settings = context.settings
    permissions = dict(READ)
    if settings.code_scanning:
        # The action looks at its own run, which in a private repository is not for everybody.
        permissions |= {"actions": "read", "security-events": "write"}
    return Job(
        name="Report",
        needs=["plan", "build"],
        condition="${{ !cancelled() && needs.plan.result == 'success' }}",
        runner=settings.runner,
        minutes=SHORT_MINUTES,
        permissions=permissions,
        steps=[
            *begin(ref),
            _fetch(context),
            Step(
                name="One result of all targets",
                env={"ARCHITECTURE": "${{ inputs.architecture || 'all' }}"},
                run=context.product_command(
                    'collect --arch "$ARCHITECTURE" "$RUNNER_TEMP/results"'
                ),
            ),
            *_hand_over(context),
        ],
    )


def _fetch(context: Context) -> Step:
    return Step(
        name="Results of the targets",
        uses=actions.DOWNLOAD,
        inputs={"pattern": f"{COLLECTED}-*", "path": context.results},
    )


def _hand_over(context: Context) -> list[Step]:
    settings = context.settings
    steps = [
        Step(
            name="Hand over packages, checksums and reports",
            condition="${{ !cancelled() }}",
            uses=actions.UPLOAD,
            inputs={
                "name": COLLECTED,
                "path": context.dist,
                "if-no-files-found": "error",
                "retention-days": settings.retention_days,
                "overwrite": True,
            },
        )
    ]
    if settings.code_scanning:
        steps.append(
            Step(
                name="Show findings in code scanning",
                # A release by hand has the branch's name, and may be of a commit long ago.
                condition="${{ !cancelled() && !inputs.ref && "
                f"github.ref == 'refs/heads/{settings.main}' }}}}",
                uses=actions.UPLOAD_SARIF,
                inputs={"sarif_file": f"{context.dist}/report.sarif", "category": "debwright"},
            )
        )
    return steps


def _prune(context: Context) -> Job:
    on_main = f"github.ref == 'refs/heads/{context.settings.main}'"
    return Job(
        name="Prune",
        needs=["report"],
        # Not for a release, nor by hand: that may be a run on somebody's own machine.
        condition=f"${{{{ !cancelled() && github.event_name == 'push' && {on_main} }}}}",
        runner=context.settings.runner,
        minutes=SHORT_MINUTES,
        permissions={**READ, "actions": "write"},
        steps=[
            *begin(),
            Step(
                name="Remove artifacts that newer ones have taken the place of",
                env={"GITHUB_TOKEN": "${{ github.token }}"},
                run=context.command("workflows prune"),
            ),
        ],
    )
