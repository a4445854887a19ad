"""debwright shell TARGET --failed: where a build broke, here or in a CI artifact."""

import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from debwright.cli.common import Options
from debwright.cli.shell import enter_build, shell
from debwright.model.errors import DebwrightError, UsageError
from debwright.model.events import Silent
from debwright.model.targets import Strategy
from debwright.observe.diagnose.failed import NAME, FailedStage, read_record
from debwright.pipeline.plan import Plan
from debwright.pipeline.planning import make_plan
from debwright.pipeline.run import heal
from debwright.pipeline.stages.base import Job
from debwright.roots.layers import Roots
from debwright.source.make import SourcePackage, read_dsc

MOST_BYTES = 4 * 1024**3
MOST_FILES = 20_000


def shell_of_failure(
    options: Options, target: str, artifact: Path | None, command: str | None
) -> int:
    """Open the shell of the newest failure of `target`. Raises UsageError, DebwrightError."""
    with unpacked(artifact) as place:
        home = place or options.output or options.directory / "dist"
        directory, record = find_failure(home, target)
        return _open(options, directory, record, command)


def _open(options: Options, directory: Path, record: FailedStage, command: str | None) -> int:
    if record.stage != "build" or record.dsc is None:
        return shell(
            options, make_plan(options.directory, patterns=[record.target]), booted=True,
            command=command,
        )  # fmt: skip
    source = _source(directory, record.dsc)
    plan: Plan = make_plan(
        options.directory, source=source.dsc, patterns=[record.target], strategy=record.strategy
    )
    cache = options.cache()
    heal(cache)
    roots = Roots(cache, plan.config, note=print)
    job = Job(plan, options.dist(plan.loaded.directory), roots, Silent())
    build = plan.build_plan(plan.targets[0], source, Strategy(record.strategy))
    # What was set for that build, wherever it ran; debwright's own settings follow from the plan.
    kept = {k: v for k, v in record.environment.items() if k not in ("HOME", "DEB_BUILD_OPTIONS")}
    config = plan.config.model_copy(
        update={"build": plan.config.build.model_copy(update={"environment": kept})}
    )
    job = replace(job, plan=replace(plan, loaded=replace(plan.loaded, config=config)))
    offered = shlex.join(record.command) if record.command else None
    return enter_build(job, source, build, cache, command, offered=offered)


def _source(directory: Path, name: str) -> SourcePackage:
    """The source package beside the record; the record may come from anywhere."""
    if name != PurePosixPath(name).name or not name.endswith(".dsc"):
        raise DebwrightError(f"{NAME} names a source package by a path: {name}")
    path = directory / name
    if not path.is_file():
        raise UsageError(
            f"the source package {name} is not beside {NAME}",
            cause="the artifact holds logs alone",
            fix="upload the whole of dist/VERSION/TARGET, or build it here: debwright build",
        )
    return read_dsc(path)


def find_failure(home: Path, target: str) -> tuple[Path, FailedStage]:
    """The newest record of `target` below `home`, and its directory. Raises UsageError."""
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
