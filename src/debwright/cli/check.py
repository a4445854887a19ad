"""debwright check: the checks on a project's packages, or on packages built anywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debwright import __version__
from debwright.cli.common import (
    Options,
    force_option,
    reporter_for,
    run_plan,
    strategy_option,
    targets_option,
    write_reports,
)
from debwright.host.interrupts import interruptible
from debwright.model.errors import Evidence, UsageError

if TYPE_CHECKING:
    from debwright.config import LoadedConfig
    from debwright.model.targets import Target
    from debwright.packages.debs import Deb
    from debwright.source.package import SourcePackage


class SystemOption(click.Option):
    """The option that names a system.

    Its help imports every kind of system, so it is written when somebody asks for it.
    """

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The option, and the kinds as they are written."""
        from debwright.systems.kinds import kinds

        forms = ", ".join(kind.form for kind in kinds())
        self.help = (
            f"Where to install and start them: {forms}; instead of what debwright.toml says."
        )
        return super().get_help_record(ctx)


@click.command()
@targets_option
@strategy_option
@force_option
@click.option(
    "--reproducible", is_flag=True,
    help="Build every target once more, under other conditions, and compare bit for bit.",
)  # fmt: skip
@click.option(
    "--equivalence", is_flag=True,
    help="Compare the architectures of a suite, and cross-built packages with emulated builds.",
)  # fmt: skip
@click.option(
    "--previous",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A .deb of the release before FILES, to upgrade from; may be repeated.",
)
@click.option(
    "--sandbox", metavar="KIND", cls=SystemOption,
)  # fmt: skip
@click.option(
    "--replace-installed", is_flag=True,
    help="With ssh: replace the packages when the machine has them, and purge them at the end.",
)  # fmt: skip
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def check(
    options: Options,
    /,
    files: tuple[Path, ...],
    patterns: tuple[str, ...],
    previous: tuple[Path, ...],
    *,
    sandbox: str | None,
    strategy: str | None,
    force: bool,
    replace_installed: bool,
    **more: bool,
) -> int:
    """Check FILES (.deb, .dsc or .changes) in clean roots; without FILES, the project's packages.

    A .dsc brings the tests of debian/tests.
    """
    if files and (asked := [name for name, wanted in more.items() if wanted]):
        raise UsageError(
            f"--{asked[0]} builds from the source, which packages alone do not give",
            fix=f"debwright check --{asked[0]}, in the project's directory",
        )

    if files:
        return check_files(
            options, files, patterns, previous, sandbox=sandbox, replace=replace_installed
        )
    if previous:
        raise UsageError(
            "--previous goes with the packages to check",
            fix="debwright check --previous OLD.deb NEW.deb, or [upgrade] previous in "
            "debwright.toml",
        )
    return check_project(
        options, patterns, strategy, force=force, sandbox=sandbox, replace=replace_installed, **more
    )


def check_project(
    options: Options,
    patterns: Sequence[str],
    strategy: str | None = None,
    *,
    force: bool,
    sandbox: str | None,
    replace: bool,
    **more: bool,
) -> int:
    """Check the packages of the project, building first what is not built.

    `more` are the checks that are only made when asked for, as fields of Wanted.
    """
    from debwright.config import load
    from debwright.pipeline.planning import make_plan
    from debwright.pipeline.stages.base import Wanted
    from debwright.systems.choose import patterns_for, system_for

    loaded = load(options.directory)
    environment = system_for(loaded, sandbox, replace=replace)
    chosen = make_plan(
        options.directory, patterns=patterns_for(loaded, environment, patterns), strategy=strategy
    )
    wanted = Wanted(publish=False, **more)
    return run_plan(options, chosen, wanted, force=force, environment=environment)


