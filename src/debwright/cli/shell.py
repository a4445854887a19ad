"""debwright shell TARGET: a shell where a build or a check ran, or where a build broke."""

from __future__ import annotations

import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from debwright.cli.common import Options, results_of
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.fix import Command

if TYPE_CHECKING:
    from debwright.build.depends import BuildPlan
    from debwright.checks.engine.base import CheckContext
    from debwright.observe.diagnose.failed import FailedStage
    from debwright.pipeline.plan import Plan, TargetPlan
    from debwright.pipeline.stages.base import Job
    from debwright.roots.cache import Cache
    from debwright.source.make import SourcePackage


@click.command("shell")
@click.argument("target")
@click.option(
    "--booted",
    is_flag=True,
    help="The booted system a check uses, with the packages installed, not the build's root.",
)
@click.option("-c", "--command", help="Run this command instead of an interactive shell.")
@click.option(
    "--failed", is_flag=True,
    help="Where the last build failed: the same root, layer and environment, the sources "
    "unpacked, and the command that failed at the prompt.",
)  # fmt: skip
@click.option(
    "--from", "artifact", type=click.Path(path_type=Path, exists=True), metavar="ARTIFACT",
    help="With --failed: the results of a run elsewhere, as a directory or a .zip from CI.",
)  # fmt: skip
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def open_target(
    options: Options, target: str, files: tuple[Path, ...], *, command: str | None,
    artifact: Path | None, booted: bool, failed: bool,
) -> int:  # fmt: skip
    """A shell in exactly the environment in which TARGET is built or checked.

    With --booted and FILES (.deb or .changes) those packages are installed, whoever built them.
    """
    from debwright.pipeline.planning import make_plan

    if files:
        if not booted or failed:
            raise UsageError(
                "packages given as files go with --booted",
                fix=Command("debwright", "shell", target, "--booted", *files),
            )
        return shell_of_files(options, target, files, command)
    if failed:
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
    from debwright.pipeline.run import heal
    from debwright.pipeline.stages.base import Job
    from debwright.roots.layers import Roots

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
        return _booted(job, plan.targets[0], command)
    return _build(job, plan.targets[0], cache, command)


def _enter(
    prefix: list[str],
    command: str | None,
    environment: dict[str, str],
    rc: list[str] | None = None,
) -> int:
    from debwright.host import terminal
    from debwright.isolation.namespaces import CLEAN, inner_environment

    words = [*CLEAN, "TERM=xterm-256color", *prefix, *inner_environment(environment)]
    inner = ["sh", "-c", command] if command else ["bash", *(rc or ()), "-i"]
    return terminal.run([*words, *inner])


def _build(job: Job, target: TargetPlan, cache: Cache, command: str | None) -> int:
    from debwright.pipeline.stages.source import SourceStage

    suite = target.target.suite
    stage = SourceStage().run(job, suite)
    if not stage.status.ok:
        raise UsageError("the source package cannot be made", fix=Command("debwright", "build"))
    choice = job.plan.choice_for(target, job.sources[suite])
    plan = job.plan.build_plan(target, job.sources[suite], choice.strategy)
    return enter_build(job, job.sources[suite], plan, cache, command)


