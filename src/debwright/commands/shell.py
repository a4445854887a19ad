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
from debwright.build.depends import build_dependencies
from debwright.check.debs import read_deb
from debwright.check.runtime import LOCAL_ONLY, copy_into, make_repository, runtime_layer
from debwright.commands.common import Options
from debwright.errors import UsageError
from debwright.pipeline import heal
from debwright.plan import Plan, TargetPlan
from debwright.roots.cache import Cache
from debwright.roots.layers import BUILDER_UID, Roots
from debwright.roots.overlay import make_throwaway, opened, throwaway
from debwright.sandbox.namespaces import CLEAN, Bind, inner_environment
from debwright.sandbox.nspawn import NspawnSandbox
from debwright.stages.base import Job
from debwright.stages.check import packages_of
from debwright.stages.companion import companion_packages
from debwright.stages.source import source_stage


def shell(options: Options, plan: Plan, *, booted: bool, command: str | None) -> int:
    """Open a shell, or run `command`, for the plan's only target; all changes are thrown away."""
    from debwright.events import Silent

    if len(plan.targets) != 1:
        raise UsageError(
            f"{len(plan.targets)} targets match, a shell is for one",
            fix=f"debwright shell {plan.targets[0].target}",
        )
    cache = options.cache()
    heal(cache)
    job = Job(
        plan, options.dist(plan.loaded.directory), Roots(cache, plan.config, note=print), Silent()
    )
    if booted:
        return _booted(job, plan.targets[0], cache, command)
    return _build(job, plan.targets[0], cache, command)


def _enter(prefix: list[str], command: str | None, environment: dict[str, str]) -> int:
    words = [*CLEAN, "TERM=xterm-256color", *prefix, *inner_environment(environment)]
    inner = ["sh", "-c", command] if command else ["bash", "-i"]
    return subprocess.run([*words, *inner], check=False).returncode


def _build(job: Job, target: TargetPlan, cache: Cache, command: str | None) -> int:
    suite = target.target.suite
    stage = source_stage(job, suite)
    if not stage.status.ok:
        raise UsageError("the source package cannot be made", fix="debwright build")
    source = job.sources[suite]
    plan = job.plan.build_plan(target, source, target.strategy)
    layer = build_dependencies(job.roots, source, plan)
    with throwaway(cache, layer, "shell") as overlay:
        bind = Bind(source=lend_source(source, overlay.directory), target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            tree = f"/{HOME}/{tree_name(source)}"
            inside.run(
                ["dpkg-source", "--no-check", "-x", f"{SOURCES}/{source.dsc.name}", tree],
                cwd=f"/{HOME}", uid=BUILDER_UID,
            )  # fmt: skip
            if command is None:
                print(f"{target.target}, {target.strategy}; no network; changes are thrown away.")
                print(f"The build: {shlex.join(build_command(plan))}")
            environment = {**build_environment(plan, job.plan.config.build.environment),
                           "HOME": f"/{HOME}"}  # fmt: skip
            return _enter(inside.prefix(cwd=tree, uid=BUILDER_UID), command, environment)


def _booted(job: Job, target: TargetPlan, cache: Cache, command: str | None) -> int:
    """The system as the checks see it: booted, the packages at hand but not installed."""
    paths = packages_of(job, target)
    if not paths:
        raise UsageError(
            f"there is no package for {target.target} yet",
            fix=f"debwright build -t {target.target}",
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
        system = stack.enter_context(NspawnSandbox(overlay, emulated=emulated))
        apt = shlex.join(["apt-get", "-y", *LOCAL_ONLY])
        install = f"{apt} update && {apt} install {' '.join(d.package for d in debs)}"
        if command is None:
            print(f"{target.target}, booted; loopback network only; changes are thrown away.")
            print(f"To install the package as the check does:\n  {install}")
        return _enter(system.prefix(), command, {"HOME": "/root", "DEBWRIGHT_INSTALL": install})
