"""One result of several: what the jobs of a matrix built, each on a machine of its own.

Every file is named with its digest in the report of the job that made it. What is not named, or
has another digest, is not taken over; what two jobs made under one name must be the same.
"""

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from debian.deb822 import Dsc

from debwright.host.files import sha256_file
from debwright.model.codes import ERROR, Code, Codes
from debwright.model.details import StageDetails
from debwright.model.errors import CheckError, DebwrightError, Evidence, ExitCode, UsageError
from debwright.model.fix import Command
from debwright.model.results import (
    Artifact,
    RunResult,
    StageResult,
    Status,
    TargetResult,
)
from debwright.pipeline.plan import Plan
from debwright.pipeline.run import checksums
from debwright.pipeline.stages.base import Job
from debwright.source.make import read_dsc

T = TypeVar("T", bound=TargetResult)

_UPSTREAM = re.compile(r"\.orig(-[A-Za-z0-9-]+)?\.tar\.[a-z0-9]+(\.asc)?$")
"""What all Debian versions of an upstream version share (dpkg-source(1), format 3.0)."""
REPORT_LIMIT = 64 * 1024**2
MOST_REPORTS = 200
DIFFERENT = 4


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one job left: its report, and the directory that its artifacts are in."""

    directory: Path
    result: RunResult


def read_parts(directory: Path, plan: Plan) -> list[Part]:
    """The results below `directory`, of this plan's package and version.

    Each entry of it is the dist/ of a job; it is one itself where there was a single job, since
    actions/download-artifact puts a single match straight into its path. Raises UsageError when
    they are of something else: another commit may have the same version.
    """
    version = plan.version_text.split(":", 1)[-1]
    commit = plan.version.commit if plan.version else None
    found = []
    paths = [*directory.glob("*/report.json"), *directory.glob("*/*/report.json")]
    for path in sorted(paths)[:MOST_REPORTS]:
        result = _read(path)
        if result.package != plan.package or result.version != plan.version_text:
            raise UsageError(
                f"{path} is of {result.package} {result.version}, and this is "
                f"{plan.package} {plan.version_text}",
                cause="the results are of another commit, or of another project",
                fix="git status; git describe --tags",
            )
        if result.commit != commit:
            raise UsageError(
                f"{path} is of the commit {result.commit or 'that is not known'}, and this is "
                f"{commit or 'no commit'}",
                cause="the branch has moved while the jobs were running",
                fix="run all jobs again: gh workflow run build-packages.yml",
            )
        if path.parent.name == version and not path.parent.is_symlink():
            found.append(Part(directory=path.parent.parent, result=result))
    return found


def _read(path: Path) -> RunResult:
    try:
        with path.open("rb") as file:
            data = file.read(REPORT_LIMIT)
        # What is cut off is no JSON any more.
        return RunResult.model_validate_json(data)
    except (OSError, ValueError) as error:
        raise DebwrightError(
            f"{path} is not the report of a run",
            evidence=[Evidence(text=" ".join(str(error).split())[:300])],
            fix="every job must run the same debwright",
        ) from error


def collect(plan: Plan, parts: Sequence[Part], dist: Path) -> RunResult:
    """Put everything into `dist` and make one result of it.

    A target of the plan that no job has a result of counts as failed. Raises CheckError where a
    file is not what its job said, or two jobs made different files of one name.
    """
    home = dist / plan.version_text.split(":", 1)[-1]
    targets = _once((t, p) for p in parts for t in p.result.targets)
    companions = _once((c, p) for p in parts for c in p.result.companions)
    _same(parts)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    keeper = _Keeper(parts, dist, home)
    extra = [keeper.kept(item, part) for item, part in companions.values()]
    taken = {name: keeper.kept(item, part) for name, (item, part) in targets.items()}
    complete = [taken.get(n) or _missing(n) for n in (str(t.target) for t in plan.targets)]
    results = [p.result for p in parts]
    return RunResult(
        debwright=results[0].debwright,
        package=plan.package,
        version=plan.version_text,
        started=min(r.started for r in results),
        # Of machines that worked side by side: the longest.
        seconds=max(r.seconds for r in results),
        host=", ".join(dict.fromkeys(r.host for r in results)),
        commit=results[0].commit,
        stages=tuple(_stages(results)),
        companions=tuple(extra),
        targets=tuple(complete),
        artifacts=checksums(dist, home, [*extra, *complete]),
        notes=tuple(dict.fromkeys(n for r in results for n in r.notes)),
    )


def _once(found: Iterable[tuple[T, Part]]) -> dict[str, tuple[T, Part]]:
    """Each by its name; where several jobs have one, the first, but a failure before a success."""
    kept: dict[str, tuple[T, Part]] = {}
    for item, part in found:
        if item.target not in kept or (kept[item.target][0].ok and not item.ok):
            kept[item.target] = item, part
    return kept


def _stages(results: Sequence[RunResult]) -> Iterator[StageResult]:
    """The stages that are of no target: each once, unless one failed."""
    seen: set[tuple[str, str]] = set()
    for stage in (s for r in results for s in r.stages):
        key = stage.stage, getattr(stage.details, "version", None) or ""
        if stage.status is Status.FAILED or key not in seen:
            seen.add(key)
            yield stage


CODES = Codes({"collect/missing": Code(ERROR, "A job handed over no result of its target.")})


def _missing(target: str) -> TargetResult:
    finding = CODES.found(
        "collect/missing",
        f"there is no result of {target}",
        evidence=(Evidence(text="its job ended before it could hand over anything"),),
        fix=f"see the log of the job {target}; run it again with: gh run rerun --failed",
    )
    details = StageDetails(exit_code=ExitCode.MISSING)
    stage = StageResult(stage="build", status=Status.FAILED, error=finding, details=details)
    return TargetResult(target=target, strategy="", strategy_reason="", stages=(stage,))


def _artifacts(part: Part) -> Iterator[Artifact]:
    for target in part.result.parts:
        yield from target.artifacts


def _same(parts: Sequence[Part]) -> None:
    """Two files of one name that are not the same must not be in one release."""
    seen: dict[str, tuple[str, Path]] = {}
    for part in parts:
        for artifact in _artifacts(part):
            if artifact.kind not in ("deb", "source"):
                continue
            name = Path(artifact.path).name
            digest, where = seen.setdefault(name, (artifact.sha256, part.directory))
            if digest != artifact.sha256:
                raise CheckError(
                    f"two jobs built different files of the name {name}",
                    evidence=[
                        Evidence(text=f"{digest}  {where.name}"),
                        Evidence(text=f"{artifact.sha256}  {part.directory.name}"),
                    ],
                    cause="the build is not reproducible, or the archive changed between the jobs",
                    fix=Command("debwright", "check", "--reproducible"),
                )


class _Keeper:
    """Copies what the jobs left into dist/: what is the same in several of them once.

    Only one job hands over the sources of upstream and the packages of companions; the reports of
    the others name them with their digests.
    """

    def __init__(self, parts: Sequence[Part], dist: Path, home: Path) -> None:
        self._dist, self._home = dist, home
        self._places: dict[tuple[str, str], list[tuple[Part, Artifact]]] = defaultdict(list)
        for part in parts:
            for artifact in _artifacts(part):
                self._places[_identity(artifact)].append((part, artifact))
        self._once: dict[tuple[str, str], Artifact] = {}

    def kept(self, item: T, part: Part) -> T:
        """The same result, with its files where they are now. Raises CheckError."""
        found = []
        for artifact in item.artifacts:
            upstream = artifact.kind == "source" and _UPSTREAM.search(artifact.path) is not None
            known = self._once.get(_identity(artifact)) if upstream else None
            if known is None:
                self._take(part, artifact)
                self._once[_identity(artifact)] = artifact
            found.append(known or artifact)
        return item.model_copy(update={"artifacts": tuple(found)})

    def _take(self, part: Part, artifact: Artifact) -> None:
        """Copy one file, if it is what the report says. Raises CheckError."""
        places = [(part, artifact)]
        if not (part.directory / artifact.path).exists():
            places += self._places[_identity(artifact)]
        for other, same in places[1:]:
            if (other.directory / same.path).exists():
                places[0] = other, same
                break
        source = _must_be_intact(*places[0], self._home.name)
        _inside(part, artifact, self._home.name)
        target = self._dist / artifact.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _identity(artifact: Artifact) -> tuple[str, str]:
    return Path(artifact.path).name, artifact.sha256


def _inside(part: Part, artifact: Artifact, home: str) -> Path:
    """The place that the report names, below its results. Raises CheckError."""
    relative = Path(artifact.path)
    inside = not relative.is_absolute() and ".." not in relative.parts
    if not inside or relative.parts[0] != home or _linked(part.directory, relative):
        raise CheckError(
            f"the report in {part.directory.name} names a file outside of its results",
            evidence=[Evidence(text=artifact.path)],
            cause="the results were tampered with",
        )
    return part.directory / relative


def _must_be_intact(part: Part, artifact: Artifact, home: str) -> Path:
    """The file, which is as the report says and where it says. Raises CheckError."""
    source = _inside(part, artifact, home)
    if not source.is_file() or sha256_file(source) != artifact.sha256:
        raise CheckError(
            f"{artifact.path} is not what the job made that reported it",
            evidence=[Evidence(text=artifact.sha256, file=str(source))],
            cause="the artifact is incomplete, or was changed on its way",
            fix="gh run rerun --failed",
        )
    return source


def _put_next_to(dsc: Path, result: RunResult, dist: Path) -> None:
    """The files that a .dsc names, next to it: what several targets have is kept once."""
    known = {_identity(a): dist / a.path for t in result.targets for a in t.artifacts}
    for entry in Dsc(dsc.read_bytes()).get("Checksums-Sha256", ()):
        name = str(entry["name"])
        source = known.get((name, str(entry["sha256"])))
        path = dsc.parent / name
        if "/" not in name and source is not None and not path.exists():
            path.hardlink_to(source)


def _linked(top: Path, relative: Path) -> bool:
    steps = [top / Path(*relative.parts[: n + 1]) for n in range(len(relative.parts))]
    return any(step.is_symlink() for step in steps)


def collected_result(job: Job) -> RunResult:
    """The result that `collect` has left in dist/, for a release; the job's sources with it.

    Raises CheckError where a file is not the one that was collected, UsageError where a target of
    the plan is not in it, or it is of another commit.
    """
    path = job.home / "report.json"
    if not path.is_file():
        raise UsageError(
            f"there is no {path}",
            cause="nothing has been collected for this version",
            fix="debwright collect DIRECTORY",
        )
    result, plan = _read(path), job.plan
    commit = plan.version.commit if plan.version else None
    if (result.package, result.version, result.commit) != (plan.package, plan.version_text, commit):
        raise UsageError(
            f"{path} is of {result.package} {result.version} at {result.commit or 'no commit'}",
            cause=f"the release is of {plan.package} {plan.version_text} at {commit}",
            fix="collect the results of the commit that is released",
        )
    lost = {str(t.target) for t in plan.targets} - {t.target for t in result.targets}
    if lost:
        raise UsageError(
            f"{path} lacks {', '.join(sorted(lost))}",
            cause="a release has all targets of debwright.toml",
            fix="collect the results of all architectures",
        )
    part = Part(directory=job.dist, result=result)
    for artifact in _artifacts(part):
        _must_be_intact(part, artifact, job.home.name)
    for target in plan.targets:
        for dsc in sorted(job.directory(target).glob("*.dsc")):
            _put_next_to(dsc, result, job.dist)
            job.sources[target.target.suite] = read_dsc(dsc)
    return result