def shell_of_files(
    options: Options, name: str, files: tuple[Path, ...], command: str | None
) -> int:
    """The booted system of a check of packages that were given as files."""
    from debwright.cli.check import read_files
    from debwright.config import load
    from debwright.model.targets import Target
    from debwright.pipeline.given import GivenFiles
    from debwright.pipeline.run import heal
    from debwright.pipeline.stages.checking import context_of
    from debwright.roots.layers import Roots
    from debwright.systems.nspawn import NspawnSystem

    loaded, target = load(options.directory), Target.parse(name)
    debs, changes = read_files(files)
    given = GivenFiles(
        loaded=loaded, debs=debs, changes=changes, dist=options.dist(loaded.directory),
        environment=NspawnSystem(),
    )  # fmt: skip
    if not (found := given.packages_for(target)):
        raise UsageError(
            f"none of the packages is for {target}",
            fix=Command("debwright", "shell", f"{target.suite}-{debs[0].arch}", "--booted", *files),
        )
    cache = options.cache()
    heal(cache)
    context = context_of(
        loaded, target, found, changes=changes, roots=Roots(cache, loaded.config, note=print),
        output=given.home / name, log=lambda _: None, activity=lambda _: None,
    )  # fmt: skip
    return _opened(context, command)


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
    from debwright.build.binary import (
        HOME,
        SOURCES,
        build_command,
        build_environment,
        lend_source,
        tree_name,
    )
    from debwright.build.depends import build_dependencies
    from debwright.host.prompt import prompt_script
    from debwright.isolation.namespaces import Bind
    from debwright.roots.layers import BUILDER_UID
    from debwright.roots.overlay import opened, throwaway

    layer = build_dependencies(job.roots, source, plan)
    with throwaway(cache, layer, "shell") as overlay:
        bind = Bind(source=lend_source(source, overlay.directory), target=SOURCES)
        with opened(overlay, network=False, binds=[bind]) as inside:
            tree = f"/{HOME}/{tree_name(source)}"
            inside.run(
                ["dpkg-source", "--no-check", "-x", f"{SOURCES}/{source.dsc.name}", tree],
                cwd=f"/{HOME}", uid=BUILDER_UID,
            )  # fmt: skip
            rc, prompt = None, f"/{HOME}/.debwright-prompt"
            if command is None:
                print(f"{plan.target}, {plan.strategy}; no network; changes are thrown away.")
                print(f"The build: {offered or shlex.join(build_command(plan))}")
                if offered is not None:
                    inside.run(["sh", "-c", f"cat > {prompt}"], stdin=prompt_script(offered))
                    rc = ["--rcfile", prompt]
            environment = {**build_environment(plan, job.plan.config.build.environment),
                           "HOME": f"/{HOME}"}  # fmt: skip
            return _enter(inside.prefix(cwd=tree, uid=BUILDER_UID), command, environment, rc)


def _booted(job: Job, target: TargetPlan, command: str | None) -> int:
    """The system as a check sees it: booted, the packages installed, or what became of that."""
    from debwright.packages.debs import read_deb
    from debwright.pipeline.stages.base import packages_of
    from debwright.pipeline.stages.checking import context_of
    from debwright.pipeline.stages.companion import companion_packages

    paths = packages_of(job, target)
    if not paths:
        raise UsageError(
            f"there is no package for {target.target} yet",
            fix=Command("debwright", "build", "-t", target.target),
        )
    context = context_of(
        job.plan.loaded, target.target, [read_deb(p) for p in paths], changes=None,
        roots=job.roots, output=job.directory(target), log=lambda _: None,
        activity=lambda _: None, companions=[read_deb(p) for p in companion_packages(job)],
    )  # fmt: skip
    return _opened(context, command)


def _opened(context: CheckContext, command: str | None) -> int:
    """The set of packages of which a check has failed last time, installed in a booted system."""
    from debwright.checks.engine.session import sessions
    from debwright.checks.engine.sets import context_for, sets_of
    from debwright.systems.nspawn import NspawnSandbox, NspawnSystem

    failed = _failed_check(context.output)
    made = sets_of(context.config, context.installable)
    wanted = failed[0].partition("+")[2] if failed else ""
    number = next((n for n, one in enumerate(made) if one.name == wanted), 0)
    subject = context_for(context, made[number], number)
    say = print if command is None else (lambda _: None)
    with ExitStack() as stack:
        opening = sessions(subject, NspawnSystem().prepare(subject, stack))
        session = opening(stack)
        assert isinstance(session.system, NspawnSandbox)
        say(f"{context.target}, booted; loopback network only; changes are thrown away.")
        try:
            session.install()
            say(f"Installed: {', '.join(session.packages)}")
        except DebwrightError as problem:
            say(f"{problem.what}: the system is as that has left it.")
        if failed:
            say(f"The check {failed[0]} has failed here: {failed[1]}")
        return _enter(session.system.prefix(), command, {"HOME": "/root"})


def _failed_check(directory: Path) -> tuple[str, str] | None:
    """The live check that failed last time, and what it said; None when none did."""
    from debwright.checks.registry import INSTALL, LIVE
    from debwright.model.results import CheckReport, Status

    try:
        report = CheckReport.model_validate_json((directory / "check.json").read_bytes())
    except (OSError, ValueError):
        return None
    live = {c.name for c in (INSTALL, *LIVE)}
    for check in report.checks:
        if check.status is Status.FAILED and check.name.partition("+")[0] in live:
            return check.name, next((f.message for f in check.findings), "")
    return None


MOST_BYTES = 4 * 1024**3
MOST_FILES = 20_000


