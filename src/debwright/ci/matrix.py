"""Which targets a workflow builds, and on which runner each."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from debwright.ci.workflows import Workflows
from debwright.config import LoadedConfig
from debwright.host.git import git
from debwright.host.process import CommandError
from debwright.model.errors import UsageError
from debwright.model.fix import Correction
from debwright.model.targets import (
    ARCHITECTURES,
    HostFacts,
    Strategy,
    Target,
    choose_strategy,
    nearest,
    select,
)
from debwright.observe.report.markdown import cell, escape
from debwright.packages.sbom import CYCLONEDX
from debwright.pipeline.companions import root_of
from debwright.pipeline.plan import Plan
from debwright.pipeline.planning import make_plan
from debwright.pipeline.stages.companion import NAME as COMPANIONS


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A companion as a job leaves it, below dist/: its packages, and their bill of materials."""

    debs: str
    sbom: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job of the matrix; the names are those that the workflows use."""

    target: str
    runner: str
    machine: str
    """The runner's architecture."""
    strategy: str
    """As it is asked for: `auto` lets debwright choose, and fall back."""
    planned: str
    """What that will be there."""
    reason: str
    sbom: str
    """The target's bill of materials, below dist/."""
    companions: tuple["Beside", ...] = ()
    """In the first job only: they are the same in each."""
    whole: bool = True
    """Whether it hands over what is the same in each job of its kind of machine, too."""


def entries(product: LoadedConfig, settings: Workflows, targets: Sequence[Target]) -> list[Entry]:
    """The jobs that build `targets`."""
    if not targets:
        return []
    plan = make_plan(product.directory, elsewhere=True)
    found = [_entry(plan, settings, target) for target in targets]
    first = {entry.machine: entry.target for entry in reversed(found)}
    found = [replace(entry, whole=first[entry.machine] == entry.target) for entry in found]
    return [replace(found[0], companions=tuple(_companions(plan, found[0].machine))), *found[1:]]


def _entry(plan: Plan, settings: Workflows, target: Target) -> Entry:
    arm = target.arch == "arm64"
    native = arm and settings.arm64 == "native"
    machine = "arm64" if native else "amd64"
    strategy = "emulated" if arm and settings.arm64 == "emulated" else plan.config.targets.strategy
    # What the runner can do once debwright doctor has installed what lacks there.
    host = HostFacts(
        arch=machine,
        runnable=ARCHITECTURES[machine].runs_too,
        emulated={target.arch: None} if target.arch != machine else {},
    )
    choice = choose_strategy(target, strategy, host)
    reason = choice.reason
    if choice.strategy is Strategy.CROSS and plan.config.targets.fallback and strategy == "auto":
        reason += "; emulated if that fails"
    version = plan.version_text.split(":", 1)[-1]
    own = plan.version_for(target.suite).split(":", 1)[-1]
    return Entry(
        target=str(target),
        runner=settings.arm64_runner if native else settings.runner,
        machine=machine,
        strategy=str(strategy),
        planned=str(choice.strategy),
        reason=reason,
        sbom=f"{version}/{target}/{plan.package}_{own}_{target.arch}{CYCLONEDX}",
    )


def _companions(plan: Plan, machine: str) -> Iterator[Beside]:
    """The companions of a job on a runner of the architecture `machine`."""
    if not plan.companions:
        return
    root = root_of(plan.config, HostFacts(arch=machine)).target
    version = plan.version_text.split(":", 1)[-1]
    for companion in plan.companions:
        own = companion.plan.version_text.split(":", 1)[-1]
        home = f"{version}/{COMPANIONS}/{companion.name}/{root}"
        yield Beside(
            debs=f"{home}/*.deb", sbom=f"{home}/{companion.name}_{own}_{root.arch}{CYCLONEDX}"
        )


def chosen_targets(
    product: LoadedConfig, settings: Workflows, *, arch: str = "all", light: bool = False
) -> list[Target]:
    """Of the configured targets those of `arch`; with `light`, those of a change to a branch."""
    targets = [Target.parse(t) for t in product.config.targets.build]
    if arch != "all":
        if arch not in ARCHITECTURES:
            raise UsageError(
                f"`{arch}` is not an architecture",
                cause=f"architectures: all, {', '.join(sorted(ARCHITECTURES))}",
                fix=Correction(
                    nearest(arch, ARCHITECTURES, cutoff=0.5) or "all", wrong=arch, option="--arch"
                ),
            )
        known, targets = targets, [t for t in targets if t.arch == arch]
        if not targets:
            # An empty matrix is a failure without a word on GitHub.
            raise UsageError(
                f"no target is of the architecture {arch}",
                cause=f"targets: {', '.join(map(str, known)) or 'none'}",
                fix=f'[targets] build = [..., "bookworm-{arch}"]; or --arch all',
            )
    if light:
        return list(select(targets, settings.light)) if settings.light else targets[:1]
    return targets


def touched(product: LoadedConfig, settings: Workflows, top: Path, since: str) -> list[str]:
    """Files that changed after HEAD left `since`, and that packages are made of.

    Raises UsageError when git does not know the commit.
    """
    try:
        done = git(top, "diff", "--name-only", "-z", "--no-renames", "--end-of-options",
                   f"{since}...HEAD", "--")  # fmt: skip
    except CommandError as error:
        raise UsageError(
            f"git cannot tell what has changed since {since!r}",
            evidence=error.evidence,
            cause="the commit is not in this clone, or has no history in common with this one",
            fix="git fetch --unshallow; without --since all targets are built",
        ) from error
    patterns = list(_patterns(product, settings, top))
    names = [name for name in done.output.split("\0") if name]
    return [name for name in names if any(fnmatchcase(name, p) for p in patterns)]


def _patterns(product: LoadedConfig, settings: Workflows, top: Path) -> Iterable[str]:
    yield from settings.paths
    config = product.config
    sources = [config.package.source, *(c.source for c in config.companions)]
    for path in [product.directory, *(product.resolve(s) for s in sources)]:
        found = path.resolve()
        if found == top.resolve():
            yield "*"
        elif found.is_relative_to(top.resolve()):
            yield f"{found.relative_to(top.resolve())}/*"


def on_real_arm(found: Sequence[Entry], settings: Workflows, *, here: bool) -> list[Entry]:
    """The entries whose packages are checked on a runner of arm64 once more.

    Not `here`: a workflow that a person runs has this machine alone.
    """
    if here or not settings.arm64_proof:
        return []
    return [
        replace(entry, runner=settings.arm64_runner)
        for entry in found
        if entry.target.endswith("-arm64") and entry.machine != "arm64"
    ]


def to_json(found: Sequence[Entry]) -> str:
    """As a matrix takes it, in one line."""
    return json.dumps([asdict(e) for e in found], separators=(",", ":"), sort_keys=True)


def to_markdown(found: Sequence[Entry], note: str) -> str:
    """For the run's summary: what is built where and how."""
    lines = ["### Targets of this run", "", escape(note), ""]
    if found:
        lines += ["| Target | Runner | Strategy | Why |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {cell(e.target)} | {cell(e.runner)} | {escape(e.planned)} | {escape(e.reason)} |"
            for e in found
        ]
    return "\n".join(lines) + "\n\n"
