"""What several workflows have in common: their first steps, and the build of one target."""

from dataclasses import dataclass

from debwright.ci import actions
from debwright.ci.model import Step
from debwright.config import Config
from debwright.config.workflows import Workflows

SETUP = "./.github/actions/debwright"
"""The action that installs debwright, which `debwright workflows sync` writes as well."""

READ = {"contents": "read"}
SHORT_MINUTES = 20
"""For jobs that decide, collect or send, and build nothing."""

AROUND_MINUTES = 30
"""For what a job does before and after it builds: installing, roots, handing over."""
LONGEST_MINUTES = 360
"""GitHub ends jobs then, whatever they say."""

HEADER = "Written by `debwright workflows sync` from {source}. Change that, not this."


@dataclass(frozen=True, kw_only=True)
class Context:
    """What the workflows are written for."""

    settings: Workflows
    product: Config
    """The configuration whose packages are built."""
    top: str
    """Where the configuration of the workflows is, from the top of the repository."""
    project: str
    """The product's directory, from the top of the repository."""

    @property
    def source(self) -> str:
        return "debwright.toml" if self.top == "." else f"{self.top}/debwright.toml"

    @property
    def header(self) -> str:
        return HEADER.format(source=self.source)

    def command(self, text: str) -> str:
        """A debwright command that is about the workflows or what they validate."""
        return _command(self.top, text)

    def product_command(self, text: str) -> str:
        """A debwright command that is about the packages."""
        return _command(self.project, text)

    @property
    def dist(self) -> str:
        return "dist" if self.project == "." else f"{self.project}/dist"

    @property
    def results(self) -> str:
        """Where other jobs' results are put: in the work tree they would be a change of it."""
        return "${{ runner.temp }}/results"


def _command(directory: str, text: str) -> str:
    return f"debwright {text}" if directory == "." else f"debwright -C {directory} {text}"


def checkout(ref: str | None = None) -> Step:
    """All of the history, since versions and changes are read from it; the token is not kept."""
    inputs: dict[str, object] = {"fetch-depth": 0, "persist-credentials": False}
    if ref is not None:
        inputs = {"ref": ref, **inputs}
    return Step(name="Check out", uses=actions.CHECKOUT, inputs=inputs)


def begin(ref: str | None = None) -> list[Step]:
    return [checkout(ref), Step(name="Install debwright", uses=SETUP)]


def build_steps(
    context: Context, *, ref: str | None = None, cached: str | None = None, keep: str | None = None
) -> list[Step]:
    """Build and check the matrix's target, and hand over what came of it, failed or not.

    `cached` is an expression: whether roots of earlier runs are used; they are without one. `keep`
    is one, too: whether those of this run are kept, which a run that others may have written code
    for must not do; without it none are.
    """
    return [
        *begin(ref),
        Step(
            name="What the machine lacks, and whether there is room",
            run=context.product_command("doctor --install"),
        ),
        *_cached_roots(context, cached),
        Step(
            name="Build and check",
            # Not the job's: GitHub then runs no further step, and the log would be lost.
            minutes=_build_minutes(context),
            run=context.product_command('check -t "$TARGET" --strategy "$STRATEGY"'),
        ),
        *(_kept_roots(context, keep) if keep else ()),
        Step(
            name="Hand over packages and results",
            condition="${{ !cancelled() }}",
            uses=actions.UPLOAD,
            inputs={
                "name": "packages-${{ matrix.target }}",
                "path": context.dist,
                "if-no-files-found": "error",
                "retention-days": context.settings.retention_days,
                "overwrite": True,
            },
        ),
    ]


def job_minutes(context: Context) -> int:
    """The limit of a job of `build_steps`."""
    return _build_minutes(context) + AROUND_MINUTES


def _build_minutes(context: Context) -> int:
    return min(context.settings.build_minutes, LONGEST_MINUTES - AROUND_MINUTES)


def _cached_roots(context: Context, cached: str | None) -> list[Step]:
    condition = f"${{{{ {cached} }}}}" if cached else None
    return [
        Step(
            name="Which roots would do",
            id="wanted",
            condition=condition,
            run=context.product_command('cache key -t "$TARGET" --strategy "$STRATEGY"'),
        ),
        Step(
            name="Roots of an earlier run",
            id="roots",
            condition=condition,
            uses=actions.RESTORE,
            inputs={
                "path": "${{ steps.wanted.outputs.path }}",
                "key": "${{ steps.wanted.outputs.key }}",
                "restore-keys": "${{ steps.wanted.outputs.prefix }}",
            },
        ),
        Step(
            name="Unpack them",
            condition="${{ steps.roots.outputs.cache-matched-key != '' }}",
            env={"ROOTS": "${{ steps.wanted.outputs.path }}"},
            # A pack that is broken would otherwise break every run that it is restored by.
            optional=True,
            run='debwright cache unpack "$ROOTS"',
        ),
    ]


def _kept_roots(context: Context, keep: str) -> list[Step]:
    return [
        Step(
            name="Pack the roots",
            id="made",
            condition=f"${{{{ {keep} }}}}",
            # Packages that are built and checked do not fail for want of room for a pack.
            optional=True,
            env={"MATCHED": "${{ steps.roots.outputs.cache-matched-key }}"},
            run=context.product_command(
                'cache pack -t "$TARGET" --strategy "$STRATEGY" --unless-key "$MATCHED"'
            ),
        ),
        Step(
            name="Keep them for later runs",
            condition="${{ steps.made.outputs.packed == 'true' }}",
            uses=actions.SAVE,
            inputs={
                "path": "${{ steps.made.outputs.path }}",
                "key": "${{ steps.made.outputs.key }}",
            },
        ),
    ]


def target_environment() -> dict[str, str]:
    return {"TARGET": "${{ matrix.target }}", "STRATEGY": "${{ matrix.strategy }}"}