def shell_of_failure(
    options: Options, target: str, artifact: Path | None, command: str | None
) -> int:
    """Open the shell of the newest failure of `target`. Raises UsageError, DebwrightError."""
    with unpacked(artifact) as place:
        home = place or results_of(options)
        directory, record = find_failure(home, target)
        return _open(options, directory, record, command)


def _open(options: Options, directory: Path, record: FailedStage, command: str | None) -> int:
    from debwright.model.events import Silent
    from debwright.model.targets import Strategy, Target
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.run import heal
    from debwright.pipeline.stages.base import Job
    from debwright.roots.layers import Roots

    if record.stage != "build" or record.dsc is None:
        return shell(
            options, make_plan(options.directory, patterns=[record.target]), booted=True,
            command=command,
        )  # fmt: skip
    source = _source(directory, record.dsc)
    # Packages that are all `all` may be built natively for any target, which no plan begins with.
    portable = not source.has_any_for(Target.parse(record.target).arch)
    plan: Plan = make_plan(
        options.directory, source=source.dsc, patterns=[record.target],
        strategy=Strategy.AUTO if portable else record.strategy,
    )  # fmt: skip
    cache = options.cache()
    heal(cache)
    roots = Roots(cache, plan.config, note=print)
    job = Job(plan, options.dist(plan.loaded.directory), roots, Silent())
    target = plan.targets[0]
    strategy = plan.choice_for(target, source).strategy if portable else Strategy(record.strategy)
    build = plan.build_plan(target, source, strategy)
    # What was set for that build, wherever it ran; debwright's own settings follow from the plan.
    kept = {k: v for k, v in record.environment.items() if k not in ("HOME", "DEB_BUILD_OPTIONS")}
    config = plan.config.model_copy(
        update={"build": plan.config.build.model_copy(update={"environment": kept})}
    )
    job = replace(job, plan=replace(plan, loaded=replace(plan.loaded, config=config)))
    offered = shlex.join(record.command) if record.command else None
    return enter_build(job, source, build, cache, command, offered=offered)


def _source(directory: Path, name: str) -> SourcePackage:
    """The source package next to the record; the record may come from anywhere."""
    from debwright.observe.diagnose.failed import NAME
    from debwright.source.make import read_dsc

    if name != PurePosixPath(name).name or not name.endswith(".dsc"):
        raise DebwrightError(f"{NAME} names a source package by a path: {name}")
    path = directory / name
    if not path.is_file():
        raise UsageError(
            f"the source package {name} is not next to {NAME}",
            cause="the artifact holds logs alone",
            fix="upload the whole of dist/VERSION/TARGET, or build it here: debwright build",
        )
    return read_dsc(path)


def find_failure(home: Path, target: str) -> tuple[Path, FailedStage]:
    """The newest record of `target` below `home`, and its directory. Raises UsageError."""
    from debwright.observe.diagnose.failed import NAME, read_record

    found = sorted(home.glob(f"**/{NAME}"), key=lambda p: p.stat().st_mtime, reverse=True)
    names = set()
    for path in found:
        record = read_record(path.parent)
        if record is None:
            continue
        if record.target == target:
            return path.parent, record
        names.add(record.target)
    raise UsageError(
        f"no failure of {target} is known in {home}",
        cause=f"there are failures of {', '.join(sorted(names))}" if names else None,
        fix=f"debwright build -t {target}, or --from with a downloaded artifact",
    )


@contextmanager
def unpacked(artifact: Path | None) -> Iterator[Path | None]:
    """A directory is used as it is; a .zip is unpacked to a temporary place. Raises UsageError."""
    if artifact is None or artifact.is_dir():
        yield artifact
        return
    with tempfile.TemporaryDirectory(prefix="debwright-artifact-") as name:
        place = Path(name)
        try:
            with zipfile.ZipFile(artifact) as archive:
                _unpack(archive, place)
        except zipfile.BadZipFile as problem:
            raise UsageError(
                f"{artifact.name} is no .zip and no directory", cause=str(problem),
                fix="gh run download, which makes a directory",
            ) from problem  # fmt: skip
        yield place


def _unpack(archive: zipfile.ZipFile, place: Path) -> None:
    """Regular files only, below `place`, and not without end."""
    entries = [e for e in archive.infolist() if not e.is_dir()]
    if len(entries) > MOST_FILES or sum(e.file_size for e in entries) > MOST_BYTES:
        raise UsageError("the artifact is larger than any debwright makes")
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        if not parts or ".." in parts or parts[0] == "/":
            raise UsageError(f"the artifact names a file outside of itself: {entry.filename}")
        path = place.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as content, path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
