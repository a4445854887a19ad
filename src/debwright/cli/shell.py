"""debwright shell TARGET: a shell in exactly the environment a build or a check used."""

import shlex
import subprocess
from contextlib import ExitStack
from pathlib import Path

from debwright.build.binary import (
    HOME,
    SOURCES,
    build_command,
    build_environment,
    lend_source,
    tree_name,
)
from debwright.build.depends import BuildPlan, build_dependencies
from debwright.cli.common import Options
from debwright.isolation.namespaces import CLEAN, Bind, inner_environment
from debwright.model.errors import UsageError
from debwright.model.fix import Command
from debwright.packages.debs import read_deb
from debwright.pipeline.plan import Plan, TargetPlan
from debwright.pipeline.run import heal
from debwright.pipeline.stages.base import Job
from debwright.pipeline.stages.check import packages_of
from debwright.pipeline.stages.companion import companion_packages
from debwright.pipeline.stages.source import source_stage
from debwright.roots.cache import Cache
from debwright.roots.layers import BUILDER_UID, Roots
from debwright.roots.overlay import make_throwaway, opened, throwaway
from debwright.roots.preload import preload_for
from debwright.source.make import SourcePackage
from debwright.systems.nspawn import NspawnSandbox
from debwright.systems.runtime import LOCAL_ONLY, copy_into, make_repository, runtime_layer


def open_target(
    options: Options,
    target: str,
    *,
    command: str | None,
    artifact: Path | None,
    booted: bool,
    failed: bool,
) -> int:
    """Plan for `target` alone and open its shell; see `shell`."""
    from debwright.pipeline.plan import make_plan

    if failed:
        from debwright.cli.failed import shell_of_failure

        return shell_of_failure(options, target, artifact, command)
    if artifact is not None:
        raise UsageError(
            "--from goes with --failed",
            fix=Command("debwright", "shell", target, "--failed", "--from", artifact),
        )
    chosen = make_plan(options.directory, patterns=[target])
    return shell(options, chosen, booted=booted, command=command)


def shell(options: Options, plan: Plan, *, booted: bool, command: str | None) -> int:
    """Open a shell, or run `command`, for the plan's only target; all changes are thrown away."""
    from debwright.model.events import Silent

    if len(plan.targets) != 1:
        raise UsageError(
            f"{len(plan.targets)} targets match, a shell is for one",
            fix=Command("debwright", "shell", plan.targets[0].target),
        )
    cache = options.cache()
    heal(cache)
    job = Job(
        plan, options.dist(plan.loaded.directory), Roots(cache, plan.config, note=print), Silent()
    )
    if booted:
        return _booted(job, plan.targets[0], cache, command)
    return _build(job, plan.targets[0], cache, command)


def _enter(
    prefix: list[str],
    command: str | None,
    environment: dict[str, str],
    rc: list[str] | None = None,
) -> int:
    words = [*CLEAN, "TERM=xterm-256color", *prefix, *inner_environment(environment)]
    inner = ["sh", "-c", command] if command else ["bash", *(rc or ()), "-i"]
    return subprocess.run([*words, *inner], check=False).returncode


def _build(job: Job, target: TargetPlan, cache: Cache, command: str | None) -> int:
    suite = target.target.suite
    stage = source_stage(job, suite)
    if not stage.status.ok:
        raise UsageError("the source package cannot be made", fix=Command("debwright", "build"))
    plan = job.plan.build_plan(target, job.sources[suite], target.strategy)
    return enter_build(job, job.sources[suite], plan, cache, command)


def enter_build(
    job: Job,
    source: SourcePackage,
    plan: BuildPlan,
    cache: Cache,
    command: str | None,
    *,
    offered: str | None = None,
) -> int:
    """The root of a build with its dependencies and the source unpacked.

    `offered` is put at the prompt of an interactive shell, to be run by Enter.
    """
    layer = build_dependencies(job.roots, source, plan)
    with throwaway(cache, layer, "shell") as overlay:
        bind = Bind(source=lend_source(source, overlay.directory), target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            tree = f"/{HOME}/{tree_name(source)}"
            inside.run(
                ["dpkg-source", "--no-check", "-x", f"{SOURCES}/{source.dsc.name}", tree],
                cwd=f"/{HOME}", uid=BUILDER_UID,
            )  # fmt: skip
            rc = None
            if command is None:
                print(f"{plan.target}, {plan.strategy}; no network; changes are thrown away.")
                print(f"The build: {offered or shlex.join(build_command(plan))}")
                if offered is not None:
                    inside.run(["sh", "-c", f"cat > {PROMPT}"], stdin=prompt_script(offered))
                    rc = ["--rcfile", PROMPT]
            environment = {**build_environment(plan, job.plan.config.build.environment),
                           "HOME": f"/{HOME}"}  # fmt: skip
            return _enter(inside.prefix(cwd=tree, uid=BUILDER_UID), command, environment, rc)


PROMPT = f"/{HOME}/.debwright-prompt"


def prompt_script(command: str) -> str:
    """For bash: puts `command` on the line being edited, and into the history.

    A terminal answers the question for its state (CSI 5 n) with CSI 0 n, and readline is told to
    read that answer as the command's text.
    """
    text = command.replace("\\", "\\\\").replace('"', '\\"')
    bound = f'"{_ANSWER}": "{text}"'
    return (
        f"history -s {shlex.quote(command)}\n"
        f"bind {shlex.quote(bound)}\n"
        "PROMPT_COMMAND='printf \"\\e[5n\"; unset PROMPT_COMMAND'\n"
    )


_ANSWER = "\\e[0n"


def _booted(job: Job, target: TargetPlan, cache: Cache, command: str | None) -> int:
    """The system as the checks see it: booted, the packages at hand but not installed."""
    paths = packages_of(job, target)
    if not paths:
        raise UsageError(
            f"there is no package for {target.target} yet",
            fix=Command("debwright", "build", "-t", target.target),
        )
    debs = [d for p in paths if not (d := read_deb(p)).debug]
    companions = [read_deb(p) for p in companion_packages(job)]
    layer = runtime_layer(job.roots, target.target, debs, None, companions=companions)
    with ExitStack() as stack:
        stack.enter_context(layer.in_use())
        directory: Path = stack.enter_context(cache.scratch("shell"))
        overlay = make_throwaway(directory, layer)
        copy_into(overlay.upper, make_repository(directory / "repository", debs))
        emulated = target.target.arch != job.plan.host.arch
        preload = preload_for(job.roots, target.target, layer)
        system = stack.enter_context(NspawnSandbox(overlay, emulated=emulated, preload=preload))
        apt = shlex.join(["apt-get", "-y", *LOCAL_ONLY])
        install = f"{apt} update && {apt} install {' '.join(d.package for d in debs)}"
        if command is None:
            print(f"{target.target}, booted; loopback network only; changes are thrown away.")
            print(f"To install the package as the check does:\n  {install}")
        return _enter(system.prefix(), command, {"HOME": "/root", "DEBWRIGHT_INSTALL": install})