def check_files(
    options: Options,
    files: Sequence[Path],
    patterns: Sequence[str],
    previous: Sequence[Path] = (),
    *,
    sandbox: str | None = None,
    replace: bool = False,
) -> int:
    """Check packages given as files; the targets are those of their architecture."""
    from debwright.checks.engine.previous import expand
    from debwright.config import load
    from debwright.host.machine import describe_host
    from debwright.model.results import RunResult
    from debwright.pipeline.given import GivenFiles, check_given
    from debwright.pipeline.planning import require_known_checks
    from debwright.pipeline.run import exclusive, exit_code, heal
    from debwright.roots.layers import Roots
    from debwright.systems.choose import patterns_for, system_for

    loaded = load(options.directory)
    require_known_checks(loaded)
    debs, changes = read_files(files)
    source = source_among(files, changes)
    environment = system_for(loaded, sandbox, replace=replace)
    targets = targets_of(loaded, debs, patterns_for(loaded, environment, patterns))
    given = GivenFiles(
        loaded=loaded, debs=debs, changes=changes, dist=options.dist(loaded.directory),
        environment=environment, source=source,
        previous=previous or expand(loaded.directory, loaded.config.upgrade.previous),
    )  # fmt: skip
    reporter = reporter_for(options, given.dist)
    started, clock = datetime.now(UTC), time.monotonic()
    with closing(reporter), interruptible(), exclusive(given.dist):
        title = f"check {debs[0].source} {debs[0].version}"
        reporter.begin(title, [str(t) for t in targets], ["check"])
        cache = options.cache(reporter.note)
        heal(cache)
        roots = Roots(cache, loaded.config, note=reporter.note)
        results = check_given(given, targets, roots, reporter)
        result = RunResult(
            debwright=__version__,
            package=debs[0].source,
            version=debs[0].version,
            started=started,
            seconds=time.monotonic() - clock,
            host=describe_host(),
            targets=tuple(results),
        )
        write_reports(result, given.home)
        reporter.end(result)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)


def read_files(files: Sequence[Path]) -> tuple[list[Deb], Path | None]:
    """The packages, a .changes file standing for those it names."""
    from debwright.packages.debs import read_deb

    debs: list[Deb] = []
    changes: Path | None = None
    for path in (f.absolute() for f in files):
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.suffix == ".changes":
            changes = path
            names = _named(path)
            debs += [read_deb(path.parent / n) for n in names if n.endswith(".deb")]
        elif path.suffix == ".deb":
            debs.append(read_deb(path))
        elif path.suffix != ".dsc":
            raise UsageError(
                f"{path} is neither a .deb, a .dsc nor a .changes file",
                fix="debwright check PACKAGE.deb, or without a file: the packages of this project",
            )
    if not debs:
        raise UsageError("there is no package among the files")
    return debs, changes


def source_among(files: Sequence[Path], changes: Path | None) -> SourcePackage | None:
    """The source package, whose tests are run: a .dsc among the files, or next to the .changes."""
    from debwright.source.package import read_dsc

    named = [changes.parent / n for n in _named(changes) if n.endswith(".dsc")] if changes else []
    given = [f.absolute() for f in files if f.suffix == ".dsc"]
    there = next((p for p in (*given, *named) if p.exists()), None)
    return read_dsc(there) if there else None


def _named(changes: Path) -> list[str]:
    from debian.deb822 import Changes

    try:
        with changes.open("rb") as handle:
            return [Path(str(f["name"])).name for f in Changes(handle).get("Files", [])]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as problem:
        raise UsageError(
            f"{changes} is not a readable .changes file",
            evidence=[Evidence(text=f"{type(problem).__name__}: {problem}", file=str(changes))],
        ) from problem


def _is_known(loaded: LoadedConfig, target: Target) -> bool:
    """Whether there is such a suite; of a misspelt one a mirror would only say 404."""
    from debwright.model.suites import suite_info

    return suite_info(target.suite).known or target.suite in loaded.config.suites


def targets_of(loaded: LoadedConfig, debs: Sequence[Deb], patterns: Sequence[str]) -> list[Target]:
    """The targets that these packages are checked on, of those that the patterns name."""
    from debwright.model.targets import Target, select

    wanted = [Target.parse(t) for t in loaded.config.targets.build]
    if patterns:
        try:
            wanted = list(select(wanted, patterns))
        except UsageError as unmatched:
            # A target that the project does not build for, but that was named in full.
            wanted = [Target.parse(p) for p in patterns]
            if any(not _is_known(loaded, t) for t in wanted):
                raise unmatched from None
    arches = {d.arch for d in debs} - {"all"}
    chosen = [t for t in wanted if not arches or t.arch in arches]
    if not chosen:
        raise UsageError(
            f"no target is for {', '.join(sorted(arches))}",
            fix=f"debwright check -t bookworm-{sorted(arches)[0]} ...",
        )
    unchecked = arches - {t.arch for t in chosen}
    if unchecked and not patterns:
        # Success would look as if they had passed.
        arch = sorted(unchecked)[0]
        raise UsageError(
            f"no target is for the {', '.join(sorted(unchecked))} packages among the files",
            fix=f"debwright check -t bookworm-{arch} ..., or leave them out",
        )
    return chosen
