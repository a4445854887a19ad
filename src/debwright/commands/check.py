"""debwright check FILE...: the checks on packages that were built anywhere."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from debian.deb822 import Changes

from debwright import __version__
from debwright.build.log import BuildLog
from debwright.check.base import CheckContext
from debwright.check.debs import Deb, read_deb
from debwright.check.run import run_checks
from debwright.commands.common import (
    Options,
    interruptible,
    reporter_for,
    write_reports,
)
from debwright.config import LoadedConfig, load
from debwright.errors import UsageError
from debwright.machine import describe_host, host_facts
from debwright.pipeline import exclusive, exit_code, heal
from debwright.results import CheckResult, RunResult, StageResult, Status, TargetResult
from debwright.roots.layers import Roots
from debwright.stages.check import check_outcome
from debwright.targets import Target, select


def check_files(options: Options, files: Sequence[Path], patterns: Sequence[str]) -> int:
    """Check packages given as files; the targets are those of their architecture."""
    loaded = load(options.directory)
    debs, changes = _read(files)
    targets = _targets(loaded, debs, patterns)
    dist = options.dist(loaded.directory)
    reporter = reporter_for(options)
    started, clock = datetime.now(UTC), time.monotonic()
    title = f"check {debs[0].source} {debs[0].version}"
    reporter.begin(title, [str(t) for t in targets], ["check"])
    results = []
    with interruptible(), exclusive(dist):
        cache = options.cache()
        heal(cache)
        roots = Roots(cache, loaded.config, note=reporter.note)
        home = dist / "check" / f"{debs[0].source}_{debs[0].version.split(':', 1)[-1]}"
        for target in targets:
            output = home / str(target)
            output.mkdir(parents=True, exist_ok=True)
            reporter.stage_started(str(target), "check")
            begun, ticks = datetime.now(UTC), time.monotonic()
            with BuildLog(output / "check.log", _line(reporter, target)) as log:
                checks = run_checks(
                    CheckContext(
                        target=target, host_arch=host_facts([target.arch]).arch,
                        config=loaded.config, debs=[d for d in debs if d.arch in {target.arch, "all"}],
                        changes=changes, roots=roots, output=output, log=log,
                        activity=lambda text, name=str(target): reporter.activity(name, "check", text),
                    ),
                    lambda _: None,
                )  # fmt: skip
            stage = _stage(checks, output, begun, time.monotonic() - ticks)
            reporter.stage_finished(str(target), stage)
            results.append(
                TargetResult(
                    target=str(target), strategy="none", strategy_reason="built elsewhere",
                    stages=(stage,), checks=tuple(checks),
                )
            )  # fmt: skip
        result = RunResult(
            debwright=__version__, package=debs[0].source, version=debs[0].version,
            started=started, seconds=time.monotonic() - clock, host=describe_host(),
            targets=tuple(results),
        )  # fmt: skip
        write_reports(result, home)
        reporter.end(result)
    if options.json:
        print(result.model_dump_json(indent=2))
    return exit_code(result)


def _line(reporter, target: Target):  # type: ignore[no-untyped-def]
    return lambda line: reporter.line(str(target), "check", line)


def _stage(checks: list[CheckResult], output: Path, begun: datetime, seconds: float) -> StageResult:
    outcome = check_outcome(checks, output, output / "check.log")
    return StageResult(
        stage="check",
        status=Status.FAILED if outcome.failed else Status.PASSED,
        started=begun,
        seconds=seconds,
        error=outcome.failed,
        details=outcome.details,
    )


def _read(files: Sequence[Path]) -> tuple[list[Deb], Path | None]:
    """The packages, a .changes file standing for those it names."""
    debs: list[Deb] = []
    changes: Path | None = None
    for path in files:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
        if path.suffix == ".changes":
            changes = path.absolute()
            with path.open("rb") as handle:
                names = [f["name"] for f in Changes(handle).get("Files", [])]
            debs += [
                read_deb(path.absolute().parent / Path(n).name) for n in names if n.endswith(".deb")
            ]
        elif path.suffix == ".deb":
            debs.append(read_deb(path.absolute()))
        else:
            raise UsageError(
                f"{path} is neither a .deb nor a .changes file",
                fix="debwright check PACKAGE.deb, or without a file: the packages of this project",
            )
    if not debs:
        raise UsageError("there is no package among the files")
    return debs, changes


def _targets(loaded: LoadedConfig, debs: Sequence[Deb], patterns: Sequence[str]) -> list[Target]:
    wanted = [Target.parse(t) for t in loaded.config.targets.build]
    if patterns:
        try:
            wanted = list(select(wanted, patterns))
        except UsageError:
            # A target that the project does not build for, but was named in full.
            wanted = [Target.parse(p) for p in patterns]
    arches = {d.arch for d in debs} - {"all"}
    chosen = [t for t in wanted if not arches or t.arch in arches]
    if not chosen:
        raise UsageError(
            f"no target is for {', '.join(sorted(arches))}",
            fix=f"debwright check -t bookworm-{sorted(arches)[0]} ...",
        )
    return chosen
