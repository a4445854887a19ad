"""debwright ci: a whole workflow on this machine."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debwright.cli.common import Options, emit
from debwright.host.interrupts import interruptible
from debwright.model.errors import Evidence, UsageError, printable
from debwright.model.fix import Command, Correction

if TYPE_CHECKING:
    from debwright.ci.context import Context
    from debwright.ci.local import Invocation, Line, LocalRunner, Record


LONGEST_LINE = 400


KEPT = 40
"""Lines of a job's output that are shown when it fails."""


@click.command("ci")
@click.option("--event", help="What started it. Default: workflow_dispatch, or what it knows.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="An input; may be repeated."
)
@click.option(
    "--payload", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The event as GitHub would send it, in JSON.",
)  # fmt: skip
@click.argument("workflow", default="build-packages")
@click.pass_obj
def run_workflow(
    options: Options,
    workflow: str,
    *,
    event: str | None,
    inputs: Sequence[str],
    payload: Path | None,
) -> int:
    """Run a whole workflow on this machine, job by job, and fetch what it made into dist/.

    WORKFLOW is build-packages, pr-validation, release, or another file of .github/workflows
    without its ending.

    The jobs run in copies of the repository, with the roots cached here. Exits with the code of
    the step that failed.
    """
    from debwright.ci.context import context_of
    from debwright.ci.local import Invocation
    from debwright.config import load
    from debwright.host.files import atomic_write

    top, context = context_of(load(options.directory))
    runner = _runner(context)
    file = top / runner.directory / f"{workflow}.yml"
    _look(top, file, runner, inputs)
    dist = (options.output or top / context.dist).absolute()
    store = dist / "ci"
    with interruptible(), ExitStack() as stack:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(parents=True)
        cache = options.cache()
        cache.prepare()
        asked = Invocation(
            top=top, file=file, event=event or "workflow_dispatch",
            labels=[context.settings.runner, context.settings.arm64_runner],
            inputs=runner.inputs(workflow, event, inputs), secrets=_secrets(context, runner),
            payload=payload, store=store, scratch=stack.enter_context(cache.scratch("ci")),
        )  # fmt: skip
        started = time.monotonic()
        record = _run(options, runner, asked)
    shutil.rmtree(store / "caches", ignore_errors=True)
    text = "\n".join(f"<!-- {job} -->\n{content}" for job, content in record.summaries)
    atomic_write(store / "summary.md", text)
    _tell(options, workflow, record, store, time.monotonic() - started)
    return record.exit_code


def _runner(context: Context) -> LocalRunner:
    from debwright.ci.provider import provider_named

    provider = provider_named(context.settings.provider)
    if provider.local is None:
        raise UsageError(
            f"workflows of {provider.title} cannot be run on this machine",
            cause=f"workflows.provider is {provider.name}",
            fix=Command("debwright", "run"),
        )
    return provider.local


def _look(top: Path, file: Path, runner: LocalRunner, inputs: Sequence[str]) -> None:
    # Names, not paths: a workflow of somewhere else is not this repository's.
    known = sorted(path.stem for path in (top / runner.directory).glob("*.yml"))
    if file.stem not in known or file.parent != top / runner.directory:
        raise UsageError(
            f"there is no workflow {printable(file.stem)!r}",
            evidence=[Evidence(text=", ".join(known) or "none", file=runner.directory)],
            cause=f"a workflow is named as its file in {runner.directory} is, without .yml",
            fix=Command("debwright", "workflows", "sync"),
        )
    if not (top / ".git").is_dir():
        # Jobs work in copies. A copy of a linked work tree would be bound to the original.
        raise UsageError(
            f"{top} is not the main work tree of a git repository",
            cause="the jobs get copies of it, each with a repository of its own",
            fix="git init && git add . && git commit; or, for a linked work tree: git clone",
        )
    for text in inputs:
        name, equals, _ = text.partition("=")
        if not equals or not name.replace("-", "").replace("_", "").isalnum():
            raise UsageError(
                f"`{text}` is no input", fix=Correction("NAME=VALUE", wrong=text, option="--input")
            )


def _secrets(context: Context, runner: LocalRunner) -> list[str]:
    names = [*context.secrets, *runner.secrets]
    return [name for name in names if os.environ.get(name)]


def _run(options: Options, runner: LocalRunner, asked: Invocation) -> Record:
    kept: dict[str, list[str]] = {}

    def show(line: Line) -> None:
        text = printable(line.text)[:LONGEST_LINE]
        if line.output:
            kept.setdefault(line.job, []).append(text)
            del kept[line.job][:-KEPT]
        if options.verbose or not line.output:
            print(f"{line.job}: {text}", file=sys.stderr, flush=True)

    with (asked.store / "log.jsonl").open("w", encoding="utf-8") as log:
        record = runner.run(asked, show=show, log=log)
    for job in record.jobs.values():
        if job.failed and not options.verbose:
            lines = kept.get(job.title, [])
            print(f"\n{job.title}: its last lines", file=sys.stderr)
            print("\n".join(f"  | {line}" for line in lines), file=sys.stderr)
    return record


def _tell(options: Options, workflow: str, record: Record, store: Path, seconds: float) -> None:
    from debwright.host.files import human_seconds

    jobs = list(record.jobs.values())
    data: dict[str, Any] = {
        "workflow": workflow,
        "exit_code": record.exit_code,
        "jobs": [
            {
                "job": j.title, "ok": j.ok, "steps": len(j.steps),
                "failed": [{"step": s, "exit_code": c} for s, c in j.failed],
            }
            for j in jobs
        ],
        "annotations": [{"level": a, "title": b, "text": c} for a, b, c in record.annotations],
        "store": str(store),
    }  # fmt: skip
    lines = [""]
    for job in jobs:
        why = "".join(f", `{step[:60]}` exited with {code}" for step, code in job.failed)
        word = "passed" if job.ok else ("failed" if job.failed else "did not end")
        lines.append(f"{job.title}: {word}, {len(job.steps)} steps{why}")
    lines += [f"{level}: {title}: {text}" for level, title, text in record.annotations]
    good = sum(j.ok for j in jobs)
    lines.append(f"{workflow}: {good} of {len(jobs)} jobs passed in {human_seconds(seconds)}")
    lines.append(f"artifacts, summary and log: {store}")
    emit(options, data, printable("\n".join(lines)))
